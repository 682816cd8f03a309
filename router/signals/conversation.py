"""Stickiness: once a conversation was sensitive, the rest of it is, whatever its later turns say by themselves.

What is remembered, for a time: the levels and entity types that were found, and what the producer asked for at least,
under a keyed hash of the conversation's id. Neither the id nor any text is stored; without the inside key nobody can
tell which conversation is meant.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from router.signals.sensitivity.levels import counts
from tidegate.connections import StoreClient
from tidegate.job import Job
from tidegate.keys import Keyring
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX
from tidegate.signals import Finding, Level, Sensitivity, Signals

DETECTOR = "conversation"
"""Who found it, in the findings of a later turn."""

_LEVEL, _LEAST, _TYPE = "level:", "least:", "type:"


class Conversations:
    """The conversations that were sensitive, for all routers. Where the store does not answer nothing is decided."""

    def __init__(self, client: StoreClient, ring: Keyring, *, keep_s: int, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        # No rotation changes the first; under a key itself an earlier release kept what it had met.
        self._keys = (ring.naming, *ring.keys.values())
        self._keep_s = keep_s
        self._prefix = prefix

    def stuck(self, job: Job, signals: Signals) -> Signals:
        """The signals, at least as guarded as the conversation ever was; and what they say, remembered."""
        if job.conversation_id is None:
            return signals
        remembered = self._meet(_slots(self._keys, job), signals.sensitivity)
        return signals.model_copy(update={"sensitivity": _together(signals.sensitivity, remembered)})

    def _meet(self, slots: Sequence[str], present: Sensitivity) -> frozenset[str]:
        """Write first, then read, in one transaction: of two turns at once, the later one sees the earlier."""
        names = [f"{self._prefix}:conversation:{slot}" for slot in slots]
        told = _members(present)
        with store_errors(), self._redis.pipeline(transaction=True) as pipe:
            if told:
                pipe.sadd(names[0], *told)
            for name in names:
                pipe.smembers(name)
                pipe.expire(name, self._keep_s)
            answers = pipe.execute()
        found = answers[1 if told else 0 :: 2]
        return frozenset(member.decode() for members in found for member in members)


def _slots(keys: Iterable[bytes], job: Job) -> tuple[str, ...]:
    said = f"conversation\0{job.tenant}\0{job.conversation_id}".encode()
    return tuple(hmac.new(key, said, hashlib.sha256).hexdigest()[:40] for key in keys)


def _members(present: Sensitivity) -> tuple[str, ...]:
    if not present.level.sensitive:
        return ()
    least = (f"{_LEAST}{present.least.value}",) if present.least and present.least.sensitive else ()
    types = sorted({finding.type for finding in present.findings if counts(finding)})
    return (f"{_LEVEL}{present.level.value}", *least, *(f"{_TYPE}{name}" for name in types))


def _together(present: Sensitivity, remembered: frozenset[str]) -> Sensitivity:
    """As guarded as the conversation was. Types come back as findings, so that a policy may narrow what it could."""
    level = _highest(present.level, _said(remembered, _LEVEL))
    least = _highest(present.least, _said(remembered, _LEAST))
    types = set(_said(remembered, _TYPE)) - set(present.types)
    if (level, least) == (present.level, present.least) and not types:
        return present
    findings = tuple(Finding(type=name, score=1.0, detector=DETECTOR) for name in sorted(types))
    return Sensitivity(
        level=level or present.level,
        findings=(*present.findings, *findings),
        cause=present.cause or f"an earlier job of this conversation was {level}",
        because=present.because if level is present.level else None,
        coverage=present.coverage,
        least=least,
    )


def _said(remembered: frozenset[str], what: str) -> list[str]:
    return [member.removeprefix(what) for member in remembered if member.startswith(what)]


def _highest(present: Level | None, written: list[str]) -> Level | None:
    levels = [*map(_level, written), *((present,) if present else ())]
    return max(levels, key=lambda one: one.rank, default=None)


def _level(written: str) -> Level:
    """A level of a later release is guarded like the worst."""
    return Level(written) if written in set(Level) else Level.UNKNOWN
