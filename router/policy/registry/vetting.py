"""Vetting: everything that a policy must pass before it is put in force: check, prove, and its own cases."""

from pathlib import Path

from router import findings
from router.policy.cases.trial import OpenInspector, try_policy
from router.policy.loader import load_policy
from tidegate.errors import InvalidDocument


def vet(path: Path, *, open_inspector: OpenInspector) -> tuple[str, ...]:
    """What speaks against it, each with its place. Nothing: it may be applied."""
    report = findings.of(path)
    if not report.holds:
        return tuple(report.errors)
    try:
        return (*_counterexamples(path), *try_policy(path, open_inspector=open_inspector).problems)
    except InvalidDocument as exc:
        return exc.problems


def _counterexamples(path: Path) -> tuple[str, ...]:
    """What the proof found; a search that was given up has proven nothing, so that speaks against it, too."""
    from router.policy.analysis.prove import prove  # noqa: PLC0415 - the router needs it when a file changes only

    proof = prove(load_policy(path))
    shown = (f"{path}:1:1: prove: {example.broken}: {example.message}" for example in proof.counterexamples)
    undecided = (f"{path}:1:1: prove: rule {rule}: undecided, so nothing is proven of it" for rule in proof.undecided)
    return (*shown, *undecided)
