"""Decides a stream of jobs without running any: one JSON object in, one line out, in the same order.

What cannot be read or inspected is told as an error, and counts as sensitive; the stream goes on. No line carries a
job's text.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import IO, Any, NamedTuple

from pydantic import ValidationError

from router.policy.engine import FAIL_CLOSED_RULE, decide
from router.policy.model import Policy
from router.prompts import Prompts, resolve
from router.redaction.decided import Redacts, decided
from router.redaction.outcome import NotRedacted, Redaction
from router.signals.sensitivity.lists import Rules
from tidegate.decision import Decision
from tidegate.errors import InvalidJob
from tidegate.job import Job
from tidegate.lane import Zone
from tidegate.signals import Band, Level, Signals
from tidegate.value import dotted

NO_PROMPTS: Prompts = MappingProxyType({})

Inspect = Callable[[Job], Signals]


def preview(
    lines: Iterable[bytes],
    *,
    policy: Policy,
    inspect: Inspect,
    redactor: Redacts | None = None,
    prompts: Prompts = NO_PROMPTS,
    max_bytes: int,
) -> Iterator[str]:
    """One line of JSON for each line given. Without a redactor, what should be redacted is said to stay inside."""
    deciding = _Deciding(policy, inspect, redactor or _Unable(), prompts)
    for line in lines:
        yield json.dumps(_answer(line, deciding, max_bytes=max_bytes))


def lines_of(stream: IO[bytes], *, max_bytes: int) -> Iterator[bytes]:
    """The lines of a stream as they come. Of one that is too long, only so much that its length can be told."""
    while line := stream.readline(max_bytes + 1):
        yield line
        rest = line
        while len(rest) > max_bytes and not rest.endswith(b"\n"):
            rest = stream.readline(max_bytes + 1)


def summary(decision: Decision, *, policy: Policy) -> dict[str, Any]:
    """A decision in one line: what it is, the signals that it rests on, and what is replaced in what leaves."""
    signals = decision.signals
    first = decision.lanes[0] if decision.lanes else None
    return {
        "sensitive": signals.sensitivity.level.sensitive,
        "sensitivity": signals.sensitivity.level.value,
        "because": signals.sensitivity.because,
        "findings": [
            {"type": finding.type, "score": finding.score, "detector": finding.detector}
            for finding in signals.sensitivity.findings
        ],
        "complexity": signals.complexity.band.value,
        "tokens": signals.tokens,
        "zone": (policy.lanes[first].zone if first else Zone.INSIDE).value,
        "lanes": list(decision.lanes),
        "redacted": decision.replaced if decision.redacted else None,
        "rule": decision.rule,
        "policy": decision.policy,
        "cause": decision.cause or signals.sensitivity.cause,
    }


def closed(policy: Policy, *, cause: str, error: str | None = None) -> dict[str, Any]:
    """The line of a job that nobody could judge: sensitive, inside, and why."""
    line: dict[str, Any] = {
        "sensitive": True,
        "sensitivity": Level.UNKNOWN.value,
        "because": None,
        "findings": [],
        "complexity": Band.UNKNOWN.value,
        "tokens": None,
        "zone": Zone.INSIDE.value,
        "lanes": list(policy.shelter),
        "redacted": None,
        "rule": FAIL_CLOSED_RULE,
        "policy": policy.version,
        "cause": cause,
    }
    return line if error is None else {"error": error, **line}


class _Unable:
    """Stands where nobody can redact."""

    def redact(self, job: Job, *, rules: Rules) -> Redaction:  # noqa: ARG002 -- as the redactor is asked
        raise NotRedacted("nobody can redact here")


class _Deciding(NamedTuple):
    """What a line is decided with."""

    policy: Policy
    inspect: Inspect
    redactor: Redacts
    prompts: Prompts

    def summary(self, job: Job) -> dict[str, Any]:
        """What the router would do with a job."""
        signals = self.inspect(job)
        decision, _ = decided(job, signals, self.policy, decide=decide, redactor=self.redactor)
        return summary(decision, policy=self.policy)


def _answer(line: bytes, deciding: _Deciding, *, max_bytes: int) -> dict[str, Any]:
    policy = deciding.policy
    try:
        job = resolve(_job(line, max_bytes=max_bytes), deciding.prompts)
    except InvalidJob as exc:
        return closed(policy, cause="the line is malformed", error="; ".join(exc.problems))
    except Exception as exc:  # noqa: BLE001 -- the stream goes on, whatever one line did to the parser
        return closed(policy, cause="the line is malformed", error=f"(the whole): unreadable: {type(exc).__name__}")
    try:
        return deciding.summary(job)
    except Exception as exc:  # noqa: BLE001 -- a detector may fail in any way; each means inside
        return closed(policy, cause=f"inspection failed: {type(exc).__name__}")


def _job(line: bytes, *, max_bytes: int) -> Job:
    """The job on a line. Keys that are no fields of a job, such as a data set's labels, are passed over."""
    if len(line) > max_bytes:
        raise InvalidJob((f"(the whole): longer than {max_bytes} bytes",))
    try:
        given = json.loads(line.decode().rstrip())
    except UnicodeDecodeError:
        raise InvalidJob(("(the whole): expected UTF-8",)) from None
    except json.JSONDecodeError as exc:
        raise InvalidJob((f"(the whole): expected JSON: {exc.msg} at character {exc.pos + 1}",)) from None
    if not isinstance(given, dict):
        raise InvalidJob(("(the whole): expected a JSON object",))
    known = {key: value for key, value in given.items() if key in Job.model_fields}
    try:
        return Job.model_validate_json(json.dumps(known))
    except ValidationError as exc:
        raise InvalidJob(tuple(_problems(exc))) from None


def _problems(error: ValidationError) -> Iterator[str]:
    """What is wrong, by field. A name that is not a field of ours may be somebody's text, so it is left out."""
    for item in error.errors(include_input=False, include_url=False):
        path = (step if isinstance(step, int) or step in _FIELDS else "(…)" for step in item["loc"])
        yield f"{dotted(path)}: {item['msg'].removeprefix('Value error, ')}"


def _field_names(schema: Mapping[str, Any]) -> Iterator[str]:
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {})


_FIELDS = frozenset(_field_names(Job.model_json_schema()))
"""Looked up once: a stream of malformed lines must keep pace too."""
