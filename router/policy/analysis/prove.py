"""The proof: for every possible job the rules keep the guarantees and give it a lane; or a job for which they do not.

Rules keep a guarantee when none sends a job where the guarantee forbids it. The engine would take such a lane away
in any case, for each decision again; but a policy that needs that was not meant as it was written. An overflow's lane
and a shadow are for those jobs only that may go there: that is what they mean, so they break no guarantee.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from router.policy.analysis import words
from router.policy.analysis.cover import cover, widest
from router.policy.analysis.examples import example
from router.policy.analysis.formula import Box, Formula, negated, some, verdict
from router.policy.analysis.reading import Reading, Way, read
from router.policy.analysis.search import Undecided, find, settle
from router.policy.engine import decide
from router.policy.model import Policy
from tidegate.decision import Decision
from tidegate.signals import Signals

NO_LANE = "no-lane"
"""What is broken by a job that gets no lane although there is one for it."""

_MOST_LIMITS = 4


@dataclass(frozen=True)
class Counterexample:
    """A job for which the policy does not keep what it should: in words, and as signals for the engine."""

    broken: str
    """The guarantee's name, or `no-lane`."""
    rule: str
    lane: str | None
    job: str
    message: str
    signals: Signals
    decision: Decision
    """What the engine does with it."""


@dataclass(frozen=True)
class Proof:
    """What was proven of a policy, and what was not."""

    policy: str
    rules: int
    lanes: int
    guarantees: tuple[str, ...]
    allow_outside: tuple[str, ...]
    counterexamples: tuple[Counterexample, ...]
    limits: tuple[str, ...]
    """Jobs that no lane of the policy may and can take, whatever its rules said: dead letters by design."""
    unread: dict[str, tuple[str, ...]]
    """Rules outside the proof, with the conditions that put them there."""
    undecided: tuple[str, ...]
    """Rules at which the search was given up. It is then not proven that the policy holds."""

    @property
    def holds(self) -> bool:
        """Whether every job was proven to be in order."""
        return not self.counterexamples and not self.undecided


def prove(policy: Policy) -> Proof:
    """Decide for every possible job whether the rules keep the guarantees and give it a lane."""
    reading = read(policy)[0]
    broken: list[Counterexample] = []
    undecided: list[str] = []
    for index, rule in enumerate(reading.rules):
        try:
            broken += _broken(reading, index)
        except Undecided:
            undecided.append(rule.name)
    return Proof(
        policy=policy.version,
        rules=len(policy.rules),
        lanes=len(policy.lanes),
        guarantees=tuple(guard.name for guard in reading.guards),
        allow_outside=tuple(sorted(policy.allow_outside)),
        counterexamples=tuple(broken),
        limits=tuple(_limits(reading)),
        unread={rule.name: rule.unread for rule in reading.rules if rule.unread},
        undecided=tuple(undecided),
    )


def _broken(reading: Reading, index: int) -> Iterator[Counterexample]:
    """A job that the rule sends where it may not go, for each guarantee; and one that it leaves without a lane."""
    reached = settle(reading.space.whole, reading.reach(index))
    if reached is None:
        return
    box, goals = reached
    for broken, lane, extra in _questions(reading, index):
        found = find(box, (*goals, *extra))
        if found is None:
            continue
        all_goals = (*reading.reach(index), *extra)
        wide = widest(reading.space, found, all_goals)
        shown = _counterexample(reading, reading.rules[index].name, broken, lane, wide)
        if _reproduces(shown) or not _rests_on_the_unread(reading, wide):
            yield shown


def _questions(reading: Reading, index: int) -> Iterator[tuple[str, str | None, tuple[Formula, ...]]]:
    """What would break something, the lane at fault, and the jobs for which it does."""
    rule = reading.rules[index]
    for guard in reading.guards:
        for way in rule.ways:
            lane = next((lane for lane in way.promised if lane in guard.lanes), None)
            if lane is not None:
                yield guard.name, lane, (guard.holds, way.holds)
    for way in rule.ways:
        yield NO_LANE, None, (way.holds, *_stranded(reading, way))


def _stranded(reading: Reading, way: Way) -> Iterator[Formula]:
    """No lane of the rule nor of the shelter takes the job, though some lane would."""
    for lane in dict.fromkeys((*way.lanes, *reading.policy.shelter)):
        yield negated(reading.open_to(lane))
    yield some(reading.open_to(lane) for lane in reading.policy.lanes)


def _counterexample(reading: Reading, rule: str, broken: str, lane: str | None, box: Box) -> Counterexample:
    signals = example(reading.space, box)
    decision = decide(reading.policy, signals)
    job = words.one(reading.space, box)
    goes = f"the engine lets it go to {', '.join(decision.lanes)}" if decision.lanes else "it becomes a dead letter"
    if lane is not None:
        message = f"{job}: rule {rule} sends it to {lane}; {goes}"
    else:
        one = reading.space.cell(box)
        able = [name for name in reading.policy.lanes if verdict(reading.open_to(name), one)]
        message = f"{job}: rule {rule} leaves it without a lane, though {' or '.join(able)} could take it; {goes}"
    return Counterexample(broken, rule, lane, job, message, signals, decision)


def _reproduces(shown: Counterexample) -> bool:
    """Whether the engine does what the proof says it can do."""
    if shown.broken == NO_LANE:
        return shown.decision.rule == shown.rule and not shown.decision.lanes
    taken = re.findall(r"guarantee \S+ took ([^;]+)", shown.decision.cause or "")
    return shown.decision.rule == shown.rule and any(shown.lane in said.split(", ") for said in taken)


def _rests_on_the_unread(reading: Reading, box: Box) -> bool:
    """Whether it depends on what no proof can look into: such a job may not exist."""
    signals = zip(reading.space.signals, box, strict=True)
    return any(signal.key[0] == "unread" and cells != signal.whole for signal, cells in signals)


def _limits(reading: Reading) -> Iterator[str]:
    nowhere = (*reading.sense, *(negated(reading.open_to(lane)) for lane in reading.policy.lanes))
    try:
        found = cover(reading.space, nowhere, most=_MOST_LIMITS)
    except Undecided:
        return
    for box in found.boxes:
        yield words.region(reading.space, box)
    if found.rest:
        yield "and a few more, near these"
