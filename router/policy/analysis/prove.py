"""The proof: for every possible job the rules keep the guarantees and give it a lane; or a job for which they do not.

Rules keep a guarantee when none sends a job where the guarantee forbids it. The engine would take such a lane away
in any case, for each decision again; but a policy that needs that was not meant as it was written. An overflow's lane
and a shadow are for those jobs only that may go there: that is what they mean, so they break no guarantee.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from router.policy.analysis import words
from router.policy.analysis.cover import widest
from router.policy.analysis.examples import example
from router.policy.analysis.formula import Among, Box, Formula, negated, some, verdict
from router.policy.analysis.harmless import ASKED
from router.policy.analysis.reading import Guard, Reading, ReadRule, Way, read
from router.policy.analysis.search import Undecided, find, settle
from router.policy.engine import decide
from router.policy.model import Policy
from tidegate.decision import Decision
from tidegate.lane import Zone
from tidegate.signals import Capability, Signals

NO_LANE = "no-lane"
"""What is broken by a job that gets no lane although there is one for it."""


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
    """Dead letters by design: jobs for which there is no lane where their rule keeps them."""
    unread: dict[str, tuple[str, ...]]
    """Rules outside the proof, with the conditions that put them there."""
    redacts: tuple[str, ...]
    """Rules by which sensitive jobs leave, and only as redacted copies."""
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
        redacts=tuple(
            rule.name for rule in policy.rules if rule.redact and {*rule.reach, rule.shadow} & policy.outside
        ),
        undecided=tuple(undecided),
    )


def _broken(reading: Reading, index: int) -> Iterator[Counterexample]:
    """A job that the rule sends where it may not go, for each guarantee; and one that it leaves without a lane."""
    reached = settle(reading.space.whole, reading.reach(index))
    if reached is None:
        return
    box, goals = reached
    told: set[tuple[str, str | None]] = set()
    for broken, lane, extra in _questions(reading, index):
        found = None if (broken, lane) in told else find(box, (*goals, *extra))
        if found is None:
            continue
        wide = widest(reading.space, found, (*reading.reach(index), *extra))
        shown = _counterexample(reading, reading.rules[index].name, broken, lane, wide)
        if _reproduces(shown) or not _rests_on_the_unread(reading, wide):
            told.add((broken, lane))
            yield shown


def _questions(reading: Reading, index: int) -> Iterator[tuple[str, str | None, tuple[Formula, ...]]]:
    """What would break something, the lane at fault, and the jobs for which it does."""
    rule = reading.rules[index]
    for guard in reading.guards:
        for way in rule.ways:
            lane = next((lane for lane in way.promised if lane in guard.lanes), None)
            if lane is not None:
                yield guard.name, lane, (guard.speaks(redacting=rule.redacts), way.holds, *_meant(reading, guard, rule))
    yield from _between(reading, rule)
    others = some(reading.open_to(lane, redacting=rule.redacts) for lane in _in_its_zones(reading, rule))
    for way in rule.ways:
        yield NO_LANE, None, (way.holds, *_stranded(reading, rule, way), others)


def _between(reading: Reading, rule: ReadRule) -> Iterator[tuple[str, str | None, tuple[Formula, ...]]]:
    """Lanes of which several guarantees each leave a region, and together none."""
    for way in rule.ways:
        for lane in way.promised:
            sharing = reading.sharing(lane)
            if len(sharing) > 1:
                whole = (guard for guard in reading.guards if lane in guard.lanes)
                kept = (negated(guard.speaks(redacting=rule.redacts)) for guard in whole)
                goals = (negated(reading.somewhere(lane)), way.holds, *kept)
                yield " and ".join(guard.name for guard in sharing), lane, goals


def _meant(reading: Reading, guard: Guard, rule: ReadRule) -> Iterator[Formula]:
    """A rule that redacts is for those jobs only that can be: that somebody asked for more, no condition can say."""
    if rule.redacts and guard.if_redacted is not None:
        yield negated(reading.space.where(ASKED, holds=bool))


def _stranded(reading: Reading, rule: ReadRule, way: Way) -> Iterator[Formula]:
    """No lane of the rule nor of the shelter takes the job."""
    for lane in dict.fromkeys((*way.lanes, *reading.policy.shelter)):
        yield negated(reading.open_to(lane, redacting=rule.redacts))


def _in_its_zones(reading: Reading, rule: ReadRule) -> tuple[str, ...]:
    """The lanes that would do as well: a rule that keeps its jobs inside means it."""
    lanes = reading.policy.lanes
    zones = {Zone.INSIDE, *(lanes[lane].zone for way in rule.ways for lane in way.lanes)}
    return tuple(name for name, lane in lanes.items() if lane.zone in zones)


def _counterexample(reading: Reading, rule: str, broken: str, lane: str | None, box: Box) -> Counterexample:
    signals = example(reading.space, box)
    decision = decide(reading.policy, signals)
    job = words.one(reading.space, box)
    goes = f"the engine lets it go to {', '.join(decision.lanes)}" if decision.lanes else "it becomes a dead letter"
    if lane is not None:
        message = f"{job}: rule {rule} sends it to {lane}; {goes}"
    else:
        one = reading.space.cell(box)
        found = next(read for read in reading.rules if read.name == rule)
        zones = _in_its_zones(reading, found)
        able = [name for name in zones if verdict(reading.open_to(name, redacting=found.redacts), one)]
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
    """Dead letters by design: what no lane can do, and what is too long for the lanes where a rule keeps its jobs."""
    able = {need for lane in reading.policy.lanes.values() for need in lane.capabilities}
    missing = [need.value for need in Capability if need not in able and need is not Capability.LONG_CONTEXT]
    if missing:
        yield f"jobs that need {' or '.join(missing)}, which no lane can do"
    for index, rule in enumerate(reading.rules):
        try:
            box = _too_long(reading, index)
        except Undecided:
            continue
        if box is not None:
            long = words.length(reading.space, box)
            yield f"{long} by rule {rule.name}: longer than the lanes hold where it keeps them"


def _too_long(reading: Reading, index: int) -> Box | None:
    """Jobs without special needs that a rule leaves without a lane."""
    space, rule = reading.space, reading.rules[index]
    plain = tuple(space.where("needs", need.value, holds=lambda needed: not needed) for need in Capability)
    answers = space.signal("max_tokens")
    usual = Among(space.places[answers.key], answers.cell(answers.whole))
    for way in rule.ways:
        goals = (*reading.reach(index), way.holds, *_stranded(reading, rule, way))
        found = find(space.whole, (*goals, *plain, usual))
        if found is not None:
            return widest(space, found, goals)
    return None
