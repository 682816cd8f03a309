"""Numbers between bounds, digit by digit."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workers.local.grammar.terms import refused

MOST_DIGITS = 16
"""Of a number without bounds: what a float holds exactly, and a model that runs away stops."""

FRACTION = '("." [0-9]{1,12})?'
FREE_INTEGER = f'"-"? ([0-9] | [1-9] [0-9]{{1,{MOST_DIGITS - 1}}})'
FREE_NUMBER = f"{FREE_INTEGER} {FRACTION} ([eE] [-+]? [0-9]{{1,2}})?"

Magnitudes = Callable[[int, int | None], Iterator[str]]
"""The texts of numbers from one bound to the other, both at or above zero."""

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def integer(schema: Mapping[str, Any]) -> str:
    """A whole number within the schema's bounds."""
    if not any(name in schema for name in _BOUNDS):
        return FREE_INTEGER
    return _signed(*_bounds(schema), _whole, below_zero=1)


def number(schema: Mapping[str, Any]) -> str:
    """Any number within the schema's bounds, which count to the next whole number inwards."""
    if not any(name in schema for name in _BOUNDS):
        return FREE_NUMBER
    for name in ("exclusiveMinimum", "exclusiveMaximum"):
        if schema.get(name) is not None and schema[name] is not False:  # 0 is a bound
            raise refused(f"{name} of a number that need not be whole", "; minimum and maximum it can")
    return _signed(*_bounds(schema), _decimal, below_zero=0)


def _bounds(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    low = _inward(schema.get("minimum"), schema.get("exclusiveMinimum"), up=True)
    high = _inward(schema.get("maximum"), schema.get("exclusiveMaximum"), up=False)
    if low is not None and high is not None and low > high:
        raise refused("these minimum and maximum", ": no whole number lies between them")
    return low, high


def _inward(bound: Any, exclusive: Any, *, up: bool) -> int | None:
    """The first whole number that a bound allows. In draft 4 `exclusive…` is a flag of the bound."""
    found = []
    if bound is not None:
        found.append(_rounded(bound, up=up, beyond=exclusive is True))
    if exclusive is not None and not isinstance(exclusive, bool):
        found.append(_rounded(exclusive, up=up, beyond=True))
    return None if not found else max(found) if up else min(found)


def _rounded(bound: float, *, up: bool, beyond: bool) -> int:
    if not math.isfinite(bound) or abs(bound) >= 10**MOST_DIGITS:
        raise refused(f"a bound of more than {MOST_DIGITS} digits")
    whole = math.ceil(bound) if up else math.floor(bound)
    return whole + (1 if up else -1) if beyond and whole == bound else whole


def _signed(low: int | None, high: int | None, magnitudes: Magnitudes, *, below_zero: int) -> str:
    """`below_zero` is the least whole part that may stand behind a minus."""
    choices: list[str] = []
    if high is None or high >= 0:
        choices += magnitudes(max(0, low or 0), high)
    if low is None or low < 0:
        least = below_zero if high is None or high >= 0 else -high
        choices += (f'"-" ({choice})' for choice in magnitudes(least, None if low is None else -low))
    return f"({' | '.join(choices)})"


def _whole(low: int, high: int | None) -> Iterator[str]:
    """Whole numbers from low to high, none of them below zero."""
    longest = MOST_DIGITS if high is None else len(str(high))
    for length in range(len(str(low)), longest + 1):
        least, most = max(low, 10 ** (length - 1) if length > 1 else 0), 10**length - 1
        if high is None and least == 10 ** (length - 1) and length > 1:
            yield f"[1-9] [0-9]{{{length - 1},{MOST_DIGITS - 1}}}"
            return
        yield _same_length(str(least), str(most if high is None else min(most, high)))


def _decimal(low: int, high: int | None) -> Iterator[str]:
    """Numbers from low to high: a whole part below high with any fraction, or high itself."""
    if high is None:
        yield f"({' | '.join(_whole(low, None))}) {FRACTION}"
        return
    if low < high:
        yield f"({' | '.join(_whole(low, high - 1))}) {FRACTION}"
    yield f'"{high}" ("." "0"{{1,3}})?'


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
