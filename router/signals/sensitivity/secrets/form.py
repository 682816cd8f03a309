"""What a form of a secret is: fixed openings, one pattern, and a test that what it matched is filled in.

Patterns take linear time: fixed openings, bounded repeats, none nested. They are ASCII: other alphabets are the views'
business. A form's hint is what its pattern cannot do without, in the syntax that the gate understands: no lookaround.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import re2

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views.view import View

Check = Callable[[str], bool]

MIN_DISTINCT = 6
"""Fewer different characters than this in a token are a placeholder: `xxxxxxxxxxxx`, `1234123412341234`."""

PLACEHOLDER = re.compile(
    r"(?i)x{5}|\*{4}|\.{4}|your[_-]|[_-]here|placeholder|redacted|example[_-]|change_?me|replace|dummy"
)


class Form(NamedTuple):
    """A form of a secret: a text that holds none of the openings is not searched."""

    name: str
    type: str
    openings: tuple[str, ...]
    pattern: re.Pattern[str]
    hints: tuple[str, ...]
    check: Check
    score: float

    @property
    def hint(self) -> str:
        """What the gate calls it."""
        return f"secret_{self.name}"

    def spans(self, view: View) -> Iterator[Span]:
        """Where it stands: the group `value` where the pattern has one, else all of it."""
        if not view.may_hold(self.hint) or (view.hints is None and not self._may_stand_in(view.text)):
            return
        for match in self.pattern.finditer(view.text):
            group = "value" if "value" in self.pattern.groupindex else 0
            if self.check(match[group]):
                start = match.start(group)
                yield Span(self.type, self.score, start, start + len(match[group].rstrip(".,;:")))

    def _may_stand_in(self, text: str) -> bool:
        """What the gate would have said. RE2 asks in a hundredth of the time of `re`."""
        return any(opening in text for opening in self.openings) and any(_re2(hint).search(text) for hint in self.hints)


@cache
def _re2(hint: str) -> Any:
    return re2.compile(hint)


def filled(value: str) -> bool:
    """Whether a value is drawn by chance, and no placeholder of a manual and no name in a program."""
    if len(set(value)) < MIN_DISTINCT or PLACEHOLDER.search(value):
        return False
    return any(char.isdigit() for char in value) or min(_count(str.isupper, value), _count(str.islower, value)) > MIXED


MIXED = 3
"""More capitals and more small letters than this: chance, where there is no digit. `sk-scikitLearn` has fewer."""


def _count(kind: Callable[[str], bool], value: str) -> int:
    return sum(map(kind, value))


def anything(_value: str) -> bool:
    """No opinion."""
    return True


def form(
    entity: str,
    name: str,
    openings: tuple[str, ...],
    pattern: str,
    *,
    hint: str = "",
    check: Check = filled,
    score: float = 0.9,
) -> Form:
    """A form of a table. Its hint is the pattern itself, or what stands in for one with lookaround."""
    return Form(name, entity, openings, re.compile(pattern, re.ASCII), (necessary(hint or pattern),), check, score)


def token(name: str, openings: str, tail: str, least: int, *, whole: bool = False) -> Form:
    """An issuer's key: one of a few openings, then at least so many characters. `whole`: it starts a word."""
    words = tuple(openings.split())
    core = f"(?:{'|'.join(map(re.escape, words))}){tail}{{{least},255}}"
    before = r"(?<![A-Za-z0-9_/-])" if whole else ""
    return form("API_KEY", name, words, before + core, hint=core)


def necessary(pattern: str) -> str:
    """What the gate looks for: the same pattern without upper bounds, which cost an automaton a state each."""
    named = re.sub(r"\(\?P<\w+>", "(?:", pattern)
    return re.sub(r"\{(\d+),\d*\}$", r"{\1}", REPEAT.sub(r"{\1,}", named)).replace("{0,}", "*").replace("{1,}", "+")


REPEAT = re.compile(r"\{(\d+),\d{2,4}\}")
