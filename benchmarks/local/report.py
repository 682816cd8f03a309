"""The numbers as tables for people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

AIMS = {1: 1.0, 4: 1.6, 8: 2.0, 16: 2.4, 32: 2.6}
"""Times the tokens of calls in sequence, with the model of 125 M parameters on 2 CPUs."""
SHARE_AIM, END_TO_END_AIM, WAIT_AIM_STEPS, GROWTH_AIM = 0.10, 0.85, 2.0, 0.02


def markdown(found: Mapping[str, Any]) -> str:
    """All of it."""
    machine = found["machine"]
    device = machine["gpu"] or machine["cpu"]
    lines = [
        "# The local engine, side by side",
        "",
        f"{found['date']}, {device}, {machine['threads']} threads, load {machine['load']:.1f} at the start.",
        f"Medians of {found['rounds']} rounds in which the systems take turns; answers of {found['tokens']} tokens.",
    ]
    for name, model in found["models"].items():
        lines += ["", f"## {name}"]
        for part, table in PARTS.items():
            if part in model:
                lines += ["", *table(model[part])]
    return "\n".join(lines) + "\n"


def _levels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(rows[0]["tokens_per_s"])
    head = [
        "jobs at a time",
        *(f"{name}, tokens/s" for name in names),
        "times sequential",
        "aim at 124 M",
        "times server",
    ]
    return _table(
        head,
        [
            [
                row["jobs"],
                *(f"{row['tokens_per_s'][name]:.0f}" for name in names),
                f"{row['ratio_to_sequential']:.2f}",
                AIMS.get(row["jobs"], ""),
                f"{row['ratio_to_server']:.2f}",
            ]
            for row in rows
        ],
    )


def _steps(found: Mapping[str, Any]) -> list[str]:
    told = f"{found['step_ms']:.1f} ms, of which {found['llama_decode_ms']:.1f} ms in llama.cpp"
    return _aim(
        f"Python's share of a step of {found['jobs']} jobs", f"{found['python_share']:.1%}", told, f"< {SHARE_AIM:.0%}"
    )


def _end_to_end(found: Mapping[str, Any]) -> list[str]:
    told = f"{found['end_to_end_jobs_per_s']:.1f} jobs/s of {found['engine_jobs_per_s']:.1f}"
    return _aim("End to end against the engine alone", f"{found['ratio']:.0%}", told, f"> {END_TO_END_AIM:.0%}")


def _first_token(found: Mapping[str, Any]) -> list[str]:
    told = f"{found['beside_ms']:.0f} ms beside {found['others']} jobs, {found['alone_ms']:.0f} ms alone, "
    told += f"a step takes {found['step_ms']:.0f} ms"
    return _aim(
        "First token of a new job, beyond its own reading",
        f"{found['steps_waited']:.1f} steps",
        told,
        f"< {WAIT_AIM_STEPS:.0f} steps",
    )


def _memory(found: Mapping[str, Any]) -> list[str]:
    told = f"{found['warm_mb']:.1f} MB after {found['warm_jobs']} jobs, {found['last_mb']:.1f} MB after {found['jobs']}"
    return _aim("Growth of the engine's memory", f"{found['growth']:+.1%}", told, f"< {GROWTH_AIM:.0%}")


PARTS: Mapping[str, Callable[[Any], list[str]]] = {
    "levels": _levels,
    "steps": _steps,
    "end_to_end": _end_to_end,
    "first_token": _first_token,
    "memory": _memory,
}


def _aim(what: str, value: str, told: str, aim: str) -> list[str]:
    return [f"- {what}: **{value}** (aim {aim}): {told}"]


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
