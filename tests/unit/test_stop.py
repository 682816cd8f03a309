"""The sign to stop calls back whoever asked for it: once, at once, and nobody who has left."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from workers.stop import Stop


def test_it_calls_back_once() -> None:
    """However often it is set."""
    stop, calls = Stop(), []
    with stop.calling(lambda: calls.append(1)):
        assert calls == []
        stop.set()
        stop.set()
        assert (calls, stop.is_set(), stop.wait(0)) == ([1], True, True)
    stop.set()
    assert calls == [1]


def test_who_comes_late_is_called_back_too() -> None:
    """The sign was given already."""
    stop, calls = Stop(), []
    stop.set()
    with stop.calling(lambda: calls.append(1)):
        assert calls == [1]
    assert calls == [1]


def test_who_has_left_is_not_called() -> None:
    """Not even where the block ended with an error."""
    stop, calls = Stop(), []
    with contextlib.suppress(BufferError), stop.calling(lambda: calls.append(1)):
        raise BufferError
    stop.set()
    assert calls == []


def test_all_who_wait_are_called() -> None:
    """Several may ask for it."""
    stop, calls = Stop(), []
    with stop.calling(lambda: calls.append(1)), stop.calling(lambda: calls.append(2)):
        stop.set()
    assert sorted(calls) == [1, 2]


def test_nobody_is_missed_in_a_race() -> None:
    """Whoever asks while it is being set is called back once."""
    for _ in range(200):
        stop, calls, together = Stop(), [], threading.Barrier(2)

        def ask(stop: Stop = stop, calls: list[int] = calls, together: threading.Barrier = together) -> None:
            together.wait()
            with stop.calling(lambda: calls.append(1)):
                stop.wait(30)

        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(ask)
            together.wait()
            stop.set()
            asked.result(30)
        assert calls == [1]
