"""The readings of a text: of a long one, only around what the gate saw. To read all of it otherwise takes milliseconds.

What is encoded or spelled shows its hint all along, so that the parts around the hints hold all of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.views import HINTS, views
from router.signals.sensitivity.views.view import SHORT_CHARS, Piece, View

REACH_CHARS = 600
"""More than what a hint announces, and the words around that make it telling."""

WORD_CHARS = 200

Ask = Callable[[str], frozenset[str] | None]


def readings(text: View, ask: Ask) -> Iterator[View]:
    """The text as written, then each reading that differs. Raises what `views` raises, after what could be read."""
    everywhere, parts = _split(text)
    problems: dict[str, None] = {}
    yield text
    text.text.encode()  # a lone surrogate is no text: nobody can say what it stands for
    if everywhere is None or everywhere:
        yield from _others(text.text, everywhere, ask, problems)
    for start, end, hints in parts:
        for view in _others(text.text[start:end], hints, ask, problems):
            yield replace(view, pieces=tuple(_moved(view, start)))
    if problems:
        raise GaveUpError(", ".join(problems))


def _split(text: View) -> tuple[frozenset[str] | None, list[tuple[int, int, frozenset[str]]]]:
    """The hints for which all of the text is to be read (None: for any), and the parts to read for the others."""
    if text.hints is None or text.locate is None or len(text.text) <= SHORT_CHARS:
        return text.hints, []
    seen = {hint: _windows(text, hint) for hint in text.hints.intersection(HINTS)}
    full = len(text.text) // 4
    everywhere = frozenset(hint for hint, windows in seen.items() if sum(end - start for start, end in windows) > full)
    parts: list[tuple[int, int, frozenset[str]]] = []
    shown = sorted((*window, name) for name in seen.keys() - everywhere for window in seen[name])
    for start, end, hint in shown:
        if parts and start <= parts[-1][1]:
            first, last, hints = parts[-1]
            parts[-1] = (first, max(last, end), hints | {hint})
        else:
            parts.append((start, end, everywhere | {hint}))
    return everywhere, parts


def _windows(text: View, hint: str) -> list[tuple[int, int]]:
    found = text.windows(hint, before=REACH_CHARS, after=REACH_CHARS)
    return [_words(text.text, start, end) for start, end in found]


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """The same in whole words, where there are any."""
    first, last = text.rfind(" ", max(0, start - WORD_CHARS), start), text.find(" ", end, end + WORD_CHARS)
    return (first + 1 if first >= 0 else start), (last if last >= 0 else end)


def _others(text: str, hints: frozenset[str] | None, ask: Ask, problems: dict[str, None]) -> Iterator[View]:
    """The readings but the first, which is the text as written; why it gives up is noted."""
    found = views(text, hints, gate=ask)
    next(found)
    try:
        yield from found
    except GaveUpError as exc:
        problems[exc.kind] = None


def _moved(view: View, by: int) -> Iterator[Piece]:
    for piece in view.pieces:
        yield piece._replace(origin_start=piece.origin_start + by, origin_end=piece.origin_end + by)
