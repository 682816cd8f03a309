"""An evaluation told: as tables to people, as JSON to programs. Numbers, places and words of ours; never a text."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.text import Text

from router.evaluation import tally
from router.evaluation.tally import Group, Pair, Share
from tidegate.cli.console import table
from tidegate.signals import Level

_NUMBERS = ("personal", "kept inside", "recall", "95% interval", "harmless", "kept inside", "false alarms")
_MOST_CAUSES = 10
_LATE = (
    "{} rows ran out of time and count as kept inside, though nobody looked to the end:"
    " raise TIDEGATE_DETECT_TIMEOUT_S to measure what the detectors see"
)


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and with what."""

    pairs: Sequence[Pair]
    wall_s: float
    policy: str | None
    jobs: int

    @property
    def total(self) -> Group:
        """Everything together."""
        return tally.group("all", self.pairs)


def as_json(measured: Evaluation, *, by: Sequence[str], misses: int) -> dict[str, Any]:
    """Everything that was measured."""
    pairs = measured.pairs
    times = tally.times(pairs, wall_s=measured.wall_s)
    return {
        "policy": measured.policy,
        **_group(measured.total),
        "files": {found.name: _group(found) for found in tally.by_file(pairs)},
        "by": {name: _by(pairs, name) for name in by},
        "alarm_types": dict(tally.alarm_types(pairs).most_common()),
        "levels": {level.value: count for level, count in tally.levels(pairs).items()},
        "confusion": {
            expected.value: {level.value: count for level, count in found.items()}
            for expected, found in tally.confusion(pairs).items()
        },
        "causes": dict(tally.causes(pairs).most_common()),
        "throughput": {
            "jobs": measured.jobs,
            "documents_per_s": _per_s(times.documents, times.wall_s),
            "chars_per_s": _per_s(times.chars, times.wall_s),
            "median_cpu_ms": _rounded(times.median_cpu_ms),
            "p95_cpu_ms": _rounded(times.p95_cpu_ms),
            "wall_s": round(times.wall_s, 3),
        },
        "misses": _places(tally.misses(pairs)[:misses]),
        "alarms": _places(tally.alarms(pairs)[:misses]),
    }


def render(measured: Evaluation, *, by: Sequence[str], misses: int) -> RenderableType:
    """The tables: by file, by what was asked, false alarms, levels, causes, times."""
    return Stack(*_spaced(_tables(measured, by=by, misses=misses)))


def _tables(measured: Evaluation, *, by: Sequence[str], misses: int) -> Iterator[RenderableType]:
    pairs = measured.pairs
    files = tally.by_file(pairs)
    groups = [*_named_briefly(files), *([measured.total] if len(files) > 1 else [])]
    yield table(("file", "rows", *_NUMBERS, "CPU ms, median", "p95"), (_cells(found, timed=True) for found in groups))
    for name in by:
        yield from _breakdown(pairs, name)
    alarms = tally.alarm_types(pairs)
    if alarms:
        yield table(("seen in false alarms", "rows"), alarms.most_common())
    yield _levels(pairs)
    causes = tally.causes(pairs)
    if causes:
        yield table(("why unknown", "rows"), causes.most_common(_MOST_CAUSES))
    late = sum(count for cause, count in causes.items() if "timeout" in cause)
    if late:
        yield Text(_LATE.format(late), style="yellow")
    yield _speed(measured)
    for title, found in (("missed", tally.misses(pairs)), ("false alarm", tally.alarms(pairs))):
        if misses and found:
            yield table((title, "holds", "found", "level"), map(_miss, found[:misses]))


def _named_briefly(files: Sequence[Group]) -> Iterator[Group]:
    """Without the folder that they all lie in."""
    paths = [Path(found.name).absolute() for found in files]
    folder = os.path.commonpath([path.parent for path in paths])
    for found, path in zip(files, paths, strict=True):
        yield replace(found, name=str(path.relative_to(folder)))


def _breakdown(pairs: Sequence[Pair], by: str) -> Iterator[RenderableType]:
    if by == "type":
        found = tally.by_type(pairs)
        if found:
            columns = ("type", *_NUMBERS[:4], "and nothing else", "recall")
            yield table(columns, ((kind, *_share(all_), alone.of, _percent(alone)) for kind, all_, alone in found))
        return
    groups = tally.by_group(pairs, by)
    if groups:
        yield table((by, "rows", *_NUMBERS), (_cells(found) for found in groups))


