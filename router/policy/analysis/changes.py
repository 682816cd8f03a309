"""What changes between two policies, for every possible job: which jobs go elsewhere, from where to where.

A job goes to the first lane that is left to it: after its rule, the guarantees, and the lanes that do not fit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from router.policy.analysis import words
from router.policy.analysis.cover import cover
from router.policy.analysis.examples import example
from router.policy.analysis.formula import FALSE, Among, Box, Formula, every, negated, some
from router.policy.analysis.reading import Reading, ReadRule, Way, read
from router.policy.analysis.search import Undecided, settle
from router.policy.model import Policy
from tidegate.lane import Zone
from tidegate.signals import Level, Signals

_MOST_REGIONS = 3
"""For two rules and two lanes. More would be read by nobody: that there are more is said."""


@dataclass(frozen=True)
class Region:
    """Jobs that move together."""

    jobs: str
    rule_before: str
    rule_after: str
    signals: Signals
    """One of them."""
    sensitive: bool
    """Whether sensitive jobs are among them."""


@dataclass(frozen=True)
class Move:
    """Jobs that go from one lane to another; None is a dead letter."""

    before: str | None
    after: str | None
    goes_out: bool
    """From the inside to the outside, in whatever form; or to where they went redacted, and now as they are."""
    regions: tuple[Region, ...]
    more: bool
    """Whether there are jobs beyond these regions."""
    redacted_before: bool = False
    redacted_after: bool = False
    """Whether what goes there is a redacted copy."""

    @property
    def leaks(self) -> bool:
        """Whether sensitive jobs newly leave as they are."""
        return self.goes_out and not self.redacted_after and any(region.sensitive for region in self.regions)


@dataclass(frozen=True)
class _Goal:
    """Where a job ends up, and in what form."""

    lane: str | None
    redacted: bool = False

    def out(self, policy: Policy) -> bool:
        """Whether that is outside."""
        return self.lane is not None and policy.lanes[self.lane].zone is not Zone.INSIDE


_Ends = tuple[_Goal, _Goal]


@dataclass(frozen=True)
class Changes:
    """All moves, and the pairs of rules of which nothing could be said in time."""

    before: str
    after: str
    moves: tuple[Move, ...]
    undecided: tuple[tuple[str, str], ...]

    @property
    def none(self) -> bool:
        """Proven: every job goes where it went."""
        return not self.moves and not self.undecided


def changes(before: Policy, after: Policy) -> Changes:
    """Compare two policies over all jobs."""
    old, new = read(before, after)
    found: dict[_Ends, list[Region]] = {}
    more: set[_Ends] = set()
    undecided: list[tuple[str, str]] = []
    for here, there in _pairs(old, new):
        try:
            for ends, goals in _differences(old, here, new, there):
                told = cover(old.space, goals, most=_MOST_REGIONS)
                if told.boxes:
                    rules = old.rules[here].name, new.rules[there].name
                    found.setdefault(ends, []).extend(_region(old, box, *rules) for box in told.boxes)
                    more |= {ends} if told.rest else set()
        except Undecided:
            undecided.append((old.rules[here].name, new.rules[there].name))
    moves = (
        Move(
            was.lane,
            becomes.lane,
            becomes.out(after) and (was.redacted or not was.out(before)),
            tuple(regions),
            (was, becomes) in more,
            redacted_before=was.redacted,
            redacted_after=becomes.redacted,
        )
        for (was, becomes), regions in found.items()
    )
    return Changes(before.version, after.version, tuple(moves), tuple(undecided))


def _pairs(old: Reading, new: Reading) -> Iterator[tuple[int, int]]:
    """Rules that may decide one and the same job. A rule that stands in both takes its jobs from all after it."""
    first_old = _first(old)
    first_new = _first(new)
    for here, rule in enumerate(old.rules):
        for there, other in enumerate(new.rules):
            if first_new.get(rule.holds, there) < there or first_old.get(other.holds, here) < here:
                continue
            if settle(old.space.whole, (rule.holds, other.holds)) is not None:
                yield here, there


def _first(reading: Reading) -> dict[Formula, int]:
    places: dict[Formula, int] = {}
    for place, rule in enumerate(reading.rules):
        places.setdefault(rule.holds, place)
    return places


def _differences(old: Reading, here: int, new: Reading, there: int) -> Iterator[tuple[_Ends, tuple[Formula, ...]]]:
    """From lane to lane: the jobs that both rules decide, and that go to different lanes, or in different forms."""
    if _alike(old, here, new, there):
        return
    reached = settle(old.space.whole, (*old.reach(here), *new.reach(there)))
    if reached is None:
        return
    # What is forced already need not be found out again for each of the many outcomes.
    box, left = reached
    given = (*(Among(place, cells) for place, cells in enumerate(box) if cells != old.space.whole[place]), *left)
    for way in old.rules[here].ways:
        for other in new.rules[there].ways:
            for was, goes in _outcomes(old, here, way):
                for becomes, then_goes in _outcomes(new, there, other):
                    if was != becomes:
                        goals = (*given, way.holds, other.holds, *goes, *then_goes)
                        if settle(old.space.whole, goals) is not None:
                            yield (was, becomes), goals


def _alike(old: Reading, here: int, new: Reading, there: int) -> bool:
    """Whether two rules send alike, to lanes that take alike."""
    one, other = old.rules[here], new.rules[there]
    if (one.ways, one.refuses, old.policy.shelter) != (other.ways, other.refuses, new.policy.shelter):
        return False
    if one.redacts is not other.redacts:
        return False
    lanes = {*old.policy.shelter, *(lane for way in one.ways for lane in way.lanes)}
    redacting = one.redacts
    return all(old.open_to(lane, redacting=redacting) == new.open_to(lane, redacting=redacting) for lane in lanes)


def _outcomes(reading: Reading, index: int, way: Way) -> Iterator[tuple[_Goal, tuple[Formula, ...]]]:
    """Each lane that a job may end up on, and for which jobs: those that none before it takes, and none refuses."""
    rule = reading.rules[index]
    passed: list[Formula] = []
    turned_away: list[Formula] = []
    for lane in dict.fromkeys((*way.lanes, *reading.policy.shelter)):
        refused = rule.refuses.get(lane, FALSE)
        takes = reading.open_to(lane, redacting=rule.redacts)
        for goal, in_that_form in _forms(reading, rule, lane):
            yield goal, (takes, *passed, negated(refused), *in_that_form)
        turned_away.append(every((takes, *passed, refused)))
        passed.append(negated(takes))
    yield _Goal(None), (some((every(passed), *turned_away)),)


def _forms(reading: Reading, rule: ReadRule, lane: str) -> Iterator[tuple[_Goal, tuple[Formula, ...]]]:
    """The job as it is; or, where the rule redacts and the lane is outside, a sensitive one with placeholders."""
    if not (rule.redacts and lane in reading.policy.outside):
        yield _Goal(lane), ()
        return
    sensitive = reading.space.where("sensitivity", holds=lambda level: level.sensitive)
    yield _Goal(lane), (negated(sensitive),)
    yield _Goal(lane, redacted=True), (sensitive,)


def _region(reading: Reading, box: Box, rule_before: str, rule_after: str) -> Region:
    levels = reading.space.signal("sensitivity").values
    cells = box[reading.space.places["sensitivity",]]
    guarded = any(
        isinstance(level, Level) and level.sensitive and cells >> place & 1 for place, level in enumerate(levels)
    )
    return Region(words.region(reading.space, box), rule_before, rule_after, example(reading.space, box), guarded)
