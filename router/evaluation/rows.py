"""The rows of a data set: one JSON object a line, a job or a text, with what is true of it.

| key | says |
|---|---|
| `text`, `messages`, … | the job, as producers write it |
| `spans` [[start, end, type], …], `types` [type, …], `type` | what it holds; none of them: nothing personal |
| `level` | the level that is expected, which decides whether the row is personal |
| `transform`, `source`, `template` | by what the numbers can be told apart |
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tidegate.errors import InvalidDocument
from tidegate.job import Job
from tidegate.signals import Level
from tidegate.value import Many, problems, problems_on_record

HARMLESS_LABELS = frozenset({
    "AGE", "DATE_TIME", "DOMAIN_NAME", "GPE", "JOB_TITLE", "LOCATION", "NRP", "ORGANIZATION", "ORGANIZATION_NAME",
    "TIMESTAMP", "TITLE", "URL", "ZIP_CODE",
})  # fmt: skip
"""Annotated in data sets, and no reason to keep a text inside when nothing else is in it."""

GROUPS = ("transform", "source", "template")

MOST_PROBLEMS = 20
"""A file that is no data set at all would tell one for each of its lines."""


Place = Annotated[tuple[int, int, str], Field(strict=False)]
"""From, to, type."""


class Labels(BaseModel):
    """What a row says about itself. Other keys of a data set are passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    spans: Many[Place] = ()
    types: Many[str] = ()
    type: str | None = None
    level: Annotated[Level, Field(strict=False)] | None = None
    transform: str | None = None
    source: str | None = None
    template: str | int | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_slips(cls, data: dict[str, Any]) -> dict[str, Any]:
        """A misspelt label would make the row a harmless one, and the numbers wrong."""
        for key in data.keys() - cls.model_fields.keys() - Job.model_fields.keys():
            near = difflib.get_close_matches(key, cls.model_fields, n=1, cutoff=0.8)
            if near:
                raise ValueError(f"a key that is nearly `{near[0]}`: write it so, or rename it")
        return data

    @property
    def held(self) -> frozenset[str]:
        """Every type that the row is said to hold."""
        one = () if self.type is None else (self.type,)
        return frozenset((*(kind for _, _, kind in self.spans), *self.types, *one))


@dataclass(frozen=True)
class Row:
    """One line of a data set."""

    file: str
    line: int
    job: Job = field(repr=False)
    types: frozenset[str] = frozenset()
    """What it holds that is personal, in the words of the data set."""
    expected: Level | None = None
    transform: str | None = None
    source: str | None = None
    template: str | None = None

    @property
    def groups(self) -> dict[str, str]:
        """What it can be told apart by, where it says so."""
        return {name: value for name in GROUPS if (value := getattr(self, name)) is not None}

    @property
    def personal(self) -> bool:
        """Whether it must stay inside."""
        return bool(self.types) if self.expected is None else self.expected.sensitive


def read_rows(path: Path, *, max_bytes: int) -> tuple[Row, ...]:
    """Every row of a file. Raises InvalidDocument with `file:line: what is wrong`, without the row's text."""
    try:
        with path.open("rb") as file:
            return rows_of(file, name=str(path), max_bytes=max_bytes)
    except OSError as exc:
        raise InvalidDocument((f"{path}: cannot be read: {exc.strerror}",)) from None


def rows_of(lines: Iterable[bytes], *, name: str, max_bytes: int) -> tuple[Row, ...]:
    """The same of lines that are already there. Empty lines are passed over."""
    rows: list[Row] = []
    wrong = list(islice(_problems(lines, rows, name=name, max_bytes=max_bytes), MOST_PROBLEMS + 1))
    if wrong:
        more = (f"{name}: and more",) if len(wrong) > MOST_PROBLEMS else ()
        raise InvalidDocument((*wrong[:MOST_PROBLEMS], *more))
    return tuple(rows)


def _problems(lines: Iterable[bytes], rows: list[Row], *, name: str, max_bytes: int) -> Iterator[str]:
    """Fills the rows; yields what is wrong with those that are none."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(_row(line, name=name, number=number, max_bytes=max_bytes))
        except _NoRowError as exc:
            yield f"{name}:{number}: {exc}"


class _NoRowError(Exception):
    """What is wrong with a line."""


def _row(line: bytes, *, name: str, number: int, max_bytes: int) -> Row:
    if len(line) > max_bytes:
        raise _NoRowError(f"longer than {max_bytes} bytes")
    given = _object(line)
    try:
        labels = Labels.model_validate(given)
    except ValidationError as exc:
        raise _NoRowError("; ".join(problems(exc))) from None
    job = _job(given)
    if job.text is not None and any(not 0 <= start < end <= len(job.text) for start, end, _ in labels.spans):
        raise _NoRowError("spans: expected 0 <= start < end <= length of the text")
    return Row(
        file=name,
        line=number,
        job=job,
        types=labels.held - HARMLESS_LABELS,
        expected=labels.level,
        transform=labels.transform,
        source=labels.source,
        template=None if labels.template is None else str(labels.template),
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        given = json.loads(line.decode())
    except UnicodeDecodeError:
        raise _NoRowError("expected UTF-8") from None
    except json.JSONDecodeError as exc:
        raise _NoRowError(f"expected JSON: {exc.msg} at character {exc.pos + 1}") from None
    except RecursionError:
        raise _NoRowError("nested too deeply") from None
    if not isinstance(given, dict):
        raise _NoRowError("expected a JSON object")
    return given


def _job(given: Mapping[str, Any]) -> Job:
    known = {key: value for key, value in given.items() if key in Job.model_fields}
    try:
        return Job.model_validate_json(json.dumps(known))
    except ValidationError as exc:
        raise _NoRowError("; ".join(problems_on_record(exc, model=Job))) from None
