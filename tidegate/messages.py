"""What a process takes from a broker: a message of ours, or a refusal that is counted; and what it remembers of it.

Whoever may write to the broker may send anything. So a message is looked at before Celery sees it: JSON only, a task of
ours, nothing that makes a worker send, wait or log what the sender wished. Celery itself would log the whole body of a
message that it does not understand.
"""

import json
import re
from collections.abc import Callable, Container
from typing import Any

from celery.worker import consumer
from celery.worker.request import Request
from kombu import compression
from kombu.exceptions import MessageStateError

from tidegate.names import SUBMIT_TASK
from tidegate.reconnecting import Consumer

OPAQUE = "(…)"
_JOB_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{24,28}")
_ANY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_WAKE_UP_BYTES = 4096
"""An id, and what Celery writes around it."""

_SUBMIT_FACTOR = 8
"""JSON in JSON: a job's text may be longer in a message than it is. More than that is not even read."""

_CANVAS = ("callbacks", "errbacks", "chain", "chord")
_PACKED = ("application/x-gzip", "application/x-bz2", "application/x-lzma", "application/zstd")


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

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Give a message back. On RabbitMQ it is sent anew: what is returned too often, a quorum queue drops."""
        if requeue and self.app.broker.kind == "amqp" and _sent_anew(self.app, self.message):
            self.acknowledge()
        else:
            super().reject(requeue=requeue)


class GuardedConsumer(Consumer):
    """Celery's consumer behind the look at each message. A refused message is gone; its reason is counted."""

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]
        """Its parts, without the one that declares 28 queues on RabbitMQ for tasks with an ETA: we have none."""

        _all = consumer.Consumer.Blueprint.default_steps
        default_steps = tuple(step for step in _all if "DelayedDelivery" not in step)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in _PACKED:  # a few bytes may unpack to gigabytes, and nobody of ours packs anything
            compression.register(_refuse_packed, _refuse_packed, kind)  # type: ignore[no-untyped-call]

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """The handler of each message that arrives."""
        handle = super().create_task_handler(*args, **kwargs)
        most = self.app.most_job_bytes * _SUBMIT_FACTOR + _WAKE_UP_BYTES

        def look(message: Any) -> None:
            reason = fault(message, tasks=self.strategies, submit_bytes=most)
            if reason is None:
                handle(message)
            else:
                self._refuse(message, reason)

        return look

    def on_decode_error(self, message: Any, exc: Exception) -> None:  # noqa: ARG002 - Celery's signature
        """Not even its frame could be read."""
        self._refuse(message, "unreadable_message")

    def on_unknown_message(self, body: Any, message: Any) -> None:  # noqa: ARG002 - Celery's signature
        """No task in it."""
        self._refuse(message, "malformed_message")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ARG002 - Celery's signature
        """Not a task of this process."""
        self._refuse(message, "unknown_task")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ARG002 - Celery's signature
        """Celery could not make a request of it."""
        self._refuse(message, "malformed_message")

    def _refuse(self, message: Any, reason: str) -> None:
        self.app.refusals.note(reason)
        try:
            message.reject()
        except (MessageStateError, *self.connection_errors):
            return  # it comes again, and is refused again


def fault(message: Any, *, tasks: Container[str], submit_bytes: int) -> str | None:
    """Why a message is refused, in a word of ours; None where it is one of ours."""
    headers = message.headers
    task = headers.get("task") if isinstance(headers, dict) else None
    if not isinstance(task, str):
        return "malformed_message"
    if task not in tasks:
        return "unknown_task"
    submits = task == SUBMIT_TASK
    if len(message.body or "") > (submit_bytes if submits else _WAKE_UP_BYTES):
        return "oversized_message"
    if message.content_type != "application/json" or str(message.content_encoding).lower() != "utf-8":
        return "unreadable_message"
    if not isinstance(headers.get("id"), str) or headers.get("eta") or headers.get("shadow"):
        return "malformed_message"
    return _fault_of_body(message.body, submits=submits)


def _fault_of_body(body: str | bytes, *, submits: bool) -> str | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return "unreadable_message"
    if not (isinstance(parsed, list) and len(parsed) == 3):  # noqa: PLR2004 - arguments, keywords, and what follows
        return "malformed_message"
    args, kwargs, after = parsed
    if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(after, dict)):
        return "malformed_message"
    if any(after.get(name) for name in _CANVAS):
        return "malformed_message"  # a worker of ours would send what the sender wrote there
    one = args[0] if len(args) == 1 and not kwargs else None
    if not submits and not (isinstance(one, str) and _ANY_ID.fullmatch(one)):
        return "malformed_message"
    return None


def _sent_anew(app: Any, message: Any) -> bool:
    """Whether the broker has confirmed a copy. Then the first may go; otherwise it is returned in the ordinary way."""
    queue = app.broker.queue(message.delivery_info["routing_key"], declared=False)
    try:
        with app.producer_pool.acquire(block=True, timeout=app.conf.broker_connection_timeout) as producer:
            producer.publish(
                message.body,
                exchange=queue.exchange,
                routing_key=queue.routing_key,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                headers=dict(message.headers),
                correlation_id=message.properties.get("correlation_id"),
                reply_to=message.properties.get("reply_to"),
                delivery_mode=2,
                **app.broker.sending(None),
            )
    except Exception:  # noqa: BLE001 - each transport raises errors of its own
        return False
    return True


def _shown(args: Any) -> str:
    if not args:
        return "()"
    one = args[0] if isinstance(args, (list, tuple)) and len(args) == 1 else None
    return f"('{one}',)" if isinstance(one, str) and _JOB_ID.fullmatch(one) else OPAQUE


def _refuse_packed(_body: Any) -> Any:
    raise ValueError("packed messages are not read")
