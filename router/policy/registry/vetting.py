"""Vetting: everything that a policy must pass before it is put in force: check, prove, and its own cases."""

from pathlib import Path

from router import findings
from router.policy.cases.trial import OpenInspector, try_policy
from tidegate.errors import InvalidDocument


def vet(path: Path, *, open_inspector: OpenInspector) -> tuple[str, ...]:
    """What speaks against it, each with its place. Nothing: it may be applied."""
    report = findings.of(path)
    if not report.holds:
        return tuple(report.errors)
    try:
        tried = try_policy(path, open_inspector=open_inspector)
    except InvalidDocument as exc:
        return exc.problems
    return tried.problems
