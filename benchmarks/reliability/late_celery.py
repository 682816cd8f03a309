"""The Celery side: one task, with the settings that are commonly advised for jobs that must not be lost."""

import os
import time

from celery import Celery
from oracle import Oracle

JOB_S = 0.02
LAPSE_S = 10


def made(url: str) -> Celery:
    """The application on a server."""
    app = Celery("late", broker=url, backend=url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"visibility_timeout": LAPSE_S},
        broker_connection_retry_on_startup=True,
        result_expires=3600,
    )

    @app.task(name="job", shared=False)
    def job(number: str) -> None:
        counts = Oracle.of_environment()
        counts.began(number)
        time.sleep(JOB_S)
        counts.ended(number)

    return app


if "RELIABILITY_BROKER" in os.environ:
    app = made(os.environ["RELIABILITY_BROKER"])
