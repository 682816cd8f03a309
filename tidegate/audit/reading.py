"""Reading the audit log: the lines that somebody asks for, as people and programs want them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.audit import line as lines
from tidegate.audit.folder import files_of
from tidegate.audit.verify import Raw, raw_lines
from tidegate.errors import Misuse


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which lines are meant. Every given condition must hold."""

    job: str | None = None
    move: str | None = None
    since: float | None = None
    until: float | None = None

    def fits(self, line: lines.Line) -> bool:
        """Whether this one is."""
        at = at_of(line)
        return (
            (self.job is None or line.get("job") == self.job)
            and (self.move is None or move_of(line) == self.move)
            and (self.since is None or at is None or at >= self.since)
            and (self.until is None or at is None or at < self.until)
        )


def chosen(folders: Iterable[Path], choice: Choice) -> Iterator[tuple[Raw, lines.Line]]:
    """The lines that are meant, in their order. What is no line is passed over: verifying tells of it."""
    for raw in raw_lines(files(folders)):
        try:
            line = lines.read(raw.raw)
        except lines.Unreadable:
            continue
        if choice.fits(line):
            yield raw, line


def files(folders: Iterable[Path]) -> list[Path]:
    """The files of one log, of one machine or of several. Raises Misuse where there is none."""
    found = [file for folder in folders for file in ([folder] if folder.is_file() else files_of(folder))]
    if not found:
        named = ", ".join(str(folder) for folder in folders)
        raise Misuse(f"no audit log in {named}: it lies where the janitor runs, see TIDEGATE_AUDIT")
    return sorted(found, key=lambda file: file.name)


def move_of(line: lines.Line) -> str:
    """What happened, in one word."""
    event = _event(line)
    return str(event.get("move", line["kind"] if not event else "unreadable"))


def at_of(line: lines.Line) -> float | None:
    """When it happened, in Unix seconds."""
    event = _event(line)
    for place in (event, event.get("note"), line):
        at = place.get("at") if isinstance(place, dict) else None
        if isinstance(at, (int, float)):
            return float(at)
    return None


def note_of(line: lines.Line) -> str:
    """What else it says, on one line."""
    event = _event(line)
    said = event.get("note", {}) if event else {k: v for k, v in line.items() if k in ("first", "last", "was", "place")}
    if not isinstance(said, dict):
        return ""
    return " ".join(f"{name}={_short(value)}" for name, value in said.items() if name not in ("at", "v"))


def time_of(text: str, *, now: float) -> float:
    """`2026-11-22`, `2026-11-22T10:00`, or an age such as 30m, 2h, 7d. Raises Misuse."""
    units_s = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    if text[-1:] in units_s and text[:-1].replace(".", "", 1).isdecimal():
        return now - float(text[:-1]) * units_s[text[-1]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Misuse(f"expected a time as 2026-11-22T10:00, or an age as 30m, 2h, 7d; got '{text}'") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _event(line: lines.Line) -> dict[str, Any]:
    event = line.get("event")
    return event if isinstance(event, dict) else {}


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