def _levels(pairs: Sequence[Pair]) -> RenderableType:
    """What was found; where rows say what they expect, one line for each expected level."""
    confusion = tally.confusion(pairs)
    if not confusion:
        found = tally.levels(pairs)
        return table(("level found", "rows"), ((level.value, found[level]) for level in Level if found[level]))
    return table(
        ("expected \\ found", *(level.value for level in Level), "right"),
        ((expected.value, *(found[level] or None for level in Level), _right(expected, found))
         for expected, found in confusion.items()),
    )  # fmt: skip


def _right(expected: Level, found: Counter[Level]) -> str | None:
    return _percent(Share(found[expected], found.total()))


def _speed(measured: Evaluation) -> RenderableType:
    times = tally.times(measured.pairs, wall_s=measured.wall_s)
    rate = _per_s(times.documents, times.wall_s), _per_s(times.chars, times.wall_s)
    return Text(
        f"{times.documents:,} rows, {times.chars:,} characters in {times.wall_s:.1f} s"
        f" with {measured.jobs} process{'es' if measured.jobs > 1 else ''}: {rate[0] or 0:,.0f} rows/s,"
        f" {rate[1] or 0:,.0f} characters/s; CPU a row: median {_ms(times.median_cpu_ms)} ms,"
        f" p95 {_ms(times.p95_cpu_ms)} ms"
    )


def _cells(found: Group, *, timed: bool = False) -> tuple[Any, ...]:
    times = (_ms(found.median_cpu_ms), _ms(found.p95_cpu_ms)) if timed else ()
    alarms = (found.alarms.of, found.alarms.hits, _percent(found.alarms)) if found.alarms.of else (None, None, None)
    return (found.name, found.documents, *_share(found.recall), *alarms, *times)


def _share(share: Share) -> tuple[Any, ...]:
    if share.interval is None:
        return (None, None, None, None)
    low, high = share.interval
    return (share.of, share.hits, _percent(share), f"{low:.1%} to {high:.1%}")


def _percent(share: Share) -> str | None:
    """Never rounded up to 100%: one miss in ten thousand is a miss."""
    if share.share is None:
        return None
    return "100%" if share.hits == share.of else f"{min(share.share, 0.9999):.2%}"


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}" if value < 1 else f"{value:.1f}"


def _miss(pair: Pair) -> tuple[str, ...]:
    row, outcome = pair
    return (f"{row.file}:{row.line}", " ".join(sorted(row.types)), " ".join(outcome.types), outcome.level.value)


def _places(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    return [
        {
            "file": row.file,
            "line": row.line,
            "holds": sorted(row.types),
            "found": list(outcome.types),
            "level": outcome.level.value,
            "cause": outcome.cause,
            **row.groups,
        }
        for row, outcome in pairs
    ]


def _group(found: Group) -> dict[str, Any]:
    return {
        "rows": found.documents,
        "personal": _share_json(found.recall),
        "harmless": _share_json(found.alarms),
        "median_cpu_ms": _rounded(found.median_cpu_ms),
        "p95_cpu_ms": _rounded(found.p95_cpu_ms),
    }


def _share_json(share: Share) -> dict[str, Any]:
    interval = share.interval
    return {
        "of": share.of,
        "inside": share.hits,
        "share": None if share.share is None else round(share.share, 5),
        "interval": None if interval is None else [round(interval[0], 5), round(interval[1], 5)],
    }


def _by(pairs: Sequence[Pair], by: str) -> Mapping[str, Any]:
    if by == "type":
        return {kind: {**_share_json(all_), "alone": _share_json(alone)} for kind, all_, alone in tally.by_type(pairs)}
    return {found.name: _group(found) for found in tally.by_group(pairs, by)}


def _per_s(count: int, wall_s: float) -> float | None:
    return round(count / wall_s, 1) if wall_s > 0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _spaced(parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    for number, part in enumerate(parts):
        if number:
            yield Text()
        yield part
