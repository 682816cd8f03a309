"""Identifiers: numbers that an office, a bank, a network or a maker gave to one person, of many countries.

python-stdnum knows the check digits, phonenumbers the phones; the tables know how people announce and write them. What
Presidio's fourteen recognisers see in English text is theirs. A new kind is one row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import re2

from router.signals.sensitivity.detector import Span, one_a_type
from router.signals.sensitivity.identifiers import phones
from router.signals.sensitivity.identifiers.europe import EUROPE
from router.signals.sensitivity.identifiers.identifier import Identifier
from router.signals.sensitivity.identifiers.papers import EVERYWHERE
from router.signals.sensitivity.identifiers.windows import windows
from router.signals.sensitivity.identifiers.world import WORLD
from router.signals.sensitivity.views.view import View

IDENTIFIERS: tuple[Identifier, ...] = (*EUROPE, *WORLD, *EVERYWHERE)

HINTS: Mapping[str, tuple[str, ...]] = {
    **{hint: patterns for identifier in IDENTIFIERS for hint, patterns in identifier.hints.items()},
    **phones.HINTS,
}
"""For the gate: hint -> what a text must hold."""

ANY_WORD = re2.compile("|".join(identifier.said.pattern for identifier in IDENTIFIERS))
ANY_SHAPE = re2.compile("|".join(identifier.shape for identifier in IDENTIFIERS if identifier.shape))
Find = Callable[[str], Iterator[Span]]


class Identifiers:
    """Finds national identifiers, papers, vehicles, devices, bank accounts and phone numbers."""

    name = "identifiers"
    hints = HINTS

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """The first of each type, or all."""
        if view.hints is None or not HINTS.keys().isdisjoint(view.hints):
            yield from one_a_type(partial(_spans, view), every=every)


def _spans(view: View, seen: AbstractSet[str]) -> Iterator[Span]:
    """Everything, but for the types that were seen."""
    called = [(one.type, one.called) for one in IDENTIFIERS if view.may_hold(f"{one.name}_word")]
    alone = [(one.type, one.alone) for one in IDENTIFIERS if one.shape and view.may_hold(f"{one.name}_shape")]
    yield from _around(ANY_WORD, view.text, called, seen)
    yield from _around(ANY_SHAPE, view.text, alone, seen)
    yield from phones.spans(view)


def _around(anything: Any, text: str, finds: Sequence[tuple[str, Find]], seen: AbstractSet[str]) -> Iterator[Span]:
    """What stands around the places where one pass over the text saw anything at all."""
    for start, end in windows(anything, text) if finds else ():
        piece = text[start:end]
        for entity, find in finds:
            for span in find(piece) if entity not in seen else ():
                if end == len(text) or span.end < len(piece):
                    yield Span(entity, span.score, start + span.start, start + span.end)
