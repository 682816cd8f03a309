"""`tidegate policy prove`: for every possible job, or a job that shows otherwise."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.text import Text

from router.commands.terminal import AsJson, PolicyFile, console, loosening, policy_path, told, write
from router.policy.analysis.prove import Counterexample, Proof, prove
from router.policy.loader import load_policy

Strict = Annotated[bool, typer.Option("--strict", help="Fall short where a rule lies outside the proof, too.")]


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("prove")(prove_command)


def prove_command(file: PolicyFile = None, *, strict: Strict = False, as_json: AsJson = False) -> None:
    """Prove, for every possible job, that no rule breaks a guarantee and that each job gets a lane.

    Otherwise tell a job for which it does not, in words and as signals. Exit code 1 where there is one.
    """
    with told():
        policy = load_policy(policy_path(file))
        begun = time.perf_counter()
        proof = prove(policy)
        took_s = time.perf_counter() - begun
    holds = proof.holds and not (strict and proof.unread)
    if as_json:
        write(json.dumps(as_dict(proof, holds=holds, took_s=took_s)))
    else:
        for line in (*loosening(policy), *_lines(proof, took_s=took_s)):
            console().print(line, soft_wrap=True)
    raise typer.Exit(0 if holds else 1)


def as_dict(proof: Proof, *, holds: bool, took_s: float) -> dict[str, Any]:
    """The proof for machines."""
    return {
        "holds": holds,
        "policy": proof.policy,
        "rules": proof.rules,
        "lanes": proof.lanes,
        "guarantees": list(proof.guarantees),
        "allow_outside": list(proof.allow_outside),
        "redacts": list(proof.redacts),
        "counterexamples": [_example_dict(shown) for shown in proof.counterexamples],
        "limits": list(proof.limits),
        "outside_the_proof": {rule: list(conditions) for rule, conditions in proof.unread.items()},
        "undecided": list(proof.undecided),
        "took_ms": round(took_s * 1000, 1),
    }


def _example_dict(shown: Counterexample) -> dict[str, Any]:
    return {
        "broken": shown.broken,
        "rule": shown.rule,
        "lane": shown.lane,
        "job": shown.job,
        "message": shown.message,
        "signals": json.loads(shown.signals.to_json()),
        "decision": {
            "lanes": list(shown.decision.lanes),
            "rule": shown.decision.rule,
            "zone": shown.decision.zone.value,
            "cause": shown.decision.cause,
        },
    }


def _lines(proof: Proof, *, took_s: float) -> Iterator[Text]:
    if proof.allow_outside:
        yield Text(f"allow_outside: {', '.join(proof.allow_outside)} may leave by the operator's word", "bold red")
    if proof.redacts:
        said = f"by {' and '.join(proof.redacts)}, sensitive jobs leave as redacted copies only"
        yield Text.assemble(("redacted: ", "bold yellow"), said)
    for shown in proof.counterexamples:
        yield Text.assemble((f"{shown.broken}: ", "bold red"), shown.message)
        yield Text(f"    {shown.signals.to_json()}", style="dim")
    for rule in proof.undecided:
        yield Text.assemble(("undecided: ", "bold red"), f"rule {rule}: the search was given up, nothing is proven")
    for rule, conditions in proof.unread.items():
        said = ", ".join(conditions)
        yield Text.assemble(("outside the proof: ", "bold yellow"), f"rule {rule} uses {said}")
    for limit in proof.limits:
        yield Text.assemble(("no lane for: ", "yellow"), limit)
    yield _sum(proof, took_s=took_s)


def _sum(proof: Proof, *, took_s: float) -> Text:
    took = f"{took_s * 1000:.0f} ms"
    if proof.counterexamples or proof.undecided:
        count = len(proof.counterexamples)
        found = f"{count} counterexample{'' if count == 1 else 's'}"
        return Text(f"{proof.policy}: not proven: {found} ({took})", style="bold red")
    but = f", but for {', '.join(proof.unread)}" if proof.unread else ""
    kept = ", ".join(proof.guarantees)
    said = f"for every job, its rules keep {kept}, and each job that a lane may and can take gets one{but}"
    return Text(f"{proof.policy}: proven: {said} ({took})", style="bold green")
