"""Expressions in CEL over a job's signals: the one file that knows the library.

An expression is typed when it is compiled: a misspelt name or a wrong type is an error of the policy, with its place.
What can still fail then (a map without the key, a division by zero, too many steps) raises Unjudged, and the engine
keeps such a job inside.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from tidegate.signals import Signals


class Unjudged(Exception):
    """An expression failed on a job: nobody knows whether it holds. Carries no value of the job."""


class BadExpression(ValueError):
    """An expression that cannot be compiled, with its place from 1 inside the expression."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, name: str | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column
        self.name = name
        """A name that no signal has, where that is what is wrong."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression."""

    text: str
    _eval: Callable[..., Any]

    def holds(self, signals: Signals) -> bool:
        """Whether it holds. Raises Unjudged where it fails."""
        try:
            value = self._eval(data=_values(signals)).value()
        except Exception as exc:  # noqa: BLE001 -- the library's own errors are bare RuntimeErrors
            raise Unjudged(f"the expression failed: {type(exc).__name__}") from None
        if value is True or value is False:
            return bool(value)
        raise Unjudged("the expression failed on these signals")


def compiled(text: str) -> Expression:
    """Compile an expression that says true or false. Raises BadExpression."""
    try:
        expression = _environment().compile(text)
    except ImportError:
        raise BadExpression("an expression needs the extra 'router': pip install 'tidegate[router]'") from None
    except Exception as exc:  # noqa: BLE001 -- the library's own errors are bare RuntimeErrors
        raise _placed(str(exc)) from None
    kind = expression.return_type().name()
    if kind != "BOOL":
        raise BadExpression(f"should say true or false, and says {kind.lower()}")
    return Expression(text, expression.eval)


def names() -> tuple[str, ...]:
    """The signals that an expression may name."""
    return tuple(_TYPES)


@cache
def _environment() -> Any:
    from cel_expr_python import cel  # noqa: PLC0415 -- 14 MB of code that only policies with an expression need

    kinds = {
        "string": cel.Type.STRING,
        "int": cel.Type.INT,
        "strings": cel.Type.List(cel.Type.STRING),
        "numbers": cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE),
        "words": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    }
    return cel.NewEnv(variables={name: kinds[kind] for name, kind in _TYPES.items()})


_TYPES = {
    "sensitivity": "string",
    "entities": "strings",
    "complexity": "string",
    "tokens": "int",
    "max_tokens": "int",
    "needs": "strings",
    "tenant": "string",
    "task": "string",
    "latency": "string",
    "minute": "int",
    "wait_s": "numbers",
    "health": "words",
    "budget_left_usd": "numbers",
}
"""The signals by name. `minute` is missing where the clock was not read; so is in the maps what was not measured."""


def _values(signals: Signals) -> dict[str, Any]:
    minute = {} if signals.minute is None else {"minute": signals.minute}
    return {
        "sensitivity": signals.sensitivity.level.value,
        "entities": list(signals.sensitivity.types),
        "complexity": signals.complexity.band.value,
        "tokens": signals.tokens,
        "max_tokens": signals.max_tokens,
        "needs": [need.value for need in signals.needs],
        "tenant": signals.tenant,
        "task": signals.task or "",
        "latency": signals.latency,
        "wait_s": {
            lane: float("inf") if load.wait_s is None else float(load.wait_s) for lane, load in signals.load.items()
        },
        "health": {lane: "up" if load.slots > 0 else "down" for lane, load in signals.load.items()},
        "budget_left_usd": {key: float(left) for key, left in signals.budget_left_usd.items()},
        **minute,
    }


_ERROR = re.compile(r"ERROR: [^:]*:(?P<line>\d+):(?P<column>\d+): (?P<said>[^\n]*)")


def _placed(said: str) -> BadExpression:
    """The library's message with its place; its drawing of the line is left to us."""
    found = _ERROR.search(said)
    if found is None:
        first = said.splitlines()[0] if said else "cannot be compiled"
        return BadExpression(re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", first))
    message = re.sub(r" \(in container ''\)| \[[A-Z_]+\]$", "", found["said"])
    unknown = re.match(r"undeclared reference to '([^']*)'", message)
    return BadExpression(
        f"no signal is called '{unknown[1]}'" if unknown else message,
        line=int(found["line"]),
        column=int(found["column"]),
        name=unknown[1] if unknown else None,
    )
