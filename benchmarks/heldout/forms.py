"""The table of disguises. A disguise turns a value into what a person, a program or an adversary makes of it.

Each could be undone by a competent reader or by a language model. `listed` ones use a mechanism that is widely known and
that a scanner may have been built for; the others are what is left to invention.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

Told = str | tuple[str, ...] | None
"""The disguised value; several turns of a conversation; or nothing, where the form does not suit the value."""

Disguise = Callable[[Random, str, str], Told]

NUMBERS = ("PHONE", "CARD", "SSN", "IP")
DIGITS = ("PHONE", "CARD", "SSN")
GROUPED = ("PHONE", "CARD", "SSN", "IP", "IBAN")
ALL = ("EMAIL", "PHONE", "CARD", "IBAN", "SSN", "IP", "API_KEY")


@dataclass(frozen=True)
class Form:
    """One way to disguise values of some types. `whole` ones bring their own sentence."""

    name: str
    family: str
    listed: bool
    types: tuple[str, ...]
    whole: bool
    make: Disguise


FORMS: dict[str, Form] = {}


def form(
    family: str, *, types: Iterable[str] = ALL, listed: bool = False, whole: bool = False
) -> Callable[[Disguise], Disguise]:
    """Put a disguise into the table, under its function's name."""

    def add(make: Disguise) -> Disguise:
        name = make.__name__
        if name in FORMS:
            raise ValueError(f"two disguises named {name}")
        FORMS[name] = Form(name, family, listed, tuple(types), whole, make)
        return make

    return add


def groups(kind: str, value: str) -> list[str]:
    """A value in the pieces in which people say it."""
    if kind == "EMAIL":
        return list(value.partition("@")[::2])
    if kind == "API_KEY":
        return [value[at : at + 8] for at in range(0, len(value), 8)]
    parts = re.findall(r"[0-9A-Za-z]+", value)
    if len(parts) == 1:
        parts = [value[at : at + 4] for at in range(0, len(value), 4)]
    return parts


def digits(value: str) -> str:
    """Only the digits."""
    return "".join(char for char in value if char.isdigit())


def compact(value: str) -> str:
    """Without separators."""
    return re.sub(r"[^0-9A-Za-z]", "", value)
