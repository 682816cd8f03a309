"""A policy read as statements: when each rule holds, which lanes it then wishes, what each lane takes.

This mirrors the engine, which decides one job, for all jobs at once. Tests hold the two against each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from router.policy.analysis import harmless, kinds
from router.policy.analysis.draft import Draft
from router.policy.analysis.formula import FALSE, TRUE, Formula, Stairs, every, negated, some
from router.policy.analysis.room import longest_prompts
from router.policy.analysis.space import Space, limits
from router.policy.engine import MIN_OUTPUT_TOKENS
from router.policy.guarantees import BuiltIn
from router.policy.model import Policy, ReadyOverflow, ReadyRule
from router.policy.turns import sooner
from tidegate.lane import Lane, Zone
from tidegate.signals import Capability, LaneLoad


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a rule sends the jobs that it matched."""

    holds: Formula
    lanes: tuple[str, ...]
    """In order of preference, before guarantees and lanes that are too small took theirs."""
    by: str = ""
    """What made it so: `overflow`, `split`; nothing where the rule's `send` did."""
    promised: tuple[str, ...] = ()
    """Those to which it sends outright: an overflow's own lane is for those only that may go there."""


@dataclass(frozen=True, slots=True)
class ReadRule:
    """One rule."""

    name: str
    holds: Formula
    ways: tuple[Way, ...]
    """Of which exactly one is taken."""
    refuses: Mapping[str, Formula] = field(default_factory=dict)
    """For each lane where a job may end up, the jobs that are rather turned away than left to wait for it."""
    unread: tuple[str, ...] = ()
    """Its conditions into which no proof can look, such as `expr`."""
    redacts: bool = False
    """Whether sensitive jobs leave by it as redacted copies."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One guarantee: for these jobs, these lanes are forbidden."""

    name: str
    holds: Formula
    lanes: frozenset[str]
    if_redacted: Formula | None = None
    """The jobs for which a rule that redacts may not send there either; None: the same jobs."""
    regions: frozenset[str] | None = None
    """Where those jobs may be computed; None: it does not speak of regions. `lanes` have nothing there at all."""

    def speaks(self, *, redacting: bool) -> Formula:
        """The jobs that it keeps from its lanes, by the kind of rule that sends them."""
        return self.if_redacted if redacting and self.if_redacted is not None else self.holds


@dataclass(frozen=True)
class Reading:
    """A policy as statements over a space."""

    policy: Policy = field(repr=False)
    space: Space = field(repr=False)
    rules: tuple[ReadRule, ...]
    """In the order in which the engine asks; the default is the last and always holds."""
    guards: tuple[Guard, ...]
    takes: Mapping[str, Formula]
    """For each lane, the jobs that fit it."""
    sense: tuple[Formula, ...] = ()
    """What holds for every possible job: signals that go together."""

    @cached_property
    def misses(self) -> tuple[Formula, ...]:
        """For each rule, the jobs that it does not match."""
        return tuple(negated(rule.holds) for rule in self.rules)

    def reach(self, index: int) -> tuple[Formula, ...]:
        """The possible jobs that match a rule and none before it."""
        return (*self.sense, self.rules[index].holds, *self.misses[:index])

    def allowed(self, lane: str, *, redacting: bool = False) -> Formula:
        """The jobs for which no guarantee forbids the lane, to a rule that redacts or to one that does not."""
        taking = (guard for guard in self.guards if lane in guard.lanes)
        return every((*(negated(guard.speaks(redacting=redacting)) for guard in taking), self.somewhere(lane)))

    def sharing(self, lane: str) -> tuple[Guard, ...]:
        """The guarantees that take a part of a lane, by its regions; together they may take all of it."""
        found = self.policy.lanes[lane]
        return tuple(
            guard
            for guard in self.guards
            if guard.regions is not None
            and lane not in guard.lanes
            and found.deployments_in(guard.regions) != found.every_deployment
        )

    def somewhere(self, lane: str) -> Formula:
        """The jobs to which those guarantees leave something of the lane."""
        sharing, found = self.sharing(lane), self.policy.lanes[lane]
        barring = {
            one.region: tuple(guard for guard in sharing if one not in found.deployments_in(guard.regions))
            for one in found.every_deployment
        }
        if not all(barring.values()):
            return TRUE  # something is there of which none of them speaks
        return some(every(negated(guard.holds) for guard in guards) for guards in barring.values())

    def open_to(self, lane: str, *, redacting: bool = False) -> Formula:
        """The jobs for which a lane is allowed and fits."""
        return every((self.allowed(lane, redacting=redacting), self.takes[lane]))


def read(*policies: Policy) -> tuple[Reading, ...]:
    """Read policies over one space, in which each of them can tell apart what it tells apart."""
    draft = Draft()
    for policy in policies:
        _draft(policy, draft)
    space = draft.space()
    return tuple(_reading(policy, space) for policy in policies)


def _draft(policy: Policy, draft: Draft) -> None:
    draft.tables.append(policy.sensitivity.table)
    for lane in policy.lanes.values():
        draft.lane(lane)
    for rule in _rules(policy):
        kinds.draft(rule.when, draft)
        for name in _where_refused(rule, policy):
            draft.waits[name].update(limits(rule.refuse) if rule.refuse else ())
        draft.asked = draft.asked or rule.redact
        draft.draws.update(end for _, end in rule.split)
        if rule.overflow is not None:
            waits = draft.waits[rule.send[0]]
            waits.update(limits(rule.overflow.when))
            draft.waits[rule.overflow.to].update(limits(rule.overflow.when))
            draft.compared |= {rule.send[0], rule.overflow.to}
            if rule.overflow.until is not None:
                waits.update(limits(rule.overflow.until))
                draft.overflows.add(rule.name)
    for guarantee in policy.guarantees:
        kinds.draft(guarantee.when, draft)
    if policy.allow_outside:
        draft.types.update(policy.allow_outside)
        draft.alone = True


