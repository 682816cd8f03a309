"""What monitors are told of runs."""

from typing import Any

import pytest

from tidegate.errors import RateLimited
from tidegate.taskevents import TaskEvents


class Dispatcher:
    """Notes what it is to send, or cannot send."""

    def __init__(self, *, broken: bool = False) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.flushes = 0
        self.on_send_buffered: Any = lambda: None
        self._broken = broken

    def send(self, event: str, **fields: Any) -> None:
        """Note it."""
        if self._broken:
            raise ConnectionError
        self.sent.append((event, fields))

    def flush(self) -> None:
        """Note it."""
        if self._broken:
            raise ConnectionError
        self.flushes += 1


@pytest.fixture
def dispatcher() -> Dispatcher:
    """One that works."""
    return Dispatcher()


def events_of(dispatcher: Dispatcher) -> TaskEvents:
    """Events that are sent by it."""
    events = TaskEvents("tidegate.run")
    events.by(dispatcher)
    return events


def test_a_run_is_a_task_with_its_jobs_id(dispatcher: Dispatcher) -> None:
    """Received, started, succeeded: under one name, with the id as its only argument."""
    with events_of(dispatcher).run("abc", number=2):
        pass
    assert [event for event, _ in dispatcher.sent] == ["task-received", "task-started", "task-succeeded"]
    assert {fields["uuid"] for _, fields in dispatcher.sent} == {"abc-run-2"}
    assert dispatcher.sent[0][1]["args"] == "('abc',)"


def test_a_jobs_routing_and_its_run_are_two_tasks(dispatcher: Dispatcher) -> None:
    """Both are the first of their kind, and a monitor shows each, whichever it hears of first."""
    for task in ("tidegate.route", "tidegate.run"):
        events = TaskEvents(task)
        events.by(dispatcher)
        with events.run("abc", number=1):
            pass
    assert len({fields["uuid"] for _, fields in dispatcher.sent}) == 2


def test_of_a_failure_only_its_name_is_told(dispatcher: Dispatcher) -> None:
    """An error's words may quote a job: its class is what is told, whether it was raised or handled."""
    events = events_of(dispatcher)
    with pytest.raises(ValueError, match="secret"), events.run("abc", number=1):
        raise ValueError("a secret")
    with events.run("abc", number=2) as told:
        told.failed(RateLimited("a secret"))
    ends = [fields for event, fields in dispatcher.sent if event == "task-failed"]
    assert [end["exception"] for end in ends] == ["ValueError", "RateLimited"]
    assert "secret" not in repr(dispatcher.sent)


def test_nobody_to_tell_is_no_hindrance() -> None:
    """A run goes on where no consumer runs, and where its events cannot be sent."""
    ran = 0
    for events in (TaskEvents("tidegate.run"), events_of(Dispatcher(broken=True))):
        with events.run("abc", number=1):
            ran += 1
    assert ran == 2


def test_what_was_told_is_sent_together(dispatcher: Dispatcher) -> None:
    """Celery would be woken for each event: instead its owner flushes now and then, whatever becomes of that."""
    events = events_of(dispatcher)
    assert dispatcher.on_send_buffered is None
    events.flush()
    assert dispatcher.flushes == 1
    events.by(None)
    events.flush()
    events_of(Dispatcher(broken=True)).flush()
    assert dispatcher.flushes == 1
