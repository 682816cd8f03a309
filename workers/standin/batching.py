"""Batches as the stand-in plays them, whichever API they came by: their lines' fates, and how they get on.

A batch gets on by being looked at: each look is one stage, so that no test waits for a clock. `slow` holds it in
progress for a while.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from workers.standin.answers import Json
from workers.standin.faults import Fault, FaultBook
from workers.standin.instance import Unanswerable
from workers.standin.wire import Dialect

DAY_S = 86_400
HELD = "in_progress"
"""The stage that a slow line keeps a batch in."""

Fate = Literal["succeeded", "errored", "expired", "canceled"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One request of a batch, and what becomes of it."""

    custom_id: str
    fate: Fate = "succeeded"
    status: int = 200
    body: Json | str | None = None
    told: int = 1
    """How often the results tell it: a fault makes that none or two."""
    broken: bool = False
    """Whether its line in the results is no JSON."""


@dataclass
class Batch:
    """One batch on its way."""

    id: str
    lines: tuple[Line, ...]
    stages: tuple[str, ...]
    """What it goes through, one look after the other."""
    about: Json = field(default_factory=dict)
    """What its maker said of it."""
    created: float = field(default_factory=time.time)
    held_until: float = 0.0
    """By the monotonic clock."""
    reached: dict[str, float] = field(default_factory=dict)
    """Each stage, and when it began."""
    _at: int = 0

    @property
    def status(self) -> str:
        """Where it is."""
        return self.stages[self._at]

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self._at == len(self.stages) - 1

    def look(self) -> None:
        """Get on by one stage."""
        if not self.ended and not (self.status == HELD and time.monotonic() < self.held_until):
            self._at += 1
            self.reached.setdefault(self.status, time.time())

    def cancel(self, *stages: str) -> None:
        """Stop where it is: what was not done by then, half of it or all, never will be."""
        done = len(self.lines) // 2 if self.status == HELD and self._at else 0
        self.lines = cut_short(self.lines, "canceled", done=done)
        self.stages, self._at = stages, 0
        self.reached.setdefault(self.status, time.time())

    def count(self, *fates: Fate) -> int:
        """How many lines ended so."""
        return sum(line.fate in fates for line in self.lines)


@dataclass
class Batching:
    """All batches of a stand-in."""

    batches: dict[str, Batch] = field(default_factory=dict)
    lines_received: Counter[str] = field(default_factory=Counter)
    """How often each custom id came, over all batches: a job that was sent twice counts two."""

    made: int = 0
    """Batches that there were: some may have been deleted."""

    def add(self, batch: Batch) -> Batch:
        """A batch more."""
        self.made += 1
        self.batches[batch.id] = batch
        self.lines_received.update(line.custom_id for line in batch.lines)
        return batch

    def of(self, prefix: str, *, after: str | None = None, before: str | None = None) -> list[Batch]:
        """The batches of one API, the newest first, behind or ahead of one of them."""
        found = [batch for batch in reversed(self.batches.values()) if batch.id.startswith(prefix)]
        ids = [batch.id for batch in found]
        if after in ids:
            return found[ids.index(after) + 1 :]
        return found[: ids.index(before)] if before in ids else found


def played(
    requests: Iterable[tuple[str, Json]], dialect: Dialect, book: FaultBook, headers: Mapping[str, str]
) -> tuple[tuple[Line, ...], float]:
    """The fate of each request, by its custom id and its body, and until when the batch is held up."""
    lines, delay_s = [], 0.0
    for number, (custom_id, asked) in enumerate(requests):
        fault = _fault(asked, dialect, book)
        if fault is not None and fault.fault == "slow":
            delay_s = max(delay_s, fault.delay_s)
        made = _made(asked, dialect, number, headers)
        lines.append(_line(custom_id, asked, dialect, fault, made))
    return tuple(lines), time.monotonic() + delay_s


def cut_short(lines: Sequence[Line], fate: Fate, *, done: int) -> tuple[Line, ...]:
    """The same lines, where only the first so many were done."""
    return (*lines[:done], *(replace(line, fate=fate, body=None) for line in lines[done:]))


def whole(query: str | None, *, default: int = 20, most: int = 1000) -> int:
    """A limit in a query. Raises ValueError."""
    number = default if query is None else int(query)
    if not 1 <= number <= most:
        raise ValueError("limit out of bounds")
    return number


def _fault(asked: Json, dialect: Dialect, book: FaultBook) -> Fault | None:
    try:
        text = dialect.text_of(asked)
    except (AttributeError, KeyError, TypeError):
        text = ""
    return book.take(model=str(asked.get("model")), text=text, fields=tuple(asked), step="line")


def _line(custom_id: str, asked: Json, dialect: Dialect, fault: Fault | None, made: Json | str) -> Line:
    name = fault.fault if fault is not None else None
    if name in ("expired", "canceled"):
        return Line(custom_id=custom_id, fate="expired" if name == "expired" else "canceled")
    if name in dialect.rejections and fault is not None:
        said = dialect.rejections[fault.fault]
        return Line(custom_id=custom_id, fate="errored", status=said.status, body=dialect.error(said, fault.param))
    if fault is not None and name not in (None, "slow", "twice", "missing", "dropped", "malformed"):
        return Line(custom_id=custom_id, body=dialect.lie(fault, asked))
    if isinstance(made, str):
        return Line(custom_id=custom_id, fate="errored", status=400, body=dialect.invalid(made))
    told = {"missing": 0, "dropped": 0, "twice": 2}.get(name or "", 1)
    return Line(custom_id=custom_id, body=made, told=told, broken=name == "malformed")


def _made(asked: Json, dialect: Dialect, number: int, headers: Mapping[str, str]) -> Json | str:
    """An answer, or what is wrong with the request."""
    problem = dialect.checked(asked, headers)
    if problem is not None:
        return problem
    try:
        return dialect.answer(asked, number)
    except Unanswerable as error:
        return str(error)
    except (AttributeError, KeyError, TypeError, ValueError):
        return "a field has a wrong type or is out of bounds"
