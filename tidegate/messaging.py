"""The one Celery configuration. Only ids travel: a message is a wake-up, the ledger is the truth.

What differs by broker is in `brokers`, what is taken from one in `messages`.
"""

from functools import cached_property
from typing import Any

from celery import Celery, Task
from kombu.entity import Queue

from tidegate import connections
from tidegate.brokers import Broker, BrokerAMQP, Role
from tidegate.connections import Addresses
from tidegate.ledger.refusals import Refusals
from tidegate.names import DEFAULT_CELERY_QUEUE, INTAKE_QUEUE
from tidegate.settings import Settings

_PUBLISH_RETRY = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}

_GUARDED = {
    "redis": "tidegate.redis_transport:GuardedTransport",
    "sentinel": "tidegate.redis_transport:GuardedSentinelTransport",
}


class OpaqueTask(Task):  # type: ignore[misc]
    """The base of every task of ours."""

    Request = "tidegate.messages:OpaqueRequest"
    abstract = True


class Application(Celery):  # type: ignore[misc]
    """Celery's application, and what our side of it needs to know."""

    amqp_cls = BrokerAMQP

    def __init__(self, settings: Settings, where: Addresses, *, role: Role) -> None:
        super().__init__("tidegate", task_cls=OpaqueTask, set_as_current=False)
        self.broker = Broker.of(where, role=role)
        self.declares = settings.broker_declare
        self.most_job_bytes = settings.max_job_bytes
        self._store_timeout_s = settings.store_timeout_s

    @cached_property
    def refusals(self) -> Refusals:
        """Where refused messages are counted."""
        return Refusals(connections.connect(self.broker.where.store, timeout_s=self._store_timeout_s))

    def connection_for_write(self, *args: Any, **options: Any) -> Any:
        """A connection to send by. It waits for nothing without end."""
        connection = super().connection_for_write(*args, **options)
        connection.transport_options = {**connection.transport_options, **self.broker.patience()}
        return connection

    def send_task(self, *args: Any, **options: Any) -> Any:
        """Send, and wait for the broker's word no longer than it deserves."""
        return super().send_task(*args, **{**self.broker.sending(options.get("queue")), **options})


def celery_app(settings: Settings, where: Addresses, *, role: Role = "producer", guarded: bool = True) -> Application:
    """The Celery application of this process. `guarded` is for whoever acknowledges messages: see redis_transport."""
    app = Application(settings, where, role=role)
    app.conf.update(
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=settings.store_timeout_s,
        result_expires=3600,
        result_extended=False,
        task_ignore_result=True,
        task_default_queue=INTAKE_QUEUE,
        task_create_missing_queues=True,
        task_acks_late=False,  # the ledger, not the broker, brings a job back
        task_serializer="json",
        accept_content=["json"],
        result_accept_content=["json"],
        result_serializer="json",
        task_publish_retry_policy=_PUBLISH_RETRY,
        task_send_sent_event=False,
        worker_consumer="tidegate.messages:GuardedConsumer",
        worker_send_task_events=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=True,
        event_queue_expires=60,
        event_queue_ttl=5,
        control_queue_expires=60,
        timezone="UTC",
        enable_utc=True,
        **app.broker.settings(),
        **app.broker.results(),
    )
    if guarded and app.broker.kind in _GUARDED:
        app.conf.broker_transport = _GUARDED[app.broker.kind]
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
    return queues(where, names)


def queues(where: Addresses, names: list[str]) -> list[Queue]:
    """Queues to read."""
    broker = Broker.of(where, role="producer")
    return [broker.queue(name) for name in names]
