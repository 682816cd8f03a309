"""Numbers between bounds, digit by digit."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workers.local.grammar.terms import refused

MOST_DIGITS = 16
"""Of a number without bounds: what a float holds exactly, and a model that runs away stops."""

FRACTION = '("." [0-9]{1,12})?'
FREE_INTEGER = f'"-"? ([0-9] | [1-9] [0-9]{{1,{MOST_DIGITS - 1}}})'
FREE_NUMBER = f"{FREE_INTEGER} {FRACTION} ([eE] [-+]? [0-9]{{1,2}})?"

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


class Bound(NamedTuple):
    """A whole number, and whether the bound itself is left out."""

    at: int
    open: bool


def integer(schema: Mapping[str, Any]) -> str:
    """A whole number within the schema's bounds."""
    if not any(name in schema for name in _BOUNDS):
        return FREE_INTEGER
    low, high = _bounds(schema)
    least = None if low is None else low.at + low.open
    most = None if high is None else high.at - high.open
    choices: list[str] = []
    if most is None or most >= 0:
        choices += _whole(max(0, least or 0), most)
    if least is None or least < 0:
        nearest = 1 if most is None or most >= 0 else -most
        choices += (f'"-" ({choice})' for choice in _whole(nearest, None if least is None else -least))
    return _either(choices)


def number(schema: Mapping[str, Any]) -> str:
    """Any number within the schema's bounds, which count to the next whole number inwards."""
    if not any(name in schema for name in _BOUNDS):
        return FREE_NUMBER
    low, high = _bounds(schema)
    zero = Bound(0, open=False)
    choices: list[str] = []
    if high is None or high.at > 0 or high == zero:
        choices += _decimal(low if low and low.at >= 0 else zero, high)
    if low is None or low.at < 0:
        nearest = zero if high is None or high.at > 0 else Bound(-high.at, high.open)
        choices += (f'"-" ({choice})' for choice in _decimal(nearest, low and Bound(-low.at, low.open)))
    return _either(choices)


def _either(choices: list[str]) -> str:
    if not choices:
        raise refused("these minimum and maximum", ": no number of ours lies between them")
    return f"({' | '.join(choices)})"


def _bounds(schema: Mapping[str, Any]) -> tuple[Bound | None, Bound | None]:
    low = _bound(schema.get("minimum"), schema.get("exclusiveMinimum"), sign=1)
    high = _bound(schema.get("maximum"), schema.get("exclusiveMaximum"), sign=-1)
    return low and Bound(low.at, low.open), high and Bound(-high.at, high.open)


def _bound(closed: Any, exclusive: Any, *, sign: int) -> Bound | None:
    """The stricter one; an upper bound is looked at in the mirror. In draft 4 `exclusive…` is a flag of the other."""
    found = []
    if closed is not None:
        found.append(_inward(sign * closed, left_out=exclusive is True))
    if exclusive is not None and not isinstance(exclusive, bool):
        found.append(_inward(sign * exclusive, left_out=True))
    return max(found, default=None)


def _inward(bound: float, *, left_out: bool) -> Bound:
    if not math.isfinite(bound) or abs(bound) >= 10**MOST_DIGITS:
        raise refused(f"a bound of more than {MOST_DIGITS} digits")
    whole = math.ceil(bound)
    return Bound(whole, open=left_out and whole == bound)


def _whole(low: int, high: int | None) -> Iterator[str]:
    """Whole numbers from low to high, none of them below zero."""
    if high is not None and low > high:
        return
    longest = MOST_DIGITS if high is None else len(str(high))
    for length in range(len(str(low)), longest + 1):
        least, most = max(low, 10 ** (length - 1) if length > 1 else 0), 10**length - 1
        if high is None and least == 10 ** (length - 1) and length > 1:
            yield f"[1-9] [0-9]{{{length - 1},{MOST_DIGITS - 1}}}"
            return
        yield _same_length(str(least), str(most if high is None else min(most, high)))


def _decimal(low: Bound, high: Bound | None) -> Iterator[str]:
    """Numbers between bounds that are not below zero."""
    if low.open and (high is None or low.at < high.at):
        yield f'"{low.at}" "." [0-9]{{0,11}} [1-9]'
    first = low.at + low.open
    if high is None:
        yield f"({' | '.join(_whole(first, None))}) {FRACTION}"
        return
    if first < high.at:
        yield f"({' | '.join(_whole(first, high.at - 1))}) {FRACTION}"
    if first <= high.at and not high.open:
        yield f'"{high.at}" ("." "0"{{1,3}})?'


def _same_length(low: str, high: str) -> str:
    """Numbers of as many digits: by the first digit where the bounds differ."""
    if not low:
        return ""
    if set(low) == {"0"} and set(high) == {"9"}:
        return f"[0-9]{{{len(low)}}}"
    rest = len(low) - 1
    if low[0] == high[0]:
        return f'"{low[0]}" {_same_length(low[1:], high[1:])}'.strip()
    below, above = _same_length(low[1:], "9" * rest), _same_length("0" * rest, high[1:])
    choices = [f'"{low[0]}" {below}'.strip(), f'"{high[0]}" {above}'.strip()]
    if int(high[0]) - int(low[0]) > 1:
        free = f" [0-9]{{{rest}}}" if rest else ""
        choices.append(f"[{int(low[0]) + 1}-{int(high[0]) - 1}]{free}")
    return f"({' | '.join(choices)})"
