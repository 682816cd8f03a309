"""The doorbell: sends wake-ups. Knows an application that can send, not what Celery is: that takes long to import."""

from typing import TYPE_CHECKING

from tidegate.errors import BrokerUnavailable
from tidegate.names import INTAKE_QUEUE, ROUTE_TASK, RUN_TASK, lane_queue

if TYPE_CHECKING:
    from celery import Celery


class Doorbell:
    """Sends wake-ups. One that is lost is sent again by the janitor, so nothing here waits long."""

    def __init__(self, app: "Celery") -> None:
        self._app = app

    def ring_router(self, job_id: str, *, priority: int) -> None:
        """Raises BrokerUnavailable; the job is safe in the ledger then."""
        self._send(ROUTE_TASK, job_id, queue=INTAKE_QUEUE, priority=priority)

    def ring_lane(self, lane: str, job_id: str, *, priority: int) -> None:
        """Raises BrokerUnavailable; the job is safe in the ledger then."""
        self._send(RUN_TASK, job_id, queue=lane_queue(lane), priority=priority)

    def close(self) -> None:
        """Close the connections."""
        self._app.close()

    def _send(self, task: str, job_id: str, *, queue: str, priority: int) -> None:
        try:
            self._app.send_task(task, (job_id,), queue=queue, priority=priority, ignore_result=True)
        except Exception as exc:  # noqa: BLE001 - each transport raises errors of its own
            raise BrokerUnavailable(f"the wake-up was not sent ({type(exc).__name__}): is the broker up?") from None


def queue_priority(*, latency: str, priority: int) -> int:
    """0 is read first: interactive jobs before batch jobs, and by the producer's priority within each."""
    return min(9, priority // 2 + (0 if latency == "interactive" else 5))
