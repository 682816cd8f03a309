"""Rules that differ in one condition alone, and so part a signal among them: where they overlap or leave a gap."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from router.policy.analysis import kinds
from router.policy.analysis.formula import Among, Formula
from router.policy.analysis.reading import Reading
from router.policy.analysis.search import Undecided, find
from router.policy.analysis.space import Numbers
from router.policy.conditions import When
from router.policy.matching import written

Found = tuple[str, tuple[str | int, ...], str]

COUNTED = ("tokens", "max_tokens")
NAMED = ("complexity", "latency")

_MAX_STEPS = 20_000


@dataclass(frozen=True)
class _Band:
    """What one rule says of the signal."""

    rule: int
    name: str
    cells: int

    @property
    def lowest(self) -> int:
        return self.cells & -self.cells


def bands(reading: Reading, *, skip: frozenset[object]) -> Iterator[Found]:
    """Overlaps and gaps, each with its place."""
    for signal in (*COUNTED, *NAMED):
        for others, family in _families(reading, signal, skip):
            if len(family) > 1:
                if signal in COUNTED:
                    yield from _overlaps(reading, signal, family)
                yield from _gaps(reading, signal, family, others)


def _families(reading: Reading, signal: str, skip: frozenset[object]) -> Iterator[tuple[Formula, list[_Band]]]:
    """Rules that differ in this condition alone, together with what they have in common."""
    families: dict[str, list[_Band]] = defaultdict(list)
    common: dict[str, Formula] = {}
    for index, rule in enumerate(reading.policy.rules):
        said = rule.when.says()
        if index in skip or signal not in said:
            continue
        rest = {name: written(wanted) for name, wanted in said.items() if name != signal}
        key = json.dumps(rest, sort_keys=True)
        common[key] = kinds.read(_without(rule.when, signal), reading.space).yes
        mine = kinds.read(When.model_validate({signal: said[signal]}), reading.space).yes
        if isinstance(mine, Among):
            families[key].append(_Band(index, rule.name, mine.cells))
    for key, family in families.items():
        yield common[key], family


def _without(when: When, signal: str) -> When:
    return when.model_copy(update={signal: None})


def _overlaps(reading: Reading, signal: str, family: list[_Band]) -> Iterator[Found]:
    for first, second in combinations(family, 2):
        both = first.cells & second.cells
        apart = both not in (0, first.cells, second.cells)
        if apart and reading.policy.rules[first.rule].send != reading.policy.rules[second.rule].send:
            said = _said(reading, signal, both)
            yield (
                "overlapping-bands",
                ("rules", second.rule, "when", signal),
                f"overlaps with rule {first.name}, which comes first and takes {said}",
            )


def _gaps(reading: Reading, signal: str, family: list[_Band], others: Formula) -> Iterator[Found]:
    """Values between the bands (or, of few values, those that are missing) whose jobs no rule takes."""
    for last, gap in _holes(reading, signal, family):
        here = Among(reading.space.places[signal,], gap)
        goals = (*reading.reach(len(reading.rules) - 1), others, here)
        try:
            found = find(reading.space.whole, goals, max_steps=_MAX_STEPS)
        except Undecided:
            continue
        if found is not None:
            said = _said(reading, signal, found[reading.space.places[signal,]])
            message = f"leaves a gap: jobs with {said} reach no rule of the kind and fall to the default"
            yield "gap", ("rules", last.rule, "when", signal), message


def _holes(reading: Reading, signal: str, family: list[_Band]) -> Iterator[tuple[_Band, int]]:
    if signal in NAMED:
        covered = 0
        for band in family:
            covered |= band.cells
        gap = reading.space.signal(signal).whole & ~covered
        if gap and not gap & gap - 1:  # one value was forgotten; more are rather left to the default on purpose
            yield family[-1], gap
        return
    for low, high in pairwise(sorted(family, key=lambda band: band.lowest)):
        top = 1 << low.cells.bit_length()
        if top < high.lowest:
            yield high, high.lowest - top


def _said(reading: Reading, signal: str, cells: int) -> str:
    found: Any = reading.space.signal(signal)
    if isinstance(found, Numbers):
        return " and ".join(_run(*run) for run in found.runs(cells)) + f" {signal}"
    return f"{signal} {' or '.join(str(v) for index, v in enumerate(found.values) if cells >> index & 1)}"


def _run(first: int, last: int | None) -> str:
    if last is None:
        return f"{first:,} and more"
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"
