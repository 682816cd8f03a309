"""`tidegate policy diff`: what changes between two policies, proven for every job, and counted on recorded ones."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from router.commands.terminal import AsJson, console, narrowing, policy_path, told, write
from router.policy.analysis.changes import Changes, Move, changes
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.sensitivity.differences import Difference, differences
from router.recorded import read_recorded
from router.replay import Replayed, replay

Before = Annotated[Path, typer.Argument(help="The policy as it is.")]
After = Annotated[Path, typer.Argument(help="The policy as it would be.")]
Replay = Annotated[
    Path | None, typer.Option("--replay", metavar="FILE", help="Recorded decisions (JSONL): count what would change.")
]


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("diff")(diff)


def diff(before: Before, after: After, *, replay_file: Replay = None, as_json: AsJson = False) -> None:
    """Tell which jobs go elsewhere: by proof, for every possible job; with --replay, of those on record, too.

    Exit code 1 where a sensitive job would newly go out (also because findings mean less), or where the search was
    given up; a difference alone is 0.
    """
    with told():
        old, new = load_policy(policy_path(before)), load_policy(policy_path(after))
        found, meaning = changes(old, new), tuple(differences(old, new))
        counted = replay(old, new, tuple(read_recorded(replay_file))) if replay_file else None
    if as_json:
        write(json.dumps(_as_dict(found, counted, meaning)))
    else:
        for line in (*_warned(old, new), *_meanings(meaning), *_lines(found), *(_counts(counted) if counted else ())):
            console().print(line, soft_wrap=True)
    leaks = any(move.leaks for move in found.moves) or (counted is not None and counted.sensitive_out > 0)
    loosens = any(one.loosens for one in meaning)
    raise typer.Exit(1 if leaks or loosens or found.undecided else 0)


def _warned(old: Policy, new: Policy) -> Iterator[Text]:
    for policy in (old, new):
        yield from narrowing(policy)


def _meanings(found: Sequence[Difference]) -> Iterator[Text]:
    """What findings mean is no matter of rules: the moves below are told of jobs by the level that they then have."""
    for one in found:
        style = "bold red" if one.loosens else "bold yellow"
        yield Text.assemble((f"sensitivity: {one.what}", style), "   jobs may newly go out" if one.loosens else "")
    if found:
        yield Text("by the levels that jobs then have:", style="dim")


def _lines(found: Changes) -> Iterator[Text]:
    for move in found.moves:
        style = "bold red" if move.leaks else "bold yellow" if move.goes_out else "bold"
        yield Text.assemble(
            (f"{_end(move.before, move.redacted_before)} -> {_end(move.after, move.redacted_after)}", style),
            _zones(move),
        )
        for region in move.regions:
            rules = region.rule_before
            if region.rule_after != region.rule_before:
                rules += f" -> {region.rule_after}"
            yield Text.assemble(f"    {region.jobs}", (f"  ({rules})", "dim"))
        if move.more:
            yield Text("    and a few more, near these", style="dim")
    for old, new in found.undecided:
        yield Text(f"undecided: rule {old} against rule {new}: the search was given up", style="bold red")
    told_ = "every job goes where it went" if found.none else "every other job goes where it went"
    yield Text(f"{found.before} -> {found.after}: {told_}", style="bold green" if found.none else "bold")


def _zones(move: Move) -> str:
    if move.leaks:
        return "   sensitive jobs go out"
    return "   goes out" if move.goes_out else ""


def _end(lane: str | None, redacted: bool) -> str:  # noqa: FBT001 -- a lane and the form in which a job goes there
    return f"{_lane(lane)}, redacted" if redacted else _lane(lane)


def _lane(lane: str | None) -> str:
    return lane or "dead letter"


def _counts(counted: Replayed) -> Iterator[Text]:
    out = f"{counted.sensitive_out} sensitive go out"
    parts = [f"{counted.moved:,} of {counted.jobs:,} change lane", out, _cost(counted)]
    parts += [f"predicted wait {_wait(lane, *waits)}" for lane, waits in counted.waits_s.items() if _shifts(*waits)]
    if counted.dead_before != counted.dead_after:
        parts.append(f"dead letters {counted.dead_before:,} -> {counted.dead_after:,}")
    yield Text("; ".join(parts), style="bold red" if counted.sensitive_out else "bold")
    for (was, becomes), count in counted.moves.items():
        yield Text(f"    {count:>8,}  {_lane(was)} -> {_lane(becomes)}")
    if counted.unpriced:
        yield Text(f"    no price is known of {', '.join(counted.unpriced)}: not counted", style="yellow")


def _cost(counted: Replayed) -> str:
    a_day = counted.cost_usd_a_day
    amount, time = (counted.cost_usd, "in all") if a_day is None else (a_day, "a day")
    return f"{'-' if amount < 0 else '+'}${abs(amount):,.2f} {time}"


def _shifts(before: float | None, after: float | None) -> bool:
    """Whether a wait changes by what a person would notice."""
    return _seconds(before) != _seconds(after)


def _wait(lane: str, before: float | None, after: float | None) -> str:
    return f"{lane} {_seconds(before)} -> {_seconds(after)}"


def _seconds(wait: float | None) -> str:
    return "no jobs" if wait is None else f"{wait:.1f} s" if wait < 10 else f"{wait:.0f} s"  # noqa: PLR2004


def _as_dict(found: Changes, counted: Replayed | None, meaning: Sequence[Difference]) -> dict[str, Any]:
    return {
        "before": found.before,
        "after": found.after,
        "same": found.none and not meaning,
        "sensitivity": [asdict(one) for one in meaning],
        "moves": [
            {
                "before": move.before,
                "after": move.after,
                "goes_out": move.goes_out,
                "sensitive": move.leaks,
                "redacted": move.redacted_after,
                "more": move.more,
                "regions": [
                    {**asdict(region), "signals": json.loads(region.signals.to_json())} for region in move.regions
                ],
            }
            for move in found.moves
        ],
        "undecided": [list(rules) for rules in found.undecided],
        "replay": None if counted is None else _counts_dict(counted),
    }


def _counts_dict(counted: Replayed) -> dict[str, Any]:
    moves = [{"before": was, "after": becomes, "jobs": count} for (was, becomes), count in counted.moves.items()]
    waits = {lane: {"before": before, "after": after} for lane, (before, after) in counted.waits_s.items()}
    return {**asdict(counted), "moves": moves, "waits_s": waits, "cost_usd_a_day": counted.cost_usd_a_day}
