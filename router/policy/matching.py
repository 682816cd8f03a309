"""What each condition means for a job: what it sees, and whether it holds. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from router.policy import cel
from router.policy.conditions import BudgetLeft, Entities, Health, LaneWait, When
from router.policy.grammar import Bounds, levels
from router.policy.harmless import narrowed
from router.policy.hours import DAY_MINUTES, Day, Hours
from router.policy.truth import Test, Truth, either, negation, together
from router.signals.sensitivity.levels import SHIPPED, Table
from tidegate.decision import Check
from tidegate.signals import Signals
from tidegate.value import Value, many

NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, ready to be asked."""

    signal: str
    wanted: JsonValue
    test: Test
    see: Callable[[Signals], JsonValue]
    sorts: bool = False
    """Whether it looks at one job's own signal alone, so that `index` can sort rules out by it in advance."""
    names: frozenset[str] = frozenset()
    """The names that such a condition tells apart; every other name is the same to it."""
    cuts: tuple[float, ...] = ()
    """The numbers at which such a condition begins or ceases to hold."""

    def check(self, signals: Signals) -> Check:
        """The condition held against the signals, for the record. Never raises Unjudged."""
        try:
            saw, held = self.see(signals), self.test(signals) is True
        except cel.Unjudged as exc:
            saw, held = str(exc), False
        # Built from values of ours: validating them again would double the time of a trace.
        return Check.of({"signal": self.signal, "wanted": self.wanted, "saw": saw, "held": held})


def conditions(when: When, *, table: Table = SHIPPED) -> tuple[Condition, ...]:
    """The conditions of a `when`, in the order of the grammar. The table says what findings mean."""
    return tuple(_condition(signal, wanted, table) for signal, wanted in when.says().items())


def wait_s(signals: Signals, lane: str) -> float | None:
    """The wait for a lane: infinite where nobody serves it, None where nobody measured it."""
    load = signals.load.get(lane)
    if load is None:
        return None
    return math.inf if load.wait_s is None else load.wait_s


def wait_seen(wait: float | None) -> JsonValue:
    """A wait for the record: JSON has no infinity, so that is told in words."""
    if wait is None:
        return NOT_MEASURED
    return "nobody serves it" if wait == math.inf else wait


def written(wanted: Any) -> JsonValue:
    """A condition as it stands in the file, for the record."""
    if isinstance(wanted, Value):
        told: JsonValue = wanted.model_dump(mode="json", exclude_none=True, by_alias=True)
        return told
    if isinstance(wanted, tuple):
        return [written(item) for item in wanted]
    return str(wanted)


def _condition(signal: str, wanted: Any, table: Table) -> Condition:
    test, see = _BY_TABLE[signal](wanted, table) if signal in _BY_TABLE else _KINDS[signal](wanted)
    names = frozenset(many(wanted)) if signal in ("tenant", "task") else frozenset()
    cuts = wanted.cuts() if signal in ("tokens", "max_tokens") else ()
    return Condition(signal, written(wanted), test, see, sorts=signal in SORTED_BY, names=names, cuts=cuts)


_Kind = tuple[Test, Callable[[Signals], JsonValue]]

SORTED_BY = frozenset({"sensitivity", "complexity", "tenant", "task", "latency", "tokens", "max_tokens"})
"""Conditions that look at nothing but one of the signals that `index` makes its key of."""


def _sensitivity(wanted: Any) -> _Kind:
    meant = frozenset(levels(wanted))
    return lambda signals: signals.sensitivity.level in meant, lambda signals: signals.sensitivity.level.value


def _entities(wanted: Entities, table: Table) -> _Kind:
    types = frozenset(wanted.any or wanted.alone or ())

    def found(signals: Signals) -> Truth:
        return any(finding.type in types for finding in signals.sensitivity.findings)

    def alone(signals: Signals) -> Truth:
        return bool(narrowed(signals.sensitivity, allow_outside=types, table=table))

    return alone if wanted.any is None else found, lambda signals: list(signals.sensitivity.types)


def _complexity(wanted: Any) -> _Kind:
    bands = frozenset(many(wanted))
    return lambda signals: signals.complexity.band in bands, lambda signals: signals.complexity.band.value


def _tokens(wanted: Bounds[int]) -> _Kind:
    hold = wanted.test()
    return lambda signals: hold(signals.tokens), lambda signals: signals.tokens


