"""`tidegate eval sensitivity`: what it prints, writes and refuses. The detectors are fakes here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from router.commands import evaluate
from router.evaluation.looking import Look
from tidegate.job import Job
from tidegate.signals import Finding, Level, Sensitivity

SECRET = "Rumpelstiltskin"

app = typer.Typer()
evaluate.mount(app)


@contextmanager
def fakes(policy: Path) -> Iterator[Look]:
    """An `@` is an e-mail address; `^C` is somebody who has had enough."""

    def look(job: Job) -> Sensitivity:
        if job.text == "^C":
            raise KeyboardInterrupt
        found = (Finding(type="EMAIL_ADDRESS", score=0.9, detector="fake"),) if "@" in (job.text or "") else ()
        return Sensitivity(level=Level.PERSONAL if found else Level.PUBLIC, findings=found)

    yield look


@pytest.fixture(autouse=True)
def _fake_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "detectors", fakes)


def run(*args: str | Path) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(app, ["eval", "sensitivity", *map(str, args)])


def file(folder: Path, *rows: dict[str, Any], name: str = "data.jsonl") -> Path:
    """A data set."""
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROWS = (
    {"text": f"{SECRET}@b", "type": "EMAIL", "transform": "plain", "source": "one"},
    {"text": SECRET, "type": "EMAIL", "transform": "spelled", "source": "two"},
    {"text": f"{SECRET} of @"},
    {"text": "ab"},
)


def test_tables(tmp_path: Path) -> None:
    """By type and by disguise, false alarms, levels, times; and no text."""
    result = run(file(tmp_path, *ROWS))
    assert result.exit_code == 0, result.output
    for expected in ("50.00%", "EMAIL", "plain", "spelled", "EMAIL_ADDRESS", "level found", "rows/s"):
        assert expected in result.stdout
    assert SECRET not in result.output


def test_several_files_have_a_line_each_and_one_together(tmp_path: Path) -> None:
    """The files are told apart."""
    result = run(file(tmp_path, *ROWS, name="a.jsonl"), file(tmp_path, *ROWS, name="b.jsonl"))
    assert "a.jsonl" in result.stdout
    assert "b.jsonl" in result.stdout
    assert "all" in result.stdout


def test_json_on_standard_output_is_all_that_is_there(tmp_path: Path) -> None:
    """A program can read it."""
    told = json.loads(run(file(tmp_path, *ROWS), "--json", "-", "--by", "source").stdout)
    assert told["personal"]["share"] == 0.5
    assert set(told["by"]) == {"source"}
    assert told["policy"].startswith("default@")


def test_json_into_a_file_beside_the_tables(tmp_path: Path) -> None:
    """Both at once, and nothing half-written left behind."""
    result = run(file(tmp_path, *ROWS), "--json", tmp_path / "out.json")
    assert "recall" in result.stdout
    assert json.loads((tmp_path / "out.json").read_text())["rows"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "out.json"]


def test_json_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Misuse, with the reason."""
    result = run(file(tmp_path, *ROWS), "--json", tmp_path / "gone" / "out.json")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_misses_are_shown_by_place_only(tmp_path: Path) -> None:
    """File and line, what it holds and what was found."""
    path = file(tmp_path, *ROWS)
    result = run(path, "--misses", "5")
    assert f"{path}:2" in result.stdout.replace("\n", "")
    assert f"{path}:3" in result.stdout.replace("\n", "")
    assert SECRET not in result.output


def test_texts_need_a_terminal(tmp_path: Path) -> None:
    """They must not land in a file or a pipe."""
    result = run(file(tmp_path, *ROWS), "--misses", "5", "--show-text")
    assert result.exit_code == 2
    assert "terminal" in result.stderr
    assert SECRET not in result.output


def test_texts_of_misses_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's own, on the operator's own screen: misses and false alarms, and no other."""
    monkeypatch.setattr(evaluate, "_on_a_terminal", lambda: True)
    result = run(file(tmp_path, *ROWS), "--show-text")
    assert f"missed {tmp_path}" in result.stdout
    assert SECRET in result.stdout
    assert f"{SECRET}@b" not in result.stdout


def test_bad_rows_are_misuse_with_their_places(tmp_path: Path) -> None:
    """Each with file and line, and none of the text."""
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"text": "{SECRET}"\n{{"text": "{SECRET}", "level": "high"}}\n')
    result = run(path)
    assert result.exit_code == 2
    assert "bad.jsonl:1: expected JSON" in result.stderr
    assert "bad.jsonl:2: level:" in result.stderr
    assert SECRET not in result.output


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_nothing_to_measure_is_misuse(tmp_path: Path, content: str) -> None:
    """An empty file proves nothing."""
    path = tmp_path / "empty.jsonl"
    path.write_text(content)
    result = run(path)
    assert result.exit_code == 2
    assert "hold no rows" in result.stderr


def test_a_policy_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    """The detectors judge by a policy's levels; a misspelt one must not be the default's."""
    result = run(file(tmp_path, *ROWS), "--policy", tmp_path / "gone.yaml")
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (("--recall-at-least", "0.5"), 0),
        (("--recall-at-least", "0.51"), 1),
        (("--alarms-at-most", "0.5"), 0),
        (("--alarms-at-most", "0.49"), 1),
        (("--recall-at-least", "1.5"), 2),
    ],
)
def test_bounds_for_ci(tmp_path: Path, bounds: tuple[str, ...], code: int) -> None:
    """A pipeline can hold the numbers to a bound."""
    assert run(file(tmp_path, *ROWS), *bounds).exit_code == code


def test_a_bound_on_what_was_not_measured_falls_short(tmp_path: Path) -> None:
    """No personal rows: nobody can say that the recall is high enough."""
    assert run(file(tmp_path, {"text": "ab"}), "--recall-at-least", "0").exit_code == 1


def test_control_c_ends_it_in_one_line(tmp_path: Path) -> None:
    """With how far it came, and no traceback."""
    result = run(file(tmp_path, *ROWS, {"text": "^C"}))
    assert result.exit_code == 130
    assert result.stderr == "stopped after 4 of 5 rows\n"
    assert result.stdout == ""
