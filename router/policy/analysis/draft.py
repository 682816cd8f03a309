"""What some policies mention, gathered: the numbers and names at which the space of jobs must be cut."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from router.policy.analysis.harmless import asked_or_not, beside, found_or_not
from router.policy.analysis.room import longest_prompts
from router.policy.analysis.space import Signal, Space, Waits, in_order, measures, whole_numbers
from router.policy.engine import MIN_OUTPUT_TOKENS
from router.policy.hours import WEEK_MINUTES
from router.signals.sensitivity.levels import Table
from tidegate.job import MAX_OUTPUT_TOKENS
from tidegate.lane import Lane
from tidegate.signals import Band, Capability, LaneLoad, Level

USUAL_ANSWER = 256
"""What a job asks for that says nothing."""

OTHER_TENANT = "somebody-else"
"""Stands for every tenant that no rule names; `default` does where it is not named itself."""

OVERSPENT_USD = -1.0
"""A budget may be exceeded."""

OTHER_TASK = "something-else"
"""Stands for every kind of work that no rule names."""


@dataclass
class Draft:
    """Filled condition by condition; then it becomes the space."""

    tokens: set[int] = field(default_factory=set)
    max_tokens: set[int] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    tenants: set[str] = field(default_factory=set)
    waits: dict[str, set[float]] = field(default_factory=lambda: defaultdict(set))
    compared: set[str] = field(default_factory=set)
    """Lanes of which it matters which one's wait is shorter."""
    healths: set[str] = field(default_factory=set)
    """Lanes of which it matters whether anybody serves them, whatever wait was measured."""
    tasks: set[str] = field(default_factory=set)
    minutes: set[int] = field(default_factory=set)
    budgets: dict[str, set[float]] = field(default_factory=lambda: defaultdict(set))
    draws: set[float] = field(default_factory=set)
    overflows: set[str] = field(default_factory=set)
    tables: list[Table] = field(default_factory=list)
    """What findings mean, by each policy."""
    alone: bool = False
    """Whether it matters that a job is sensitive by some types alone."""
    asked: bool = False
    """Whether it matters that somebody asked for a job to be guarded."""
    unread: set[tuple[str, str]] = field(default_factory=set)

    def lane(self, lane: Lane) -> None:
        """A lane cuts prompts where it is full, and answers where they need less room than the usual."""
        self.max_tokens.update(range(1, MIN_OUTPUT_TOKENS + 1))
        self.tokens.update(longest + 1 for longest in longest_prompts(lane))

    def space(self) -> Space:
        """All that was mentioned, and the signals with few values whole."""
        return Space.of(self._signals())

    def _signals(self) -> Iterator[Signal]:
        yield from self._of_every_job()
        yield from self._where_mentioned()

    def _of_every_job(self) -> Iterator[Signal]:
        yield Signal(("sensitivity",), tuple(Level))
        yield Signal(("complexity",), tuple(Band))
        yield whole_numbers(("tokens",), self.tokens, usual=100)
        # A job asks for at least one token, and for no more than this.
        yield whole_numbers(("max_tokens",), self.max_tokens, least=1, most=MAX_OUTPUT_TOKENS, usual=USUAL_ANSWER)
        yield Signal(("tenant",), in_order(self.tenants, first=("default", OTHER_TENANT)))
        yield Signal(("latency",), ("interactive", "batch"))
        for need in Capability:
            yield Signal(("needs", need.value), (False, True))

    def _where_mentioned(self) -> Iterator[Signal]:
        for name in sorted(self.types):
            yield found_or_not(name, self.tables)
        yield from self._beside_what_is_found()
        for lane in sorted({*self.waits, *self.healths}):
            limits = self._limits(lane)
            yield Waits(("load", lane), (None, *self._loads(lane, limits)), limits=limits)
        for key in sorted(self.budgets):
            yield Signal(("budget", key), (None, *measures(self.budgets[key]), OVERSPENT_USD))
        if self.tasks:
            yield Signal(("task",), (None, *sorted(self.tasks), OTHER_TASK))
        if self.minutes:
            yield Signal(("minute",), (None, *sorted({0, *self.minutes} - {WEEK_MINUTES})))
        if self.draws:
            yield Signal(("draw",), tuple(sorted({0.0, *self.draws} - {1.0})))
        for rule in sorted(self.overflows):
            yield Signal(("overflowing", rule), (False, True))
        for name, words in sorted(self.unread):
            yield Signal(("unread", name, words), (None, False, True))

    def _beside_what_is_found(self) -> Iterator[Signal]:
        if self.alone:
            yield from beside(self.types, self.tables)
        elif self.asked:
            yield asked_or_not()

    def _limits(self, lane: str) -> tuple[float, ...]:
        """Lanes that are held against each other are cut at the same waits."""
        lanes = self.compared if lane in self.compared else {lane}
        return tuple(sorted({0.0}.union(*(map(float, self.waits[one]) for one in lanes if one in self.waits))))

    def _loads(self, lane: str, limits: tuple[float, ...]) -> Iterator[LaneLoad]:
        slots = (1, 0) if lane in self.healths else (1,)
        each = len(self.compared) if lane in self.compared else 1
        for wait_s in measures(limits, each=each) if lane in self.waits else (0.0,):
            yield from (LaneLoad(slots=count, wait_s=wait_s) for count in slots)
        yield from (LaneLoad(slots=count, wait_s=None) for count in reversed(slots))
