"""What a failed test shows of its processes' logs."""

import os
from pathlib import Path

import tails


def test_the_last_lines_of_what_was_written_since(tmp_path: Path) -> None:
    """Not of a log that stood still, not of an empty one, and of no other file."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "router.log").write_text("".join(f"line {number}\n" for number in range(100)))
    (tmp_path / "worker.log").write_bytes(b"\xff" * 1000)
    (tmp_path / "old.log").write_text("long ago\n")
    os.utime(tmp_path / "old.log", (1, 1))
    (tmp_path / "empty.log").touch()
    (tmp_path / "received.jsonl").write_text("a job's text")
    shown = dict(tails.tails(tmp_path, since=2))
    assert set(shown) == {"the end of logs/router.log", "the end of worker.log"}
    assert shown["the end of logs/router.log"].splitlines()[0] == f"line {100 - tails.LINES}"
    assert len(shown["the end of worker.log"]) == tails.LINE_CHARS


def test_of_many_logs_the_latest(tmp_path: Path) -> None:
    """A report stays readable."""
    for number in range(tails.FILES + 3):
        path = tmp_path / f"{number}.log"
        path.write_text("a line\n")
        os.utime(path, (number + 10, number + 10))
    shown = [name for name, _ in tails.tails(tmp_path, since=0)]
    assert shown == [f"the end of {number}.log" for number in range(3, tails.FILES + 3)]
