"""A grammar of two rules: `<a|b>` is one of its branches, `{slot}` is what the slot's maker makes.

`{-slot}` takes the label off. `{slot1}` and `{slot2}` tell people apart within a document: all slots with the same
number speak of the same person. `§Paris§` is a place that stands in the template itself. A word in braces that is no
slot stays as it is, because code is full of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Generic, TypeAlias, TypeVar

from models.tagger.recipe.example import Marked, joined

_CHOICE = re.compile(r"<([^<>|]*(?:\|[^<>|]*)+)>")
_SLOT = re.compile(r"\{(-?)([a-z_]+)(\d?)\}")
_DEEPEST = 12
_PLACE = "§"
_VOWELS = frozenset("aeio")
_ARTICLES = frozenset({" a ", "a ", "\na ", '"a '})

CastT = TypeVar("CastT")


@dataclass(slots=True)
class Scene(Generic[CastT]):
    """What one document is drawn with: its random numbers, and the people who occur in it."""

    rng: Random
    cast: dict[str, CastT] = field(default_factory=dict)


Maker: TypeAlias = Callable[[Scene[CastT], str], str | Marked]
Slots: TypeAlias = Mapping[str, tuple[str | None, Maker[CastT]]]


def expand(template: str, scene: Scene[CastT], slots: Slots[CastT], *, depth: int = 0) -> Marked:
    """Fill the template: branches first, then slots, then the slots in what was filled in."""
    if depth > _DEEPEST:
        raise RecursionError(f"a slot contains itself: {template!r}")
    rng = scene.rng
    while "<" in template and _CHOICE.search(template):
        template = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    parts: list[Marked] = []
    for piece in _pieces(template):
        part = _part(piece, scene, slots, depth)
        if parts and part.text[:1] in _VOWELS and parts[-1].text[-3:].lower() in _ARTICLES:
            parts[-1] = Marked(f"{parts[-1].text[:-1]}n ", parts[-1].spans)
        parts.append(part)
    return parts[0] if len(parts) == 1 else joined(parts)


def slots_in(template: str) -> set[str]:
    """The words in braces."""
    return {match[2] for match in _SLOT.finditer(template)}


def _part(piece: "str | tuple[str, str, str, str]", scene: Scene[CastT], slots: Slots[CastT], depth: int) -> Marked:
    if isinstance(piece, str):
        return _places_marked(piece) if _PLACE in piece else Marked(piece)
    whole, minus, name, key = piece
    if name not in slots:
        return Marked(whole)
    label, make = slots[name]
    made = make(scene, key)
    if isinstance(made, str):
        made = expand(made, scene, slots, depth=depth + 1) if "{" in made or "<" in made else Marked(made)
    if label:
        made = _labelled(made, label)
    return made.without() if minus else made


def _places_marked(piece: str) -> Marked:
    """Every second part is a place."""
    parts = piece.split(_PLACE)
    return joined([_labelled(Marked(part), "LOCATION") if odd % 2 else Marked(part) for odd, part in enumerate(parts)])


def _labelled(made: Marked, label: str) -> Marked:
    stripped = made.text.strip()
    start = made.text.find(stripped)
    return Marked(made.text, ((start, start + len(stripped), label),) if stripped else ())


@lru_cache(maxsize=20_000)
def _pieces(template: str) -> tuple["str | tuple[str, str, str, str]", ...]:
    pieces: list[str | tuple[str, str, str, str]] = []
    position = 0
    for match in _SLOT.finditer(template):
        if match.start() > position:
            pieces.append(template[position : match.start()])
        pieces.append((match[0], match[1], match[2], match[3]))
        position = match.end()
    if position < len(template):
        pieces.append(template[position:])
    return tuple(pieces)
