"""Which of a rule's lanes goes first: by its overflow, or by its split. Pure: both states are passed in as signals."""

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from router.policy.matching import wait_s, wait_seen
from router.policy.model import ReadyOverflow, ReadyRule
from tidegate.decision import Check, RuleTrace
from tidegate.signals import Signals

Move = Literal["enter", "hold"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A rule's lanes in order, what becomes of its overflow, and what was seen."""

    lanes: tuple[str, ...]
    move: Move | None = None
    """Where the job does go to the first of these lanes, for who keeps the rule's state."""
    looked: tuple[RuleTrace, ...] = ()


def turn(rule: ReadyRule, signals: Signals, *, traced: bool = True) -> Turn:
    """The lanes that a rule wishes for this job. What an overflow saw is told only where somebody reads it."""
    if rule.overflow is not None:
        return _overflowed(rule, rule.overflow, signals, traced=traced)
    if rule.split:
        return _split(rule, signals)
    return Turn(rule.send)


def sooner(there_s: float | None, here_s: float) -> bool:
    """Whether a job would begin there before it does here. A wait that nobody measured counts as none."""
    return there_s is None or there_s < here_s


def _overflowed(rule: ReadyRule, overflow: ReadyOverflow, signals: Signals, *, traced: bool) -> Turn:
    """The overflow's lane first, for a job that would wait too long here and begins there sooner.

    Too long is what `when` says; and while the rule is in overflow, whatever `until` does not hold for. Each job
    decides for itself: so the line here rests where `until` begins. A wait that nobody measured sends nobody out.
    """
    here, there = wait_s(signals, rule.send[0]), wait_s(signals, overflow.to)
    lasting = overflow.until is not None and rule.name in signals.overflowing
    busy = here is not None and _too_long(here, overflow, lasting=lasting)
    goes = here is not None and busy and sooner(there, here)
    lanes = _ahead(overflow.to, rule.send) if goes else rule.send
    move: Move | None = None if overflow.until is None or not goes else "hold" if lasting else "enter"
    if not traced:
        return Turn(lanes, move)
    checks = [_waits(rule.send[0], here, overflow, lasting=lasting, held=busy)]
    if busy and there is not None:
        checks.append(_begins(overflow.to, there, before=rule.send[0], held=goes))
    return Turn(lanes, move, (_looked(f"{rule.name}/overflow", *checks, matched=goes),))


def _too_long(wait: float, overflow: ReadyOverflow, *, lasting: bool) -> bool:
    if lasting and overflow.until is not None:
        return not overflow.until.hold(wait)
    return overflow.when.hold(wait)


def _waits(lane: str, wait: float | None, overflow: ReadyOverflow, *, lasting: bool, held: bool) -> Check:
    limits = overflow.when.model_dump(exclude_none=True)
    if lasting and overflow.until is not None:
        limits = {"not": overflow.until.model_dump(exclude_none=True)}
    return Check.of({"signal": "wait_s", "wanted": {"lane": lane, **limits}, "saw": wait_seen(wait), "held": held})


def _begins(lane: str, wait: float, *, before: str, held: bool) -> Check:
    """Whether the other lane is the better one, which is why a job goes or stays though its rule is in overflow."""
    wanted: JsonValue = {"lane": lane, "sooner_than": before}
    return Check.of({"signal": "wait_s", "wanted": wanted, "saw": wait_seen(wait), "held": held})


def _split(rule: ReadyRule, signals: Signals) -> Turn:
    """The lane in whose share the job's number lies, then the others of the rule."""
    lane = next((lane for lane, end in rule.split if signals.draw < end), rule.split[-1][0])
    wanted: JsonValue = {lane: f"below {end:g}" for lane, end in rule.split}
    check = Check.of({"signal": "draw", "wanted": wanted, "saw": signals.draw, "held": True})
    return Turn(_ahead(lane, rule.send), looked=(_looked(f"{rule.name}/split", check, matched=True),))


def _looked(name: str, *checks: Check, matched: bool) -> RuleTrace:
    return RuleTrace.of({"rule": name, "matched": matched, "checks": checks})


def _ahead(lane: str, lanes: tuple[str, ...]) -> tuple[str, ...]:
    return (lane, *(other for other in lanes if other != lane))
