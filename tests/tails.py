"""What the processes of a failed test said last: their logs hold no text of a job, and are gone with the machine."""

import os
from pathlib import Path

LINES, LINE_CHARS, FILES = 12, 300, 10


def tails(folder: Path, *, since: float) -> list[tuple[str, str]]:
    """The last lines of each log below a folder that was written to since then; the latest, where there are many."""
    logs = [Path(place) / name for place, _, names in os.walk(folder) for name in names if name.endswith(".log")]
    written = [(found, path) for path in logs if (found := _written(path)) >= since]
    latest = [path for _, path in sorted(written)[-FILES:]]
    return [(f"the end of {path.relative_to(folder)}", text) for path in latest if (text := _end(path))]


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it has just gone, with its server
        return 0.0


def _end(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line[:LINE_CHARS] for line in lines[-LINES:])
