"""Waiting with a deadline and a stop event."""

import threading
import time
from concurrent.futures import Future

import pytest

from tidegate.errors import EngineCrashed, RunTimedOut
from workers.local.patience import Patience


def patience(timeout_s: float = 30.0, *, stopped: bool = False) -> Patience:
    """Patience of a call that may have been stopped already."""
    stop = threading.Event()
    if stopped:
        stop.set()
    return Patience(timeout_s, stop=stop)


def test_a_value_that_is_there_is_returned() -> None:
    """No wait where there is nothing to wait for."""
    future: Future[int] = Future()
    future.set_result(7)
    assert patience().wait_for(future) == 7


def test_a_value_that_comes_later_ends_the_wait() -> None:
    """The wait ends with the value."""
    future: Future[int] = Future()
    threading.Timer(0.02, future.set_result, [7]).start()
    assert patience().wait_for(future) == 7


@pytest.mark.parametrize("error", [EngineCrashed("dead"), TimeoutError("its own")])
def test_the_futures_own_error_is_raised(error: Exception) -> None:
    """Also a TimeoutError that is the outcome, and not the end of a look."""
    future: Future[int] = Future()
    future.set_exception(error)
    with pytest.raises(type(error), match=str(error)):
        patience().wait_for(future)


@pytest.mark.parametrize(
    ("given", "words"), [(patience(0.01), r"no answer within 0\.01 s"), (patience(stopped=True), "cancelled")]
)
def test_every_wait_ends_without_patience(given: Patience, words: str) -> None:
    """A future, a lock and a moment that never come end with RunTimedOut."""
    lock = threading.Lock()
    with lock:
        with pytest.raises(RunTimedOut, match=words):
            given.wait_for(Future())
        with pytest.raises(RunTimedOut, match=words), given.turn(lock):
            pass
        with pytest.raises(RunTimedOut, match=words):
            given.sleep_until(time.monotonic() + 60)


def test_a_stop_ends_a_wait_soon() -> None:
    """The stop event is seen in the middle of a wait."""
    stop = threading.Event()
    threading.Timer(0.02, stop.set).start()
    started = time.monotonic()
    with pytest.raises(RunTimedOut, match="cancelled"):
        Patience(60, stop=stop).wait_for(Future())
    assert time.monotonic() - started < 30


def test_a_turn_gives_the_lock_back() -> None:
    """After an error too."""
    lock = threading.Lock()
    with pytest.raises(ValueError, match="inside"), patience().turn(lock):
        raise ValueError("inside")
    assert lock.acquire(blocking=False)
