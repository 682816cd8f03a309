"""Letters: a short view of each dead letter, read page by page, however many there are; and which of them are meant."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.errors import Reason
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger
from tidegate.value import Value

PAGE = 500
"""Letters that are read at a time: the store is busy for a few milliseconds with one page."""


class Letter(Value):
    """What a list needs to know of a dead letter. Times are Unix seconds by the store's clock."""

    id: str
    tenant: str = "default"
    reason: str | None = None
    cause: str | None = None
    lane: str | None = None
    """Where its last run was; None where it never got that far."""
    model: str | None = None
    rule: str | None = None
    """The policy's rule that placed it."""
    attempts: int = 0
    redrives: int = 0
    accepted_at: float = 0.0
    ended_at: float = 0.0
    fingerprint: str | None = None
    """The same for the same content; keyed, so that it gives nothing of it away."""


_NUMBERS = {"attempts": int, "redrives": int, "accepted_at": float, "ended_at": float}
_STORED = tuple(name for name in Letter.model_fields if name not in ("id", "rule"))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which dead letters are meant. Every given condition must hold; none given means all."""

    ids: frozenset[str] = frozenset()
    lane: str | None = None
    reason: Reason | None = None
    tenant: str | None = None
    model: str | None = None
    rule: str | None = None
    fingerprint: str | None = None
    """Its beginning is enough."""
    older_than_s: float | None = None
    newer_than_s: float | None = None

    @property
    def narrows(self) -> bool:
        """Whether it names anything."""
        return self != Choice()

    def fits(self, letter: Letter | Record, *, now: float) -> bool:
        """Whether this letter is meant."""
        age_s = now - (letter.ended_at or now)
        rule = letter.rule if isinstance(letter, Letter) else letter.decided.rule if letter.decided else None
        return (
            (not self.ids or letter.id in self.ids)
            and self.lane in (None, letter.lane)
            and self.tenant in (None, letter.tenant)
            and self.model in (None, letter.model)
            and self.rule in (None, rule)
            and (self.reason is None or letter.reason == self.reason.value)
            and (self.fingerprint is None or (letter.fingerprint or "").startswith(self.fingerprint))
            and (self.older_than_s is None or age_s >= self.older_than_s)
            and (self.newer_than_s is None or age_s < self.newer_than_s)
        )


def chosen(ledger: Ledger, choice: Choice, *, rules: bool = False) -> Iterator[Letter]:
    """The letters that are meant, the oldest first, read as they are asked for. Their rules only where wanted.

    Those that die while this goes on are not among them: a redrive that fails at once is not redriven again.
    """
    now = ledger.now()
    until = now - (choice.older_than_s or 0.0)
    pages = [sorted(choice.ids)] if choice.ids else ledger.shelf.ids(until=until, page=PAGE)
    for ids in pages:
        for letter in _read(ledger, ids, rules=rules or choice.rule is not None):
            if choice.fits(letter, now=now):
                yield letter


def _read(ledger: Ledger, ids: Iterable[str], *, rules: bool) -> Iterator[Letter]:
    names = (*_STORED, "state", *(("decision",) if rules else ()))
    for job_id, fields in ledger.shelf.glance(ids, names):
        if fields.get("state") == State.DEAD:
            yield _letter(job_id, fields)


def _letter(job_id: str, fields: Mapping[str, str]) -> Letter:
    values: dict[str, Any] = {name: None for name in Letter.model_fields if name not in ("tenant", *_NUMBERS)}
    values |= {"id": job_id, "tenant": "default", **dict.fromkeys(_NUMBERS, 0)}
    values |= {name: _NUMBERS.get(name, str)(fields[name]) for name in _STORED if name in fields}
    if "decision" in fields:
        values["rule"] = json.loads(fields["decision"]).get("rule")
    return Letter.of(values)
