"""A worker's consumer that looks for a lost broker every few seconds.

Celery waits two seconds longer after each try, up to half a minute: a broker that took a minute to come back would
stand idle for half as long again, and the watchdog would take the waiting for a hang.
"""

from functools import partial
from typing import Any

from celery.worker import consumer

START_S = 0.3
STEP_S = 0.7
MAX_S = 3.0


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's, but for how long it waits between two tries to connect."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, or wait until it can be done."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=START_S, interval_step=STEP_S, interval_max=MAX_S
        )
        return super().ensure_connected(conn)
