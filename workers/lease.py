"""Lease: a run's right to finish, renewed while it works.

Whoever loses it (the job was cancelled or expired, or this process slept too long and another took over) is told to
stop, and the ledger would refuse its result anyway.
"""

import threading
import weakref
from types import TracebackType
from typing import Self

from tidegate.errors import Conflict, Unavailable, UnknownJob
from tidegate.ledger import states
from tidegate.ledger.store import Ledger
from tidegate.logs import logger

log = logger(__name__)


class Leases:
    """The leases that this process holds. When it has to go, it gives them up all at once."""

    def __init__(self, ledger: Ledger, *, lease_s: float) -> None:
        self.lease_s = lease_s
        self.given_up = threading.Event()
        self._ledger = ledger
        self._held: weakref.WeakSet[Lease] = weakref.WeakSet()

    def hold(self, job_id: str, *, fence: int) -> "Lease":
        """The lease of a run that was just claimed."""
        lease = Lease(self._ledger, job_id, fence=fence, lease_s=self.lease_s)
        self._held.add(lease)
        if self.given_up.is_set():
            lease.stop.set()
        return lease

    def give_up(self) -> None:
        """Tell every run to stop; what is not done goes back to its lane."""
        self.given_up.set()
        for lease in list(self._held):
            lease.stop.set()


class Lease:
    """A context in which a run works; `stop` is set when it should give up."""

    def __init__(self, ledger: Ledger, job_id: str, *, fence: int, lease_s: float) -> None:
        self.stop = threading.Event()
        self.lost = False
        self._ledger = ledger
        self._job_id = job_id
        self._fence = fence
        self._lease_s = lease_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{job_id[:8]}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(timeout=self._lease_s)

    def _renew(self) -> None:
        while not self._done.wait(self._lease_s / 3):
            try:
                self._ledger.apply(self._job_id, states.renew(fence=self._fence, lease_s=self._lease_s))
            except (Conflict, UnknownJob):
                self.lost = True
                self.stop.set()
                log.info("lease.lost", job=self._job_id, fence=self._fence)
                return
            except Unavailable:
                log.warning("lease.unrenewed", job=self._job_id)  # the next beat may still be in time
