"""A check's report as other tools want it: annotations of GitHub's workflows, and SARIF for code scanning."""

import json
from collections.abc import Callable
from typing import Any

from router.findings import Report

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"

_KINDS = {
    "policy-error": "The policy cannot be used as it is written.",
    "policy-warning": "The policy can be used, but may not do what was meant.",
    "dead-rule": "No job can meet all conditions of the rule.",
    "shadowed-rule": "Rules before it take every job that the rule matches.",
    "unreachable-lane": "No job goes to the lane.",
    "overlapping-bands": "Two bands of one signal overlap: the first rule takes what they share.",
    "gap": "Values between bands fall to the default.",
    "flapping": "A wait decides that changes by what it decides.",
}


def as_json(report: Report) -> str:
    """Everything, for programs."""
    return json.dumps(report.as_json())


def as_github(report: Report) -> str:
    """A workflow command a line: GitHub shows each beside the line it speaks of."""
    return "\n".join(_annotation(found) for found in report.problems())


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0."""
    run = {
        "tool": {"driver": {"name": "tidegate policy check", "rules": [_rule(*kind) for kind in _KINDS.items()]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found) for found in report.problems()],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


FORMATS: dict[str, Callable[[Report], str]] = {"json": as_json, "github": as_github, "sarif": as_sarif}
"""By name; `text`, for people, is the report's own."""


def _annotation(found: dict[str, Any]) -> str:
    place = {"file": found["file"], "line": found["line"], "col": found["column"], "title": found["kind"]}
    told = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in place.items() if value is not None)
    return f"::{found['level']} {told}::{_escaped(found['message'])}"


def _escaped(text: str, more: str = "") -> str:
    """As GitHub's workflow commands want it; the percent sign first."""
    for char in f"%\r\n{more}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def _rule(kind: str, about: str) -> dict[str, Any]:
    return {"id": kind, "shortDescription": {"text": about}}


def _result(found: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": found["kind"],
        "ruleIndex": list(_KINDS).index(found["kind"]),
        "level": found["level"],
        "message": {"text": found["message"]},
    }
    if found["file"] is not None:
        region = {"startLine": found["line"], "startColumn": found["column"]}
        uri = found["file"].replace("\\", "/")
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}]
    return result
