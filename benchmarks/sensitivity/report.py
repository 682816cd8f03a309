"""The numbers as Markdown tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

SHOWN_ALARMS = (0.01, 0.02, 0.05, 0.08, 0.15)
"""The frontier is shown at these shares of harmless prompts kept inside."""

FEW = 3


def markdown(numbers: dict[str, Any]) -> str:
    """Every part that was measured."""
    return "\n".join(_parts(numbers)) + "\n"


def _parts(numbers: dict[str, Any]) -> Iterator[str]:
    if "measures" in numbers:
        yield "## Kept inside\n"
        yield from _table(
            ("what", "data", "aim", "measured", "95% interval", "mean over templates", "met"),
            (_measure(row) for row in numbers["measures"]),
        )
    if "speed" in numbers:
        yield "\n## Processor time, clean text, median\n"
        yield from _table(
            ("characters", "tagger", "aim", "sensitivity", "whole inspection", "met"),
            (
                (
                    f"{row['chars']:,}",
                    "yes" if row["tagger"] else "no",
                    f"{row['aim_ms']} ms",
                    f"{row['median_ms']:.3f} ms",
                    f"{row['whole_inspection_ms']:.3f} ms",
                    _met(row["met"]),
                )
                for row in numbers["speed"]
            ),
        )
    if "sizes" in numbers:
        yield "\n## Large texts\n"
        yield from _table(
            ("text", "kB", "wall", "CPU", "growth from half", "memory above", "level", "in time"),
            (_size(row) for row in numbers["sizes"]),
        )
    if "frontier" in numbers:
        yield from _frontier(numbers["frontier"])


def _measure(row: dict[str, Any]) -> tuple[str, ...]:
    low, high = row["interval"]
    over = row.get("mean_over_templates")
    return (
        row["what"], row["data"], row["aim"], f"{_percent(row['inside'], row['of'])} ({row['inside']}/{row['of']})",
        f"{low:.1%} to {high:.1%}", "-" if over is None else f"{over:.1%}", _met(row["met"]),
    )  # fmt: skip


def _size(row: dict[str, Any]) -> tuple[str, ...]:
    if "error" in row:
        return (row["kind"], str(row["kilobytes"]), "failed", "-", "-", "-", "-", "no")
    growth = row.get("growth_from_half")
    return (
        row["kind"], str(row["kilobytes"]), f"{row['wall_s']:.2f} s", f"{row['cpu_s']:.2f} s",
        "-" if growth is None else f"x {growth:.2f}", f"{row['peak_mb_above']:.0f} MB",
        row["level"] + (f" ({row['cause']})" if row["cause"] else ""), _met(row["in_time"]),
    )  # fmt: skip


def _frontier(found: dict[str, Any]) -> Iterator[str]:
    ends = found["presidio_as_it_comes"]
    yield f"\n## Frontier\n\nPresidio as it comes, without a model and a network: {ends or 'starts'}.\n"
    for data in ("development", "held out"):
        if data not in found:
            continue
        here = found[data]
        yield f"\n{data}: {here['personal']:,} personal documents, {here['clean']:,} harmless prompts; recall at the"
        yield "share of harmless prompts kept inside:\n"
        yield from _table(
            ("system", *(f"{share:.0%}" for share in SHOWN_ALARMS), "its own points"),
            (
                (name, *(_at(points, share) for share in SHOWN_ALARMS), _own(points))
                for name, points in here["systems"].items()
            ),
        )


def _at(points: Sequence[dict[str, Any]], share: float) -> str:
    reached = [point["recall"] for point in points if point["false_alarms"] <= share]
    return f"{max(reached):.1%}" if any(reached) else "-"


def _own(points: Sequence[dict[str, Any]]) -> str:
    """Where it has few, all of them: recall / false alarms."""
    distinct = list(dict.fromkeys((point["recall"], point["false_alarms"]) for point in points if point["recall"]))
    return "; ".join(f"{recall:.1%} / {alarms:.1%}" for recall, alarms in distinct) if len(distinct) <= FEW else "-"


def _percent(hits: int, of: int) -> str:
    return "100%" if hits == of else f"{min(hits / of, 0.9999):.2%}"


def _met(met: bool | None) -> str:  # noqa: FBT001
    return {True: "yes", False: "**no**", None: "-"}[met]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(row)} |"
