"""Messages: only ids travel, a worker's memory of a message shows no text, and the urgent come first."""

import itertools
import json
import time
from typing import Any

import pytest
from doubles import SECRET

from tidegate import connections
from tidegate.connections import Addresses, StoreClient
from tidegate.doorbell import Doorbell, queue_priority
from tidegate.errors import BrokerUnavailable
from tidegate.messages import OPAQUE, OpaqueRequest
from tidegate.messaging import celery_app, intake_queues
from tidegate.names import INTAKE_QUEUE, ROUTE_TASK, RUN_TASK, SUBMIT_TASK
from tidegate.settings import Settings

JOB = "0123456789abcdef" * 2
RABBIT = Addresses(broker="amqp://guest@host//", store="redis://host/1", embedded=False)


@pytest.fixture
def app(settings: Settings, redis: StoreClient) -> Any:
    """The Celery application, on an empty broker."""
    del redis
    with celery_app(settings, connections.addresses(settings)) as made:
        yield made


def received(app: Any, queue: str) -> Any:
    """The next message of a queue, as a worker receives it."""
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get(queue, no_ack=True)
        assert message is not None
        return connection.default_channel.message_to_python(message)


def requested(app: Any, task: str, args: Any, kwargs: dict[str, Any] | None = None) -> OpaqueRequest:
    """What a worker makes of a producer's message."""

    @app.task(name=task, shared=False)  # type: ignore[untyped-decorator]
    def receiver(*_args: Any, **_kwargs: Any) -> None:
        """Never run."""

    app.send_task(task, args, kwargs or {}, queue="q")
    return OpaqueRequest(received(app, "q"), app=app, task=app.tasks[task], hostname="w@host")


def shown(request: OpaqueRequest) -> str:
    """Everything that logs, events, `inspect` and Flower can show of a message."""
    events: list[dict[str, Any]] = []

    class Eventer:
        enabled = True

        def send(self, kind: str, **fields: Any) -> None:
            events.append({"kind": kind, **fields})

    request._eventer = Eventer()
    request.send_event("task-received", args=request.argsrepr, kwargs=request.kwargsrepr)
    told = [repr(request), str(request), request.humaninfo(), request.argsrepr, request.kwargsrepr]
    told += [repr(request.info()), repr(request.info(safe=True)), repr(events)]
    told.append(repr({key: value for key, value in request.request_dict.items() if key not in ("args", "kwargs")}))
    return "\n".join(told)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (({"text": SECRET},), None),
        ((SECRET,), None),
        ((), {"job": {"text": SECRET}}),
        ((JOB, SECRET), None),
        (([SECRET],), None),
    ],
    ids=["mapping", "text", "keyword", "beside an id", "list"],
)
def test_a_worker_remembers_no_text(app: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> None:
    """Whatever a producer's message holds, and whatever repr it brought along, a worker shows nothing of it."""
    request = requested(app, SUBMIT_TASK, args, kwargs)
    assert "Quillfeather" in repr((request.args, request.kwargs))
    assert "Quillfeather" not in shown(request)
    assert OPAQUE in request.argsrepr + request.kwargsrepr


def test_a_job_s_id_is_shown(app: Any) -> None:
    """Where the message is just an id, operators see which."""
    request = requested(app, RUN_TASK, (JOB,))
    assert request.argsrepr == f"('{JOB}',)"
    assert JOB in shown(request)


@pytest.mark.parametrize("argument", ["0123", "Mrs Quillfeather" * 2, JOB + "\n", JOB.upper()])
def test_what_only_resembles_an_id_is_not_shown(app: Any, argument: str) -> None:
    """Anything but a plain id is hidden."""
    assert requested(app, RUN_TASK, (argument,)).argsrepr == OPAQUE


@pytest.mark.parametrize(
    ("whom", "queue", "task"), [("router", INTAKE_QUEUE, ROUTE_TASK), ("local", "tidegate.lane.local", RUN_TASK)]
)
def test_a_wake_up_carries_an_id_and_nothing_else(
    app: Any, redis: StoreClient, whom: str, queue: str, task: str
) -> None:
    """The message on the broker holds one job id, to the right task on the right queue."""
    bell = Doorbell(app)
    if whom == "router":
        bell.ring_router(JOB, priority=0)
    else:
        bell.ring_lane(whom, JOB, priority=0)
    message = received(app, queue)
    assert message.headers["task"] == task
    assert json.loads(message.body)[:2] == [[JOB], {}]
    assert message.headers["argsrepr"] == f"('{JOB}',)"


def test_the_urgent_are_read_first(app: Any) -> None:
    """Of messages that wait together, the one of the lowest number is delivered first."""
    bell = Doorbell(app)
    for priority in (9, 0, 6, 3):
        bell.ring_router(f"{priority}" * 32, priority=priority)
    order = [json.loads(received(app, INTAKE_QUEUE).body)[0][0][0] for _ in range(4)]
    assert order == ["0", "3", "6", "9"]


def test_a_broker_that_is_away_is_told_soon(settings: Settings) -> None:
    """A wake-up that cannot be sent says so within seconds: the janitor will send it."""
    away = Addresses(broker="redis://127.0.0.1:1/0", store="redis://127.0.0.1:1/1", embedded=False)
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        Doorbell(celery_app(settings, away)).ring_router(JOB, priority=0)
    assert time.monotonic() - began < 30


def test_interactive_jobs_come_before_batch_jobs() -> None:
    """The order is by latency first and by the producer's priority within, in the broker's ten steps."""
    order = [
        queue_priority(latency=latency, priority=priority)
        for latency, priority in itertools.product(("interactive", "batch"), range(10))
    ]
    assert order == sorted(order)
    assert (order[0], order[9], order[10], order[19]) == (0, 4, 5, 9)


@pytest.mark.parametrize(
    ("embedded", "configured", "names"),
    [
        (True, None, ["tidegate.intake", "celery"]),
        (False, None, ["tidegate.intake"]),
        (False, " a, b ,", ["a", "b"]),
        (True, "a", ["a"]),
    ],
)
def test_the_router_reads_what_is_ours(
    settings: Settings, *, embedded: bool, configured: str | None, names: list[str]
) -> None:
    """Celery's default queue is read on the embedded broker only; a setting names others."""
    where = Addresses(broker="redis://host/0", store="redis://host/1", embedded=embedded)
    chosen = settings.model_copy(update={"intake_queues": configured})
    assert [queue.name for queue in intake_queues(chosen, where)] == names


def test_no_message_is_taken_for_a_program(app: Any) -> None:
    """Only JSON is read and written: a pickled message could run code."""
    assert (app.conf.accept_content, app.conf.task_serializer, app.conf.result_serializer) == (["json"], "json", "json")


def test_the_other_broker_comes_from_its_url_alone(settings: Settings) -> None:
    """RabbitMQ confirms what it was sent; Redis' guarded transport and its options are not asked of it."""
    conf = celery_app(settings, RABBIT).conf
    assert conf.broker_transport_options["confirm_publish"] is True
    assert "visibility_timeout" not in conf.broker_transport_options
    assert conf.broker_transport is None
    assert conf.worker_disable_prefetch is False
    assert conf.task_queue_max_priority is None
