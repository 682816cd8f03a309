"""Stop: the sign to give a run up. Whoever waits for something else meanwhile is called back, and need not look."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Back = Callable[[], object]


class Stop(threading.Event):
    """An event that calls back: from the thread that sets it, at once, and once."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._backs: list[Back] = []

    def set(self) -> None:
        """Tell everybody who waits, and call back everybody who asked for it."""
        super().set()
        with self._lock:
            backs, self._backs = self._backs, []
        for back in backs:
            back()

    @contextmanager
    def calling(self, back: Back) -> Iterator[None]:
        """Call back when it is set within the block; at once where it is by now. `back` is quick and raises nothing."""
        with self._lock:
            self._backs.append(back)
        if self.is_set():
            self.set()
        try:
            yield
        finally:
            with self._lock:
                if back in self._backs:
                    self._backs.remove(back)
