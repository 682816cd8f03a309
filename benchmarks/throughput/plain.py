"""Plain Celery, as it is commonly run: a task that does nothing, late acknowledgement, results and events on."""

import os

from celery import Celery

app = Celery("plain", broker=os.environ["PLAIN_BROKER"], backend=os.environ["PLAIN_RESULTS"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    worker_hijack_root_logger=False,
)


@app.task(name="nothing")  # type: ignore[untyped-decorator]
def nothing(job_id: str) -> str:
    """Nothing."""
    return job_id
