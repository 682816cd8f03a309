"""Plain Celery, as it is commonly run: a task that does nothing, late acknowledgement, results and events on."""

import os

from celery import Celery

TASK = "nothing"


def application(broker: str, results: str) -> Celery:
    """The application, for worker and producer."""
    made = Celery("plain", broker=broker, backend=results, set_as_current=False)
    made.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
    )

    @made.task(name=TASK, shared=False)  # type: ignore[untyped-decorator]
    def nothing(job_id: str) -> str:
        return job_id

    return made


if "PLAIN_BROKER" in os.environ:  # the worker's process
    app = application(os.environ["PLAIN_BROKER"], os.environ["PLAIN_RESULTS"])
