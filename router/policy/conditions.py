"""The conditions of a rule: how each is written, what it looks at, and when it holds. Pure.

A new condition is one field of `When` and one line of `_KINDS`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, JsonValue

from router.policy.grammar import Bounds, Grammar, OneOrMany, OneOrManyLevels, Some, levels, many
from tidegate.decision import Check
from tidegate.job import Latency
from tidegate.signals import Band, Capability, Level, Signals
from tidegate.value import Name, Value


class Entities(Grammar):
    """Entity types that the detectors found."""

    any: Some[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]]
    """Holds when one of these types was found."""


class LaneWait(Bounds[float]):
    """The estimated wait for a lane, in seconds. A lane that nobody serves waits for ever."""

    lane: Name
    """The lane whose wait is looked at."""


class When(Grammar):
    """Conditions that must all hold. None at all: always."""

    sensitivity: OneOrManyLevels | None = None
    """How sensitive the job is: a level, some levels, or `{at_least: personal}`."""
    entities: Entities | None = None
    """What was found in the text: `{any: [EMAIL_ADDRESS]}`."""
    complexity: OneOrMany[Band] | None = None
    """How hard the job is. `unknown` is a class of its own."""
    tokens: Bounds[int] | None = None
    """The length of the prompt in tokens, estimated at four characters each."""
    max_tokens: Bounds[int] | None = None
    """How long the answer may become, in tokens."""
    needs: OneOrMany[Capability] | None = None
    """What the job needs of a lane; a list means all of these."""
    tenant: OneOrMany[Name] | None = None
    """Whose job it is."""
    latency: OneOrMany[Latency] | None = None
    """Whether somebody waits for the answer."""
    wait_s: LaneWait | None = None
    """The estimated wait for a lane: `{lane: local-small, over: 20}`."""
    any_of: Some["When"] | None = Field(default=None, alias="any")
    """Holds when one of these holds."""
    all_of: Some["When"] | None = Field(default=None, alias="all")
    """Holds when all of these hold."""
    negated: "When | None" = Field(default=None, alias="not")
    """Holds when this does not."""

    def levels(self) -> frozenset[Level]:
        """The sensitivity levels that this allows by its own `sensitivity`; all where it says nothing."""
        return frozenset(Level if self.sensitivity is None else levels(self.sensitivity))

    def says(self) -> dict[str, Any]:
        """What is written here, by the field's name in the file."""
        return {
            info.alias or name: value
            for name, info in type(self).model_fields.items()
            if (value := getattr(self, name)) is not None
        }


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, ready to be asked."""

    signal: str
    wanted: JsonValue
    look: Callable[[Signals], tuple[JsonValue, bool]]
    """What it sees, and whether it holds."""

    def check(self, signals: Signals) -> Check:
        """The condition held against the signals."""
        saw, held = self.look(signals)
        # Built from values of ours: validating them again would double the engine's time.
        return Check.model_construct(signal=self.signal, wanted=self.wanted, saw=saw, held=held)


def conditions(when: When) -> tuple[Condition, ...]:
    """The conditions of a `when`, in the order of the grammar."""
    return tuple(Condition(signal, _written(wanted), _KINDS[signal](wanted)) for signal, wanted in when.says().items())


def wait_s(signals: Signals, lane: str) -> float | None:
    """The wait for a lane: infinite where nobody serves it, None where nobody measured it."""
    load = signals.load.get(lane)
    if load is None:
        return None
    return math.inf if load.wait_s is None else load.wait_s


_Look = Callable[[Signals], tuple[JsonValue, bool]]


def _sensitivity(wanted: Any) -> _Look:
    meant = frozenset(levels(wanted))
    return lambda signals: (signals.sensitivity.level.value, signals.sensitivity.level in meant)


def _entities(wanted: Entities) -> _Look:
    types = frozenset(wanted.any)

    def look(signals: Signals) -> tuple[JsonValue, bool]:
        found = signals.sensitivity.types
        return list(found), not types.isdisjoint(found)

    return look


def _complexity(wanted: Any) -> _Look:
    bands = frozenset(many(wanted))
    return lambda signals: (signals.complexity.band.value, signals.complexity.band in bands)


def _tokens(wanted: Bounds[int]) -> _Look:
    return lambda signals: (signals.tokens, wanted.hold(signals.tokens))


def _max_tokens(wanted: Bounds[int]) -> _Look:
    return lambda signals: (signals.max_tokens, wanted.hold(signals.max_tokens))


def _needs(wanted: Any) -> _Look:
    needed = frozenset(many(wanted))
    return lambda signals: ([need.value for need in signals.needs], needed.issubset(signals.needs))


def _tenant(wanted: Any) -> _Look:
    tenants = frozenset(many(wanted))
    return lambda signals: (signals.tenant, signals.tenant in tenants)


def _latency(wanted: Any) -> _Look:
    classes = frozenset(many(wanted))
    return lambda signals: (signals.latency, signals.latency in classes)


def _wait(wanted: LaneWait) -> _Look:
    return lambda signals: wait_seen(wanted, wait_s(signals, wanted.lane))


def wait_seen(wanted: Bounds[float], wait: float | None) -> tuple[JsonValue, bool]:
    """A wait held against limits. Not measured holds nothing; JSON has no infinity, so that is told in words."""
    if wait is None:
        return "not measured", False
    return ("nobody serves it" if wait == math.inf else wait), wanted.hold(wait)


def _any(wanted: tuple[When, ...]) -> _Look:
    return _group(wanted, any)


def _all(wanted: tuple[When, ...]) -> _Look:
    return _group(wanted, all)


def _not(wanted: When) -> _Look:
    inner = conditions(wanted)

    def look(signals: Signals) -> tuple[JsonValue, bool]:
        saw, held = _together(inner, signals)
        return saw, not held

    return look


def _group(wanted: tuple[When, ...], fold: Callable[[list[bool]], bool]) -> _Look:
    branches = [conditions(when) for when in wanted]

    def look(signals: Signals) -> tuple[JsonValue, bool]:
        seen = [_together(branch, signals) for branch in branches]
        return [saw for saw, _ in seen], fold([held for _, held in seen])

    return look


def _together(inner: tuple[Condition, ...], signals: Signals) -> tuple[JsonValue, bool]:
    """What several conditions see, by signal, and whether all hold."""
    looks = {condition.signal: condition.look(signals) for condition in inner}
    return {signal: saw for signal, (saw, _) in looks.items()}, all(held for _, held in looks.values())


_KINDS: dict[str, Callable[[Any], _Look]] = {
    "sensitivity": _sensitivity,
    "entities": _entities,
    "complexity": _complexity,
    "tokens": _tokens,
    "max_tokens": _max_tokens,
    "needs": _needs,
    "tenant": _tenant,
    "latency": _latency,
    "wait_s": _wait,
    "any": _any,
    "all": _all,
    "not": _not,
}


def _written(wanted: Any) -> JsonValue:
    """A condition as it stands in the file, for the record."""
    if isinstance(wanted, Value):
        written: JsonValue = wanted.model_dump(mode="json", exclude_none=True, by_alias=True)
        return written
    if isinstance(wanted, tuple):
        return [_written(item) for item in wanted]
    return str(wanted)
