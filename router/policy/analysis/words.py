"""Boxes of jobs in words: `public or internal, 301 to 500 tokens, tenant acme`."""

from collections.abc import Callable, Iterator
from itertools import combinations

from router.policy.analysis.draft import OTHER_TASK, OTHER_TENANT
from router.policy.analysis.formula import Box, Cells
from router.policy.analysis.harmless import WEAK
from router.policy.analysis.space import Numbers, Signal, Space, Waits
from router.policy.hours import DAY_MINUTES, WEEK_MINUTES, Day

ANY_JOB = "any job"


def region(space: Space, box: Box) -> str:
    """The jobs of a box: only the signals that the box narrows."""
    return ", ".join(_phrases(space, box)) or ANY_JOB


def one(space: Space, box: Box) -> str:
    """One job of the box, by the values of the signals that matter."""
    single = [
        signal.cell(cells) if _telling(signal, cells) else signal.whole
        for signal, cells in zip(space.signals, box, strict=True)
    ]
    return ", ".join(_phrases(space, single, exact=True)) or ANY_JOB


def length(space: Space, box: Box) -> str:
    """Of the jobs of a box, how long their prompts are."""
    place = space.places["tokens",]
    return f"jobs of {_runs(space.signals[place], box[place])}"


def _telling(signal: Signal, cells: Cells) -> bool:
    """What a job is not, and what was not measured, goes without saying where nothing else was possible."""
    return cells != signal.whole and (signal.key[0] in _ALWAYS_TOLD or signal.surprising(cells))


_ALWAYS_TOLD = ("sensitivity", "complexity", "tokens")


def _phrases(space: Space, box: Box, *, exact: bool = False) -> Iterator[str]:
    for signal, cells in zip(space.signals, box, strict=True):
        if cells != signal.whole:
            if exact and isinstance(signal, Numbers):
                yield _NUMBERS[signal.key[0]](f"{signal.pick(cells):,}")
            else:
                yield _WORDS[signal.key[0]](signal, cells)
    yield from _shorter(space, box)


def _chosen(signal: Signal, cells: Cells) -> list[int]:
    return [index for index in range(len(signal.values)) if cells >> index & 1]


def _names(signal: Signal, cells: Cells) -> str:
    return _or([str(signal.values[index]) for index in _chosen(signal, cells)])


def _complexity(signal: Signal, cells: Cells) -> str:
    names = [str(signal.values[index]) for index in _chosen(signal, cells)]
    return _or([f"{name} complexity" if name == "unknown" else name for name in names])


def _all_but(label: str, other: str, nothing: str) -> Callable[[Signal, Cells], str]:
    """Names out of endlessly many: those that are meant, or those that are not."""

    def words(signal: Signal, cells: Cells) -> str:
        values = [signal.values[index] for index in _chosen(signal, cells)]
        if other not in values:
            return f"{label} {_or([nothing if value is None else str(value) for value in values])}"
        left = [value for value in signal.values if value not in values]
        return f"{label} other than {_or([nothing if value is None else str(value) for value in left])}"

    return words


def _runs(signal: Signal, cells: Cells) -> str:
    if not isinstance(signal, Numbers):
        raise TypeError("runs are of numbers")
    return _NUMBERS[signal.key[0]](_or([_run(signal, *run) for run in signal.runs(cells)]))


def _run(signal: Numbers, first: int, last: int | None) -> str:
    if last is None or last == signal.most:
        return f"over {first - 1:,}" if first > signal.values[0] else "any number of"
    if first == last:
        return f"{first:,}"
    return f"up to {last:,}" if first == signal.values[0] else f"{first:,} to {last:,}"


_NUMBERS: dict[str, Callable[[str], str]] = {
    "tokens": lambda said: f"{said} tokens",
    "max_tokens": lambda said: f"an answer of {said} tokens",
}


def _flag(yes: str, no: str) -> Callable[[Signal, Cells], str]:
    return lambda signal, cells: (yes if cells & 2 else no).format(signal.key[-1])


def _load(signal: Signal, cells: Cells) -> str:
    if not isinstance(signal, Waits):
        raise TypeError("waits are of lanes")
    lane = signal.key[1]
    parts: list[str] = []
    if cells & 1:
        parts.append(f"the wait for {lane} not measured")
    # What lies between two limits is told as a whole: which part of it is said beside the other lane, by `_shorter`.
    known = {signal.rung(wait): wait for wait in _waits(signal, signal.whole)}
    chosen = dict.fromkeys(known[signal.rung(wait)] for wait in _waits(signal, cells))
    parts += [f"{lane} waits {span}" for span in _spans(sorted(known.values()), list(chosen), "s")]
    if any(signal.values[index].wait_s is None for index in _chosen(signal, cells & ~1)):
        parts.append(f"nobody serves {lane}")
    return _or(parts)


def _shorter(space: Space, box: Box) -> Iterator[str]:
    """Which of two lanes waits less, where it is only by that that some waits between two limits are meant."""
    lanes = [(signal, cells) for signal, cells in zip(space.signals, box, strict=True) if isinstance(signal, Waits)]
    for (one, its), (other, others) in combinations(lanes, 2):
        if set(_waits(one, one.whole)) != set(_waits(other, other.whole)):
            continue  # nothing holds them against each other
        here, there = _in_part(one, its), _in_part(other, others)
        for rung in sorted(here.keys() & there.keys()):
            ours, theirs = here[rung], there[rung]
            if ours[1] and theirs[1]:  # both whole: neither says anything of the other
                continue
            names, order = (one.key[1], other.key[1]), (ours[0], theirs[0])
            if min(ours[0]) >= max(theirs[0]):
                names, order = names[::-1], order[::-1]
            if max(order[0]) <= min(order[1]):
                least = "less" if max(order[0]) < min(order[1]) else "no longer"
                yield f"{names[0]} waits {least} than {names[1]}"
                break


