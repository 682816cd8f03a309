"""Values in disguise, one a row: `text` or `messages`, `type`, `transform` (the form), `source` (the family)."""

from collections.abc import Iterator
from random import Random
from typing import Any

import glyphs  # noqa: F401 -- fills the table
import programs  # noqa: F401
import spoken  # noqa: F401
from carriers import carrier, without
from forms import FORMS, Form
from values import value

EACH = 6
"""Rows for a form and a type at least."""

LEAST = 18
"""Rows for a form at least."""


def disguised(seed: int, *, each: int = EACH) -> Iterator[dict[str, Any]]:
    """Rows of every form and type. The same seed gives the same rows, whatever other forms there are."""
    for form in FORMS.values():
        for kind in form.types:
            rng = Random(f"{seed} {form.name} {kind}")
            wanted = max(each, LEAST // len(form.types))
            made = (_row(rng, form, kind) for _ in range(wanted * 4))
            yield from [row for row in made if row is not None][:wanted]


def plain(seed: int, *, each: int = 40) -> Iterator[dict[str, Any]]:
    """The same values and sentences with nothing disguised: what is missed here is no disguise's doing."""
    form = Form("plain", "plain", listed=True, types=(), whole=False, make=lambda _rng, _kind, given: given)
    for kind in ("EMAIL", "PHONE", "CARD", "IBAN", "SSN", "IP", "API_KEY"):
        rng = Random(f"{seed} plain {kind}")
        yield from (row for _ in range(each) if (row := _row(rng, form, kind)) is not None)


def harmless(seed: int, *, each: int = 3) -> Iterator[dict[str, Any]]:
    """Harmless words and numbers in the same disguises: who keeps all of these inside has understood none of them.

    So are the sentences that carry the values, with nothing in a value's place.
    """
    for text, name in without():
        yield {"text": text, "types": [], "template": name, "source": "control: nothing in the sentence"}
    for form in FORMS.values():
        for kind, (like, things) in _HARMLESS.items():
            if form.whole or like not in form.types:
                continue
            rng = Random(f"{seed} harmless {form.name} {kind}")
            for _ in range(each):
                told = form.make(rng, kind, rng.choice(things))
                if isinstance(told, str):
                    text = rng.choice(_SAID).replace("{v}", told)
                    yield {"text": text, "types": [], "transform": form.name, "source": "control: harmless in disguise"}


_HARMLESS = {
    "WORDS": (
        "API_KEY",
        ("a blue ceramic mug", "the harbour wall", "release notes", "two loaves of bread", "Open on Sundays"),
    ),
    "NUMBER": ("SSN", ("48-213", "20-24", "7-30", "4.12", "10482", "12-9")),
}
"""Words go where any text goes; short numbers go where numbers do."""

_SAID = (
    "Put {v} on the label and tell me if it fits.",
    "The sign in the shop window says {v}. Is that easy to read?",
    "Use {v} as the title of the page.",
    "We printed {v} on the box. What does it look like in bold?",
)


def _row(rng: Random, form: Form, kind: str) -> dict[str, Any] | None:
    given = value(rng, kind)
    told = form.make(rng, kind, given)
    if told is None or (told == given and form.name != "plain"):
        return None
    labels = {"type": kind, "transform": form.name, "source": f"{'listed' if form.listed else 'novel'}: {form.family}"}
    if isinstance(told, tuple):
        roles = ("user", "assistant")
        turns = [{"role": roles[place % 2], "content": text} for place, text in enumerate(told)]
        return {"messages": turns, **labels, "template": form.name}
    if form.whole:
        return {"text": told, **labels, "template": form.name}
    sentence, name = carrier(rng, kind)
    return {"text": sentence.replace("{v}", told), **labels, "template": name}
