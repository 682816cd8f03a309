"""The ear: hears at once that a job was taken from this worker (cancelled, expired, given to another).

The store tells it on a channel with the worker's name. What is missed while the connection is broken, the next renewal
of the lease finds out.
"""

import threading
from collections.abc import Callable
from contextlib import closing

from tidegate.connections import StoreClient
from tidegate.errors import Unavailable
from tidegate.ledger.store import store_errors
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX

AGAIN_S = 1.0
"""After a connection that broke."""

LISTEN_S = 5.0
"""How long one wait for a message lasts; in between the connection is tried."""

log = logger(__name__)

Taken = Callable[[str, int], None]
"""Told of a job's id and the fence of the run that lost it."""


def listen(redis: StoreClient, name: str, taken: Taken, *, prefix: str = STORE_PREFIX) -> threading.Event:
    """Listen from now on, in a thread of its own. Returns what ends it, once it is set."""
    done = threading.Event()
    args = (redis, f"{prefix}:state:{name}", taken, done)
    threading.Thread(target=_listen, args=args, name="ear", daemon=True).start()
    return done


def _listen(redis: StoreClient, channel: str, taken: Taken, done: threading.Event) -> None:
    while not done.is_set():
        try:
            with store_errors(), closing(redis.pubsub(ignore_subscribe_messages=True)) as ear:
                ear.subscribe(channel)
                while not done.is_set():
                    _hear(ear.get_message(timeout=LISTEN_S), taken)
        except Unavailable:
            log.info("ear.deaf")
            done.wait(AGAIN_S)
        except Exception as exc:  # noqa: BLE001 - whoever listens for all must not end
            log.error("ear.failed", error=type(exc).__name__)  # noqa: TRY400 - no text in a log
            done.wait(AGAIN_S)


def _hear(message: dict[str, object] | None, taken: Taken) -> None:
    said = message["data"] if message else None
    if not isinstance(said, bytes):
        return
    job_id, _, fence = said.decode("utf-8", "replace").rpartition(" ")
    if job_id and fence.isdecimal():  # anything else is nothing that the ledger says
        taken(job_id, int(fence))
