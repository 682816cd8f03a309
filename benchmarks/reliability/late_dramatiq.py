"""The Dramatiq side: one actor, with a heartbeat that lapses as fast as the others' leases."""

import os
import time
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from oracle import Oracle

JOB_S = 0.02
LAPSE_S = 10


def made(url: str) -> Any:
    """The actor on a server."""
    broker = RedisBroker(url=url, heartbeat_timeout=LAPSE_S * 1000)
    dramatiq.set_broker(broker)

    @dramatiq.actor(actor_name="job", broker=broker)
    def job(number: str) -> None:
        counts = Oracle.of_environment()
        counts.began(number)
        time.sleep(JOB_S)
        counts.ended(number)

    return job


if "RELIABILITY_BROKER" in os.environ:
    actor = made(os.environ["RELIABILITY_BROKER"])
