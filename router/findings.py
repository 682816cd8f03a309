"""What a check of a policy found, for people and for machines: `file:line:col`, the line, a caret.

How other tools want it (GitHub, SARIF) is in `formats`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from router.policy.analysis.lint import lint
from router.policy.loader import policy_from
from router.policy.model import Policy
from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument
from tidegate.includes import with_includes

_SHOWN_CHARS = 110
_PLACED = re.compile(r"(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<message>.*)", re.DOTALL)


@dataclass(frozen=True)
class Report:
    """Errors make a policy unfit; warnings do not."""

    path: Path
    policy: Policy | None
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    kinds: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What kind of remark a warning is, where it came from the analysis: `dead-rule`, `gap`."""

    @property
    def holds(self) -> bool:
        """Whether the policy can be used."""
        return not self.errors

    def problems(self) -> Iterator[dict[str, Any]]:
        """Errors and warnings in parts: level, kind, file, line, column, message."""
        for level, problems in (("error", self.errors), ("warning", self.warnings)):
            for problem in problems:
                yield {"level": level, "kind": self.kinds.get(problem, f"policy-{level}"), **_parts(problem)}

    def as_json(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "holds": self.holds,
            "file": str(self.path),
            "policy": self.policy.version if self.policy else None,
            "lanes": list(self.policy.lanes) if self.policy else [],
            "rules": [rule.name for rule in self.policy.rules] if self.policy else [],
            "errors": [_parts(problem) for problem in self.errors],
            "warnings": [_parts(problem) for problem in self.warnings],
            "kinds": [self.kinds.get(problem, "policy-warning") for problem in self.warnings],
            "allow_outside": sorted(self.policy.allow_outside) if self.policy else [],
            "loosened": list(self.policy.sensitivity.loosened) if self.policy else [],
        }

    def render(self) -> RenderableType:
        """The report for people."""
        return Group(
            rendered(self.errors), rendered(self.warnings, label="warning"), *declared(self.policy), self._sum()
        )

    def _sum(self) -> Text:
        if self.policy is None:
            return Text(f"{self.path}: {_count(self.errors, 'error')}", style="bold red")
        counts = f"{_count(self.policy.lanes, 'lane')}, {_count(self.policy.rules, 'rule')}"
        return Text(f"{self.path}: holds: {self.policy.version}, {counts}", style="bold green")


def of(path: Path) -> Report:
    """Check a policy file."""
    try:
        written = read(path)
        document = with_includes(written, path)
        policy = policy_from(document, name=path.stem)
    except InvalidDocument as exc:
        return Report(path, None, exc.problems, ())
    kinds = _remarks(policy, document, own_lanes=_own(written))
    return Report(path, policy, (), in_order((*policy.warnings, *kinds)), kinds)


def declared(policy: Policy | None) -> tuple[Text, ...]:
    """In red: the entity types that may leave by the operator's word."""
    if policy is None:
        return ()
    told = [f"sensitivity: {lowered}" for lowered in policy.sensitivity.loosened]
    if policy.allow_outside:
        types = ", ".join(sorted(policy.allow_outside))
        told.append(f"allow_outside: {types}: declared harmless, they alone keep no job inside")
    return tuple(Text(line, style="bold red") for line in told)


def _remarks(policy: Policy, document: Document, *, own_lanes: frozenset[str]) -> dict[str, str]:
    """What the analysis found, with its places. Lanes that are shared are not all used everywhere."""
    return {
        document.at(found.path, found.message, value=found.value): found.kind
        for found in lint(policy)
        if found.kind != "unreachable-lane" or found.path[-1] in own_lanes
    }


def _own(document: Document) -> frozenset[str]:
    lanes = document.tree.get("lanes")
    return frozenset(map(str, lanes)) if isinstance(lanes, Mapping) else frozenset()


def rendered(problems: Iterable[str], *, label: str = "error") -> Group:
    """Each problem with its line and a caret."""
    sources = _Sources()
    return Group(*(text for problem in problems for text in _told(problem, label, sources)))


def _count(things: Collection[object], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _told(problem: str, label: str, sources: "_Sources") -> Iterator[Text]:
    style = "red" if label == "error" else "yellow"
    found = _PLACED.fullmatch(problem)
    if found is None:
        yield Text.assemble((f"{label}: ", f"bold {style}"), _printable(problem))
        return
    place = f"{found['file']}:{found['line']}:{found['column']}"
    yield Text.assemble((f"{place}: ", "bold"), (f"{label}: ", f"bold {style}"), _printable(found["message"]))
    line = sources.line(found["file"], int(found["line"]))
    if line:
        column = int(found["column"]) - 1
        start = max(0, column - _SHOWN_CHARS // 2)
        yield Text(f"    {line[start : start + _SHOWN_CHARS]}")
        yield Text(f"    {' ' * (column - start)}^", style=style)


class _Sources(dict[str, list[str]]):
    """The lines of the files that problems point to, each file read once."""

    def line(self, file: str, number: int) -> str:
        """A line, with tabs one column wide; empty where there is none to show."""
        lines = self[file]
        return _printable(lines[number - 1].replace("\t", " ").rstrip()) if number <= len(lines) else ""

    def __missing__(self, file: str) -> list[str]:
        try:
            text = Path(file).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            text = ""
        return self.setdefault(file, text.split("\n"))


def _parts(problem: str) -> dict[str, Any]:
    found = _PLACED.fullmatch(problem)
    if found is None:
        return {"file": None, "line": None, "column": None, "message": problem}
    return {
        "file": found["file"],
        "line": int(found["line"]),
        "column": int(found["column"]),
        "message": found["message"],
    }


def _printable(text: str) -> str:
    """A quoted key may hold escapes that would steer a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