def _max_tokens(wanted: Bounds[int]) -> _Kind:
    hold = wanted.test()
    return lambda signals: hold(signals.max_tokens), lambda signals: signals.max_tokens


def _needs(wanted: Any) -> _Kind:
    needed = frozenset(many(wanted))
    return lambda signals: needed.issubset(signals.needs), lambda signals: [need.value for need in signals.needs]


def _tenant(wanted: Any) -> _Kind:
    tenants = frozenset(many(wanted))
    return lambda signals: signals.tenant in tenants, lambda signals: signals.tenant


def _task(wanted: Any) -> _Kind:
    tasks = frozenset(many(wanted))
    return lambda signals: signals.task in tasks, lambda signals: signals.task or "none"


def _latency(wanted: Any) -> _Kind:
    classes = frozenset(many(wanted))
    return lambda signals: signals.latency in classes, lambda signals: signals.latency


def _time(wanted: Hours) -> _Kind:
    windows = wanted.windows()

    def test(signals: Signals) -> Truth:
        minute = signals.minute
        return None if minute is None else any(begin <= minute < end for begin, end in windows)

    return test, lambda signals: NOT_MEASURED if signals.minute is None else _clock(signals.minute)


def _clock(minute: int) -> str:
    day, rest = divmod(minute, DAY_MINUTES)
    return f"{list(Day)[day].value} {rest // 60:02}:{rest % 60:02}"


def _wait(wanted: LaneWait) -> _Kind:
    lane, hold = wanted.lane, wanted.test()

    def test(signals: Signals) -> Truth:
        wait = wait_s(signals, lane)
        return None if wait is None else hold(wait)

    return test, lambda signals: wait_seen(wait_s(signals, lane))


def _health(wanted: Health) -> _Kind:
    lane, up = wanted.lane, wanted.state == "up"

    def test(signals: Signals) -> Truth:
        load = signals.load.get(lane)
        return None if load is None else (load.slots > 0) is up

    def see(signals: Signals) -> JsonValue:
        load = signals.load.get(lane)
        return NOT_MEASURED if load is None else "up" if load.slots > 0 else "down"

    return test, see


def _budget(wanted: BudgetLeft) -> _Kind:
    key, hold = wanted.key, wanted.test()

    def test(signals: Signals) -> Truth:
        left = signals.budget_left_usd.get(key)
        return None if left is None else hold(left)

    return test, lambda signals: signals.budget_left_usd.get(key, NOT_MEASURED)


def _any(wanted: tuple[When, ...], table: Table) -> _Kind:
    branches = [conditions(when, table=table) for when in wanted]
    tests = [together(condition.test for condition in branch) for branch in branches]
    return either(tests), _see_branches(branches)


def _all(wanted: tuple[When, ...], table: Table) -> _Kind:
    branches = [conditions(when, table=table) for when in wanted]
    test = together(condition.test for branch in branches for condition in branch)
    return test, _see_branches(branches)


def _not(wanted: When, table: Table) -> _Kind:
    inner = conditions(wanted, table=table)
    negated = negation(together(condition.test for condition in inner))
    return negated, lambda signals: _see(inner, signals)


def _expr(wanted: str) -> _Kind:
    expression = cel.compiled(wanted)
    return expression.holds, expression.holds


def _see_branches(branches: list[tuple[Condition, ...]]) -> Callable[[Signals], JsonValue]:
    return lambda signals: [_see(branch, signals) for branch in branches]


def _see(inner: tuple[Condition, ...], signals: Signals) -> JsonValue:
    return {condition.signal: condition.check(signals).saw for condition in inner}


_KINDS: dict[str, Callable[[Any], _Kind]] = {
    "sensitivity": _sensitivity,
    "complexity": _complexity,
    "tokens": _tokens,
    "max_tokens": _max_tokens,
    "needs": _needs,
    "tenant": _tenant,
    "task": _task,
    "latency": _latency,
    "time": _time,
    "wait_s": _wait,
    "health": _health,
    "budget_left_usd": _budget,
    "expr": _expr,
}

_BY_TABLE: dict[str, Callable[[Any, Table], _Kind]] = {
    "entities": _entities,
    "any": _any,
    "all": _all,
    "not": _not,
}
"""Those that ask, or hold others that ask, what findings mean."""
