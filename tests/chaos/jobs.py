"""The jobs of a run: which kinds there are, how often each comes, and what it must not become.

Sensitive jobs carry identifiers that are invented here and a marker that must never be in a provider's record.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.job import Hints, Job, Params

KINDS: Mapping[str, float] = {
    "bulk": 73.0,
    "pause": 15.0,
    "outside": 5.0,
    "tiny": 4.0,
    "sensitive": 3.0,
}
"""Of each hundred jobs."""

SENSITIVE = "sensitive"

_WORDS = ("the", "boat", "leaves", "after", "lunch", "and", "comes", "back", "with", "fresh", "fish", "for", "all")
_TASKS = {"sensitive": "outside"}
_NAMES = ("ardith.quillon", "bero.tansley", "cosima.wrexham", "dovid.larkspur", "elspeth.morrow")


@dataclass(frozen=True, kw_only=True)
class Made:
    """One job, and what the checks need to know of it."""

    kind: str
    marker: str
    job: Job


def make(rng: random.Random, *, key: str, kind: str | None = None) -> Made:
    """A job that chance chooses. `key` is its idempotency key."""
    kind = kind or rng.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    marker = f"mk{rng.getrandbits(64):016x}"
    return Made(
        kind=kind,
        marker=marker,
        job=Job(
            text=_text(kind, marker, rng),
            params=Params(max_tokens=200),
            hints=Hints(
                task=_TASKS.get(kind, kind),
                latency="interactive" if rng.random() < 0.3 else "batch",
                priority=rng.randrange(10),
                deadline_s=3600,
            ),
            tenant=f"tenant-{rng.randrange(4)}",
            idempotency_key=key,
        ),
    )


def poison(rng: random.Random, *, key: str) -> Made:
    """A long job on the real engine, which the harness kills whenever it runs."""
    return _special("poison", rng, task="tiny", key=key)


def canary(rng: random.Random, *, key: str) -> Made:
    """A small urgent job: how soon it ends tells how soon the system works again."""
    return _special("canary", rng, task="bulk", key=key)


def _special(kind: str, rng: random.Random, *, task: str, key: str) -> Made:
    marker = f"mk{rng.getrandbits(64):016x}"
    hints = Hints(task=task, latency="interactive", priority=0, deadline_s=3600)
    text = _shouted(rng, words=200) if kind == "poison" else _text(task, marker, rng)
    return Made(
        kind=kind,
        marker=marker,
        job=Job(text=text, params=Params(max_tokens=500), hints=hints, tenant="harness", idempotency_key=key),
    )


def _text(kind: str, marker: str, rng: random.Random) -> str:
    if kind == SENSITIVE:
        mail = f"{rng.choice(_NAMES)}{rng.randrange(100)}@example.org"
        return f"Ref {marker}: remind {mail} to pay the rent to {_iban(rng)}."
    if kind == "tiny":
        return f"{_shouted(rng, words=24)} {marker}"
    return f"Turn this into a polite reminder: the meeting room is booked from ten. Ref {marker}"


def _shouted(rng: random.Random, *, words: int) -> str:
    """What the model that ships can do, and as long as wanted."""
    return f"Convert this text to upper case: {' '.join(rng.choices(_WORDS, k=words))}"


def _iban(rng: random.Random) -> str:
    """An account that nobody has, with check digits that are right."""
    account = f"{rng.randrange(10**18):018d}"
    check = 98 - int(f"{account}131400") % 97  # DE00 moved to the end, in digits
    return f"DE{check:02d}{account}"
