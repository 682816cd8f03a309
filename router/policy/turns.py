"""Which of a rule's lanes goes first: by its overflow, or by its split. Pure: both states are passed in as signals."""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from router.policy.grammar import Bounds
from router.policy.matching import wait_s, wait_seen
from router.policy.model import ReadyOverflow, ReadyRule
from tidegate.decision import Check, RuleTrace
from tidegate.signals import Signals

Move = Literal["enter", "leave"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A rule's lanes in order, what becomes of its overflow, and what was seen."""

    lanes: tuple[str, ...]
    move: Move | None = None
    looked: tuple[RuleTrace, ...] = ()


def turn(rule: ReadyRule, signals: Signals) -> Turn:
    """The lanes that a rule wishes for this job."""
    if rule.overflow is not None:
        return _overflowed(rule, rule.overflow, signals)
    if rule.split:
        return _split(rule, signals)
    return Turn(rule.send)


def _overflowed(rule: ReadyRule, overflow: ReadyOverflow, signals: Signals) -> Turn:
    """The overflow's lane first while it lasts: from `when` to `until`. A wait that nobody measured moves nothing.

    Not to a lane that nobody serves: a job that waits inside is better off.
    """
    first = rule.send[0]
    wait, there = wait_s(signals, first), wait_s(signals, overflow.to)
    lasting = overflow.until is not None and rule.name in signals.overflowing
    limits = overflow.until if lasting and overflow.until is not None else overflow.when
    reached = wait is not None and limits.hold(wait)
    over = wait is not None and reached is not lasting
    dead = there == math.inf
    seen = [_seen(f"{rule.name}/overflow", first, limits, wait, lasting=lasting, held=reached, over=over and not dead)]
    if over and dead:
        seen.append(_unserved(rule.name, overflow.to))
    return Turn(
        _ahead(overflow.to, rule.send) if over and not dead else rule.send,
        _move(lasting=lasting) if reached and overflow.until is not None else None,
        tuple(seen),
    )


def _move(*, lasting: bool) -> Move:
    return "leave" if lasting else "enter"


def _seen(
    name: str, lane: str, limits: Bounds[float], wait: float | None, *, lasting: bool, held: bool, over: bool
) -> RuleTrace:
    wanted: JsonValue = {"lane": lane, **limits.model_dump(exclude_none=True)}
    if lasting:
        wanted = {"until": wanted}
    return _looked(
        name, Check.of({"signal": "wait_s", "wanted": wanted, "saw": wait_seen(wait), "held": held}), matched=over
    )


def _unserved(rule: str, to: str) -> RuleTrace:
    """Why a job stays though its rule is in overflow."""
    wanted: JsonValue = {"lane": to, "served": True}
    check = Check.of({"signal": "wait_s", "wanted": wanted, "saw": wait_seen(math.inf), "held": False})
    return _looked(f"{rule}/overflow", check, matched=False)


def _split(rule: ReadyRule, signals: Signals) -> Turn:
    """The lane in whose share the job's number lies, then the others of the rule."""
    lane = next((lane for lane, end in rule.split if signals.draw < end), rule.split[-1][0])
    wanted: JsonValue = {lane: f"below {end:g}" for lane, end in rule.split}
    check = Check.of({"signal": "draw", "wanted": wanted, "saw": signals.draw, "held": True})
    return Turn(_ahead(lane, rule.send), looked=(_looked(f"{rule.name}/split", check, matched=True),))


def _looked(name: str, check: Check, *, matched: bool) -> RuleTrace:
    return RuleTrace.of({"rule": name, "matched": matched, "checks": (check,)})


def _ahead(lane: str, lanes: tuple[str, ...]) -> tuple[str, ...]:
    return (lane, *(other for other in lanes if other != lane))
