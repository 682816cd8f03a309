"""Task events: what Flower and other monitors of Celery are told, one task for each run of a job.

A wake-up may lead to many jobs, or to none, so Celery's own events of its message are off. Told are the job's id,
times, and the name of an error's class: there is nothing else here that could leak.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

FLUSH_S = 0.2
"""What happened in this time travels together. Celery wakes its loop for each event, and sends it alone: for a job that
takes a millisecond that costs more than the job."""

_MOST_KEPT = 500
"""So many together sooner: a message's size has a bound."""


class Told:
    """One run, while it is under way."""

    def __init__(self) -> None:
        self.error: str | None = None

    def failed(self, error: BaseException) -> None:
        """The run ends without what it was for. Only the name of the error's class is told."""
        self.error = type(error).__name__


class TaskEvents:
    """Tells of one kind of task; nobody where there is no dispatcher: no consumer yet, or its connection broke."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._dispatcher: Any = None

    def by(self, dispatcher: Any) -> None:
        """From here on by this dispatcher of Celery's; None for nobody."""
        if dispatcher is not None:
            dispatcher.on_send_buffered, dispatcher.buffer_limit = None, _MOST_KEPT
        self._dispatcher = dispatcher

    def flush(self) -> None:
        """Send what was told since the last time. For whoever owns the dispatcher, every `FLUSH_S`."""
        if self._dispatcher is not None:
            with suppress(Exception):  # as below
                self._dispatcher.flush()

    @contextmanager
    def run(self, job_id: str, *, number: int) -> Iterator[Told]:
        """Tell that a run begins, and how it ends. `number` tells a job's tasks of this kind apart."""
        # The kind, too: of two tasks with one uuid a monitor shows one, under the name that came to it last.
        uuid, began, told = f"{job_id}-{self._task.rpartition('.')[2]}-{number}", time.monotonic(), Told()
        self._send("task-received", uuid, name=self._task, args=f"('{job_id}',)", kwargs="{}", retries=0)
        self._send("task-started", uuid)
        try:
            yield told
        except Exception as exc:
            told.failed(exc)
            raise
        finally:
            if told.error is None:
                self._send("task-succeeded", uuid, result="None", runtime=time.monotonic() - began)
            else:
                self._send("task-failed", uuid, exception=told.error, traceback="")

    def _send(self, event: str, uuid: str, **fields: Any) -> None:
        dispatcher = self._dispatcher
        if dispatcher is not None:
            with suppress(Exception):  # each transport raises errors of its own, and no job waits for an onlooker
                dispatcher.send(event, uuid=uuid, **fields)
