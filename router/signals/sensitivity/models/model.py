"""What the families share: a foreign model as a detector, and the cutting of texts that are longer than it can read."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views.view import View
from tidegate.errors import InvalidSettings

_WORDS = re.compile(r"\w+(?:[-_]\w+)*|\S")
OVERLAP = 40


class Marked(NamedTuple):
    """What a foreign model says of a piece of text, in its own words."""

    label: str
    score: float
    start: int
    end: int


@dataclass(frozen=True)
class ModelDetector:
    """A foreign model behind the detectors' port."""

    name: str
    mark: Callable[[str], Iterable[Marked]]
    types: Mapping[str, str]
    """The model's labels -> ours. What is not in it is no finding."""
    most_words: int | None = None
    """What the model reads at once. It would leave out the rest without a word, so longer texts are cut here."""

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """The surest span of each type, or every one."""
        spans = list(self._spans(view.text))
        if every:
            yield from sorted(spans, key=lambda span: span.start)
            return
        surest: dict[str, Span] = {}
        for span in sorted(spans, key=lambda span: span.score):
            surest[span.type] = span
        yield from surest.values()

    def _spans(self, text: str) -> Iterator[Span]:
        for begin, end in pieces(text, self.most_words):
            for marked in self.mark(text[begin:end]):
                if type_ := self.types.get(marked.label.upper().removeprefix("B-").removeprefix("I-")):
                    yield Span(type_, round(float(marked.score), 4), begin + marked.start, begin + marked.end)


def pieces(text: str, most_words: int | None) -> Iterator[tuple[int, int]]:
    """Where to cut, so that no piece has more words. Neighbours overlap: what one cuts the other has whole."""
    if most_words is None:
        yield 0, len(text)
        return
    words = [match.span() for match in _WORDS.finditer(text)]
    step = most_words - OVERLAP
    for first in range(0, max(1, len(words) - OVERLAP), step):
        part = words[first : first + most_words]
        if part:
            yield part[0][0], part[-1][1]


def not_installed(package: str, setting: str) -> InvalidSettings:
    """The package is missing: say which, and how to get it."""
    return InvalidSettings(f"TIDEGATE_DETECTORS_EXTRA names {setting}, which needs a package: pip install {package}")


def not_there(setting: str, how: str, exc: BaseException) -> InvalidSettings:
    """The model is missing or broken: say how to get it. tidegate itself downloads nothing."""
    return InvalidSettings(
        f"TIDEGATE_DETECTORS_EXTRA names {setting}, which is not on this machine or cannot be loaded "
        f"({type(exc).__name__}). Get it with: {how}"
    )
