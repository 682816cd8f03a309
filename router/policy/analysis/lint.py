"""What a sound policy's author may not have meant, decided for every possible job, so that nothing here is a guess.

Rules that no job reaches, lanes that nothing goes to, bands that overlap or leave a gap, waits at which jobs flap.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from router.policy.analysis.bands import bands
from router.policy.analysis.formula import TRUE
from router.policy.analysis.reading import Reading, read
from router.policy.analysis.search import Undecided, find
from router.policy.analysis.waits import flapping
from router.policy.model import Policy

Steps = tuple[str | int, ...]

_MAX_STEPS = 20_000
"""For one question. A check must end within a second: what takes longer is left to the proof."""


@dataclass(frozen=True)
class Remark:
    """One thing to look at, and where it stands."""

    kind: str
    path: Steps
    message: str
    value: bool = False
    """Whether the value is meant, and not the field's name."""


def lint(policy: Policy) -> tuple[Remark, ...]:
    """Every remark. Pure."""
    reading = read(policy)[0]
    dead = {found.path[1]: found for index in range(len(policy.rules)) for found in _dead(reading, index)}
    return (
        *dead.values(),
        *_unreachable(reading, skip=frozenset(dead)),
        *(Remark(*found) for found in bands(reading, skip=frozenset(dead))),
        *(Remark(*found) for found in flapping(policy)),
    )


def _dead(reading: Reading, index: int) -> Iterator[Remark]:
    """A rule that no job reaches: it contradicts itself, or the rules before it take every job."""
    here = ("rules", index, "name")
    try:
        if find(reading.space.whole, reading.reach(index), max_steps=_MAX_STEPS) is not None:
            return
        if find(reading.space.whole, (*reading.sense, reading.rules[index].holds), max_steps=_MAX_STEPS) is None:
            yield Remark("dead-rule", here, "dead: no job can meet all its conditions", value=True)
            return
        takers = ", ".join(reading.rules[taker].name for taker in _takers(reading, index))
        yield Remark("shadowed-rule", here, f"dead: every job that it matches is taken before, by {takers}", value=True)
    except Undecided:
        return


def _takers(reading: Reading, index: int) -> tuple[int, ...]:
    """As few rules as take all its jobs: one where one does, else none that could be left out."""
    held = (*reading.sense, reading.rules[index].holds)

    def escape(takers: tuple[int, ...]) -> bool:
        goals = (*held, *(reading.misses[taker] for taker in takers))
        return find(reading.space.whole, goals, max_steps=_MAX_STEPS) is not None

    for taker in range(index):
        if not escape((taker,)):
            return (taker,)
    takers = tuple(range(index))
    for taker in range(index):
        fewer = tuple(other for other in takers if other != taker)
        if not escape(fewer):
            takers = fewer
    return takers


def _unreachable(reading: Reading, *, skip: frozenset[object]) -> Iterator[Remark]:
    """Lanes to which no job goes, by any rule, overflow, split, shadow, nor as the shelter."""
    for lane in reading.policy.lanes:
        if lane in reading.policy.shelter or _reached(reading, lane, skip):
            continue
        named = any(lane in rule.reach or lane == rule.shadow for rule in reading.policy.rules)
        why = "no job that is sent here may come, or fits" if named else "no rule sends here"
        yield Remark("unreachable-lane", ("lanes", lane), f"unreachable: {why}")


def _reached(reading: Reading, lane: str, skip: frozenset[object]) -> bool:
    for index, rule in enumerate(reading.rules):
        if index in skip:
            continue
        ways = [way.holds for way in rule.ways if lane in way.lanes]
        ways += [TRUE] if index < len(reading.policy.rules) and reading.policy.rules[index].shadow == lane else []
        for holds in ways:
            goals = (*reading.reach(index), holds, reading.open_to(lane, redacting=rule.redacts))
            try:
                if find(reading.space.whole, goals, max_steps=_MAX_STEPS) is not None:
                    return True
            except Undecided:
                return True
    return False
