"""Refusals: how often something was turned away that nobody honest sends, by reason.

A count tells an operator that somebody tries, or that two releases do not understand each other; what was turned away
is not kept. Reasons are short names of ours: nothing that a sender wrote becomes one.
"""

import contextlib
import re

from tidegate.connections import StoreClient
from tidegate.errors import TidegateError, Unavailable
from tidegate.ledger.faults import store_errors
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX

_REASON = re.compile(r"[a-z][a-z0-9_]{2,39}")

log = logger(__name__)


class Refusals:
    """The installation's counts: one hash, a field for each reason."""

    def __init__(self, client: StoreClient, *, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._key = f"{prefix}:refused"

    def note(self, reason: str, *, job_id: str | None = None) -> None:
        """Count one and log it. A store that is away costs the count: the refusal itself holds."""
        if not _REASON.fullmatch(reason):
            raise ValueError("a reason is a short name of ours, such as `foreign_clearance`")
        log.warning("refused", reason=reason, job=job_id)
        with contextlib.suppress(Unavailable), store_errors():
            self._redis.hincrby(self._key, reason, 1)

    def met(self, error: BaseException, *, job_id: str | None = None) -> None:
        """Count what an error says that it should be counted as, if anything."""
        reason = error.refusal if isinstance(error, TidegateError) else None
        if reason is not None:
            self.note(reason, job_id=job_id)

    def counts(self) -> dict[str, int]:
        """How often, by reason. Raises StoreUnavailable."""
        with store_errors():
            found = self._redis.hgetall(self._key)
        return {reason.decode(): int(count) for reason, count in sorted(found.items())}
