"""Lease: a run's right to finish, renewed while it works.

Whoever loses it (the job was cancelled or expired, or this process slept too long and another took over) is told to
stop: at once by the `ear`, or when it is renewed. The ledger would refuse its result anyway.
"""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tidegate.errors import Unavailable
from tidegate.ledger import states
from tidegate.ledger.store import Applied, Ledger, Step
from tidegate.logs import logger
from workers.stop import Stop

_BEATS = 3
"""Renewals in the time of one lease: two may fail."""

log = logger(__name__)


class Leases:
    """The leases that this process holds; one thread renews them all. When it has to go, it gives them up at once."""

    def __init__(self, ledger: Ledger, *, lease_s: float) -> None:
        self.lease_s = lease_s
        self.leaving = threading.Event()
        """No new run begins: this process is about to stop."""
        self.given_up = threading.Event()
        self._ledger = ledger
        self._lock = threading.Lock()
        self._held: set[Lease] = set()
        self._renewer: threading.Thread | None = None

    def hold(self, job_id: str, *, fence: int) -> "Lease":
        """The lease of a run that was just claimed."""
        return Lease(self, job_id, fence=fence)

    def leave(self) -> None:
        """Begin no new run."""
        self.leaving.set()

    def give_up(self) -> None:
        """Tell every run to stop; what is not done goes back to its lane."""
        self.leaving.set()
        self.given_up.set()
        for lease in self._present():
            lease.stop.set()

    def add(self, lease: "Lease") -> None:
        """Renew it from now on."""
        with self._lock:
            self._held.add(lease)
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._renew, name="leases", daemon=True)
                self._renewer.start()
        if self.given_up.is_set():
            lease.stop.set()

    def remove(self, lease: "Lease") -> None:
        """Its run has ended."""
        with self._lock:
            self._held.discard(lease)

    def lose(self, job_id: str, fence: int) -> None:
        """The ledger says that this run's job was taken from it; nothing happens where it is none of ours."""
        for lease in self._present():
            if (lease.job_id, lease.fence) == (job_id, fence):
                self._lost(lease)

    def _present(self) -> list["Lease"]:
        with self._lock:
            return list(self._held)

    def _renew(self) -> None:
        beat_s = self.lease_s / _BEATS
        while True:
            time.sleep(beat_s / 2)
            with self._lock:
                if not self._held:
                    self._renewer = None
                    return
            due = [lease for lease in self._present() if time.monotonic() - lease.renewed_at > beat_s * 0.6]
            if due:
                self._renew_all(due)

    def _renew_all(self, leases: Sequence["Lease"]) -> None:
        for lease in leases:
            lease.renewed_at = time.monotonic()
        moves = [
            Step(job_id=lease.job_id, move=states.renew(fence=lease.fence, lease_s=self.lease_s)) for lease in leases
        ]
        try:
            found = self._ledger.apply_all(moves)
        except Unavailable:
            log.warning("lease.unrenewed", leases=len(leases))  # the next beat may still be in time
        except Exception as exc:  # noqa: BLE001 - the thread that renews for all must not end
            log.error("lease.unrenewed", leases=len(leases), error=type(exc).__name__)  # noqa: TRY400 - no text in a log
        else:
            for lease, applied in zip(leases, found, strict=True):
                if not isinstance(applied, Applied):
                    self._lost(lease)

    def _lost(self, lease: "Lease") -> None:
        with self._lock:
            if lease not in self._held:
                return  # its run had just ended
            self._held.discard(lease)
        lease.lost = True
        lease.stop.set()
        log.info("lease.lost", job=lease.job_id, fence=lease.fence)


class Lease:
    """A context in which a run works; `stop` is set when it should give up."""

    def __init__(self, leases: Leases, job_id: str, *, fence: int) -> None:
        self.job_id = job_id
        self.fence = fence
        self.stop = Stop()
        self.lost = False
        self.renewed_at = time.monotonic()
        self._leases = leases

    def __enter__(self) -> Self:
        self._leases.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leases.remove(self)