def _reading(policy: Policy, shared: Space) -> Reading:
    space = replace(shared, table=policy.sensitivity.table)
    return Reading(
        policy=policy,
        space=space,
        rules=tuple(_rule(rule, policy, space) for rule in _rules(policy)),
        guards=tuple(_guards(policy, space)),
        takes={name: _takes(lane, space) for name, lane in policy.lanes.items()},
        sense=tuple(harmless.possible(space)),
    )


def _rules(policy: Policy) -> tuple[ReadyRule, ...]:
    return (*policy.rules, policy.default)


def _where_refused(rule: ReadyRule, policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*rule.reach, *policy.shelter))) if rule.refuse else ()


def _rule(rule: ReadyRule, policy: Policy, space: Space) -> ReadRule:
    refuse = rule.refuse
    refuses = {
        lane: space.where("load", lane, holds=lambda load: refuse is not None and kinds.waits(load, refuse))
        for lane in _where_refused(rule, policy)
    }
    return ReadRule(
        name=rule.name,
        holds=kinds.read(rule.when, space).yes,
        ways=tuple(_ways(rule, space)),
        refuses=refuses,
        unread=tuple(dict.fromkeys(kinds.outside_the_proof(rule.when))),
        redacts=rule.redact,
    )


def _ways(rule: ReadyRule, space: Space) -> Iterator[Way]:
    if rule.overflow is not None:
        busy = _busy(rule, rule.overflow, space)
        yield Way(negated(busy), rule.send, promised=rule.send)
        yield Way(busy, _first(rule.overflow.to, rule.send), by="overflow", promised=rule.send)
    elif rule.split:
        start = 0.0
        for lane, end in rule.split:
            share = _share(start, end, space)
            lanes = _first(lane, rule.send)
            yield Way(share, lanes, by="split", promised=lanes)
            start = end
    else:
        yield Way(TRUE, rule.send, promised=rule.send)


def _share(start: float, end: float, space: Space) -> Formula:
    return space.where("draw", holds=lambda draw: start <= draw < end)


def _first(lane: str, lanes: tuple[str, ...]) -> tuple[str, ...]:
    return (lane, *(other for other in lanes if other != lane))


def _busy(rule: ReadyRule, overflow: ReadyOverflow, space: Space) -> Formula:
    """The jobs that overflow: from where it begins, then down to where it ends; and only where they begin sooner."""
    lane = rule.send[0]
    begins = space.where("load", lane, holds=lambda load: kinds.waits(load, overflow.when))
    better = _sooner(overflow.to, lane, space)
    until = overflow.until
    if until is None:
        return every((begins, better))
    lasts = space.where("load", lane, holds=lambda load: load is not None and not kinds.waits(load, until))
    already = space.where("overflowing", rule.name, holds=bool)
    return every((some((every((already, lasts)), every((negated(already), begins)))), better))


def _sooner(to: str, than: str, space: Space) -> Formula:
    """The longer the wait for the one lane, the longer that for the other may be."""
    if to == than:
        return FALSE
    shorter = tuple(
        space.where("load", to, holds=partial(_better, than_s=kinds.wait_of(load))).cells
        for load in space.signal("load", than).values
    )
    return Stairs(space.places["load", to], space.places["load", than], shorter, falling=False)


def _better(there: LaneLoad | None, *, than_s: float | None) -> bool:
    return than_s is not None and sooner(kinds.wait_of(there), than_s)


def _guards(policy: Policy, space: Space) -> Iterator[Guard]:
    outside = frozenset(name for name, lane in policy.lanes.items() if lane.zone is not Zone.INSIDE)
    sensitive: Formula = space.where("sensitivity", holds=lambda level: level.sensitive)
    redacts = any(rule.redact for rule in policy.rules)
    if_redacted = every((sensitive, negated(harmless.redactable(space)))) if redacts else None
    if policy.allow_outside:
        sensitive = every((sensitive, negated(harmless.alone(policy.allow_outside, space))))
    yield Guard(BuiltIn.NOTHING_SENSITIVE_OUTSIDE.value, sensitive, outside, if_redacted)
    for guarantee in policy.guarantees:
        if guarantee.at_most is not None:
            continue  # no rule can break it: what an answer carries is seen when it is there
        # It speaks of every job of which it is not certain that it does not.
        yield Guard(
            guarantee.name, negated(kinds.read(guarantee.when, space).no), guarantee.lanes, None, guarantee.regions
        )


def _takes(lane: Lane, space: Space) -> Formula:
    lacks = (need for need in Capability if need not in lane.capabilities and need is not _BY_SIZE)
    able = (space.where("needs", need.value, holds=lambda needed: not needed) for need in lacks)
    return every((*able, _room(lane, space)))


_BY_SIZE = Capability.LONG_CONTEXT
"""The engine asks a lane's context for it, not its list of capabilities."""


def _room(lane: Lane, space: Space) -> Formula:
    """Prompt and answer share the context: for each length of the answer, the prompts that still fit."""
    tokens, answers = space.numbers("tokens"), space.numbers("max_tokens")
    longest = longest_prompts(lane)
    rows = tuple(tokens.up_to(longest[min(answer, MIN_OUTPUT_TOKENS)]) for answer in answers.values)
    return Stairs(space.places["tokens",], space.places["max_tokens",], rows)
