"""The one Celery configuration. Only ids travel: a message is a wake-up, the ledger is the truth."""

import re
from typing import Any

from celery import Celery, Task
from celery.worker.request import Request
from kombu.entity import Queue

from tidegate.connections import Addresses
from tidegate.names import DEFAULT_CELERY_QUEUE, INTAKE_QUEUE
from tidegate.settings import Settings

OPAQUE = "(…)"
_JOB_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{24,28}")

_PRIORITY_STEPS = (0, 3, 6, 9)
"""kombu splits a Redis queue into one list for each step; 0 is read first."""

_PUBLISH_RETRY = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}


class OpaqueRequest(Request):  # type: ignore[misc]
    """What a worker remembers, logs and reports of a message: its job's id, or nothing.

    A producer's own repr of the arguments would travel into events, logs and Flower (the text of a
    `tidegate.submit`), so it is dropped on arrival.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr, self._kwargsrepr = _shown(self._args), OPAQUE if self._kwargs else "{}"
        self._request_dict.update(argsrepr=self._argsrepr, kwargsrepr=self._kwargsrepr)

    def info(self, safe: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 - Celery's signature
        """What `inspect` and Flower's worker page show."""
        return {**super().info(safe=True), "args": [self._argsrepr], "kwargs": {}}


class OpaqueTask(Task):  # type: ignore[misc]
    """The base of every task of ours."""

    Request = OpaqueRequest
    abstract = True


def celery_app(settings: Settings, where: Addresses, *, guarded: bool = True) -> Celery:
    """The Celery application of this process. `guarded` is for whoever acknowledges messages: see redis_transport."""
    app = Celery("tidegate", task_cls=OpaqueTask, set_as_current=False)
    app.conf.update(
        broker_url=where.broker,
        broker_transport_options=_transport_options(where.broker),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=settings.store_timeout_s,
        result_backend=where.store if where.store.startswith("redis") else None,
        result_backend_transport_options={"global_keyprefix": "tg:celery:"},
        result_expires=3600,
        result_extended=False,
        task_ignore_result=True,
        task_default_queue=INTAKE_QUEUE,
        task_create_missing_queues=True,
        task_queue_max_priority=9,
        task_acks_late=False,  # the ledger, not the broker, brings a job back
        task_serializer="json",
        accept_content=["json"],
        result_serializer="json",
        task_publish_retry_policy=_PUBLISH_RETRY,
        task_send_sent_event=False,
        worker_consumer="tidegate.reconnecting:Consumer",
        worker_send_task_events=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=where.broker.startswith("redis"),
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=True,
        event_queue_expires=60,
        event_queue_ttl=5,
        control_queue_expires=60,
        timezone="UTC",
        enable_utc=True,
    )
    if guarded and where.broker.startswith(("redis://", "rediss://")):
        app.conf.broker_transport = "tidegate.redis_transport:GuardedTransport"
    return app


def intake_queues(settings: Settings, where: Addresses) -> list[Queue]:
    """What the router reads.

    On the embedded broker, which is ours alone, that includes Celery's default queue: a Celery-native producer that
    knows only the task's name sends there. On a shared broker it might hold somebody else's tasks.
    """
    if settings.intake_queues:
        names = [name.strip() for name in settings.intake_queues.split(",") if name.strip()]
    else:
        names = [INTAKE_QUEUE, DEFAULT_CELERY_QUEUE] if where.embedded else [INTAKE_QUEUE]
    return [Queue(name, routing_key=name) for name in names]  # type: ignore[no-untyped-call]


def _transport_options(broker: str) -> dict[str, Any]:
    if not broker.startswith("redis"):
        return {"confirm_publish": True}
    return {
        "visibility_timeout": 3600,  # a wake-up is acknowledged at once; only a submit's text waits for its task
        "priority_steps": list(_PRIORITY_STEPS),
        "queue_order_strategy": "priority",
        "unacked_restore_limit": 1000,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 15,
    }


def _shown(args: Any) -> str:
    if not args:
        return "()"
    one = args[0] if isinstance(args, (list, tuple)) and len(args) == 1 else None
    return f"('{one}',)" if isinstance(one, str) and _JOB_ID.fullmatch(one) else OPAQUE
