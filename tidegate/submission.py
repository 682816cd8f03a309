"""Submission: what a producer hands in, checked and named, before anything is sent. Pure."""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from tidegate.errors import InvalidJob
from tidegate.job import Job
from tidegate.value import Value, problems

_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""No colon: `<id>:history` would be another job's history."""

_PART_JOBS, _PART_BYTES = 100, 1_000_000
"""What goes in one round trip: enough to be quick, little enough that the store answers others between."""


@dataclass(frozen=True)
class Wish:
    """A job that somebody wants done, checked, with its id and its wire form."""

    job_id: str
    body: bytes = field(repr=False)
    job: Job = field(repr=False)


def parse_job(job: Job | Mapping[str, Any] | str) -> Job:
    """A Job from a Job, a mapping or its JSON. Raises InvalidJob that names each field."""
    if isinstance(job, Job):
        return job
    try:
        # A mapping is read as its JSON: so "5" is no number here either, and an enum may be written as a string.
        return Job.from_json(job if isinstance(job, str) else json.dumps(dict(job), default=_as_json))
    except ValidationError as exc:
        raise InvalidJob(problems(exc)) from None
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidJob((f"(the whole): cannot be written as JSON ({type(exc).__name__})",)) from None


def parse_jobs(jobs: Iterable[Job | Mapping[str, Any] | str], *, max_bytes: int) -> list[Job]:
    """Each as a Job. Raises InvalidJob with what is wrong with any of them."""
    checked, wrong = [], []
    for index, job in enumerate(jobs):
        try:
            checked.append(parse_job(job))
            wire_form(checked[-1], max_bytes=max_bytes)
        except InvalidJob as exc:
            wrong += [f"[{index}].{problem}" for problem in exc.problems]
    if wrong:
        raise InvalidJob(tuple(wrong))
    return checked


def wire_form(job: Job, *, max_bytes: int) -> bytes:
    """What is sealed. Raises InvalidJob where it is too much."""
    body = job.to_json().encode()
    if len(body) > max_bytes:
        raise InvalidJob((f"(the whole): {len(body)} bytes; at most {max_bytes}",))
    return body


def id_for(job: Job, *, secret: bytes) -> str:
    """A fresh id, or the one that an idempotency key always gives within its tenant.

    Ids stand in logs and go to providers, and an idempotency key may be guessable (an e-mail address): without the
    secret nobody can try one.
    """
    if job.idempotency_key is None:
        return uuid.uuid4().hex
    named = f"{job.tenant}\0{job.idempotency_key}".encode(errors="surrogatepass")
    return hmac.new(secret, named, hashlib.sha256).hexdigest()[:32]


def checked_id(given: str) -> str:
    """An id that the caller chose. Raises InvalidJob where it could not stand in a key or a log line."""
    if plain_id(given) != given:
        raise InvalidJob(("job_id: 1 to 64 letters, digits, '-', '_' and '.' are an id",))
    return given


def plain_id(given: str) -> str:
    """An id as it was given, or its hash where it could not stand in a key or a log line as it is."""
    return (
        given if _PLAIN_ID.fullmatch(given) else hashlib.sha256(given.encode(errors="surrogatepass")).hexdigest()[:32]
    )


def in_parts(wishes: Iterable[Wish]) -> Iterator[list[Wish]]:
    """The same, a round trip's worth at a time."""
    part: list[Wish] = []
    left_bytes = _PART_BYTES
    for wish in wishes:
        part.append(wish)
        left_bytes -= len(wish.body)
        if len(part) >= _PART_JOBS or left_bytes <= 0:
            yield part
            part, left_bytes = [], _PART_BYTES
    if part:
        yield part


def _as_json(value: Any) -> Any:
    """A message or a part of one may stand in a mapping as the value that it is."""
    if isinstance(value, Value):
        return value.model_dump(mode="json", exclude_none=True)
    raise TypeError(type(value).__name__)