def _in_part(signal: Waits, cells: Cells) -> dict[int, tuple[set[float], bool]]:
    """The chosen waits between two limits each, and whether they are all there are."""
    found: dict[int, tuple[set[float], bool]] = {}
    for rung in {signal.rung(wait) for wait in _waits(signal, signal.whole)}:
        every = {wait for wait in _waits(signal, signal.whole) if signal.rung(wait) == rung}
        chosen = {wait for wait in _waits(signal, cells) if signal.rung(wait) == rung}
        if chosen:
            found[rung] = chosen, chosen == every
    return found


def _waits(signal: Waits, cells: Cells) -> list[float]:
    loads = (signal.values[index] for index in _chosen(signal, cells & ~1))
    return [load.wait_s for load in loads if load.wait_s is not None]


def _budget(signal: Signal, cells: Cells) -> str:
    kind, _, name = signal.key[1].partition(":")
    values = [signal.values[index] for index in _chosen(signal, cells & ~1)]
    parts = [f"the budget of {kind} {name} not measured"] if cells & 1 else []
    known = sorted(value for value in signal.values[1:])
    parts += [f"{kind} {name} has {span} left" for span in _spans(known, sorted(values), "USD")]
    return _or(parts)


def _spans(known: list[float], chosen: list[float], unit: str) -> Iterator[str]:
    """Runs of cells as limits. The cells take turns: a limit itself, then all between it and the next."""
    runs: list[tuple[int, int]] = []
    for index in sorted(known.index(value) for value in chosen):
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    odd = 1 if known and known[0] < 0 else 0  # what is below zero comes before the first limit
    for first, last in runs:
        low, high = first - odd, last - odd
        bottom = None if low <= 0 else f"{known[first]:g}" if low % 2 == 0 else f"over {known[first - 1]:g}"
        top = None if last == len(known) - 1 else f"{known[last]:g}" if high % 2 == 0 else f"under {known[last + 1]:g}"
        if bottom is None and top is None:
            yield f"any number of {unit}"
        elif bottom is None:
            yield f"{top} {unit}" if str(top).startswith("under") else f"at most {top} {unit}"
        elif top is None:
            yield f"{bottom} {unit}" if bottom.startswith("over") else f"at least {bottom} {unit}"
        else:
            yield f"{bottom} {unit}" if bottom == top else f"{bottom} to {top} {unit}"


def _minutes(signal: Signal, cells: Cells) -> str:
    starts = signal.values[1:]
    ends = (*starts[1:], WEEK_MINUTES)
    spans: list[tuple[int, int]] = []
    for index in _chosen(signal, cells & ~1):
        begin, end = starts[index - 1], ends[index - 1]
        if spans and spans[-1][1] == begin:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    parts = ["at an unknown time"] if cells & 1 else []
    return _or(parts + [f"from {_clock(begin)} to {_clock(end)}" for begin, end in spans])


def _clock(minute: int) -> str:
    day, rest = divmod(minute % WEEK_MINUTES, DAY_MINUTES)
    return f"{list(Day)[day].value} {rest // 60:02}:{rest % 60:02}"


def _draw(signal: Signal, cells: Cells) -> str:
    ends = (*signal.values[1:], 1.0)
    return _or([f"draw {signal.values[index]:g} to {ends[index]:g}" for index in _chosen(signal, cells)])


def _entity(signal: Signal, cells: Cells) -> str:
    name = signal.key[1]
    if cells & 1:
        return f"without {name}" if cells == 1 else f"with no more than a weak {name}"
    return f"with a weak {name}" if signal.values[1] == WEAK and cells == 2 else f"with {name}"  # noqa: PLR2004


def _another(signal: Signal, cells: Cells) -> str:
    names = [f"with {signal.values[index]}" for index in _chosen(signal, cells & ~1)]
    return _or([*(["with nothing else found"] if cells & 1 else []), *names])


def _unread(signal: Signal, cells: Cells) -> str:
    names = ("fails", "does not hold", "holds")
    return f"where {signal.key[1]} {signal.key[2]} {_or([names[index] for index in _chosen(signal, cells)])}"


def _or(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else parts[0]


_WORDS: dict[str, Callable[[Signal, Cells], str]] = {
    "sensitivity": _names,
    "complexity": _complexity,
    "tokens": _runs,
    "max_tokens": _runs,
    "tenant": _all_but("tenant", OTHER_TENANT, "none"),
    "latency": _names,
    "needs": _flag("needs {}", "needs no {}"),
    "entity": _entity,
    "load": _load,
    "budget": _budget,
    "task": _all_but("task", OTHER_TASK, "none"),
    "minute": _minutes,
    "draw": _draw,
    "overflowing": _flag("{} in overflow", "{} not in overflow"),
    "asked": _flag("guarded as somebody asked", "not guarded because somebody asked"),
    "another": _another,
    "unread": _unread,
}
