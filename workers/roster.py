"""The lanes of a worker and who serves each now. A lane that changes gets a new backend, and no job is lost with it.

The new backend is opened and warmed up beside the old one, then takes the new jobs; the old one ends its own and is
closed. Where the memory does not hold both, jobs wait while the old one ends, and the new one opens after it. What
cannot be opened does not replace what works.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tidegate.errors import Misuse, NoMemory, RunError, RunTimedOut
from tidegate.lane import Lane
from tidegate.logs import logger
from tidegate.result import Answer
from workers.backend import Backend, Run, Warms

WARM_S = 600.0
"""A model that loads longer than that from where it lies is not taken."""

DRAIN_S = 3600.0
"""The longest that a lane lets a job run."""

LOOK_S = 0.05

log = logger(__name__)

Open = Callable[[Lane], Backend]
Opener = Callable[[], Backend]

OF_THE_ROUTER = frozenset({"timeout_s", "retry", "price", "chars_per_token", "limits", "breaker"})
"""Fields of a lane that its backend does not look at."""


class Roster:
    """Thread-safe: jobs run while lanes change."""

    def __init__(self, lanes: Mapping[str, Lane], open_backend: Open) -> None:
        self.lanes = dict(lanes)
        """By name, as they are now."""
        self._open = open_backend
        self._lock = threading.Lock()
        self._posts: dict[str, Post] = {}

    def backend(self, lane: Lane) -> Backend:
        """Whoever serves the lane, now and after a change. Opened with its first job; raises what that raises."""
        with self._lock:
            if lane.name not in self._posts:
                self._posts[lane.name] = Post(self._opener(self.lanes.get(lane.name, lane)))
            return self._posts[lane.name]

    def change(self, lane: Lane) -> None:
        """Serve a lane of ours as it is now: another model or setting, or another file behind the same name."""
        old = self.lanes[lane.name]
        with self._lock:
            post = self._posts.get(lane.name)
            if post is None:  # no job yet: it will open as it is then
                self.lanes[lane.name] = lane
        try:
            if post is not None:
                post.replace(self._opener(lane))
        except (RunError, Misuse) as exc:
            log.warning("lane.unchanged", lane=lane.name, model=old.model, wanted=lane.model, cause=str(exc))
            return
        self.lanes[lane.name] = lane
        log.info("lane.changed", lane=lane.name, model=lane.model, before=old.model)

    def adjust(self, lane: Lane) -> None:
        """Take what the backend does not look at: times, retries, prices."""
        self.lanes[lane.name] = lane

    def _opener(self, lane: Lane) -> Opener:
        return lambda: self._open(lane)


@dataclass
class _Shift:
    """A backend, how to open it anew, and the jobs that it has."""

    backend: Backend
    opener: Opener
    jobs: int = 0


class Post:
    """A lane's backend, which may be replaced while jobs run."""

    def __init__(self, opener: Opener) -> None:
        self._changed = threading.Condition()
        self._shift: _Shift | None = _Shift(opener(), opener)
        """None between two of them, while there is no room for both."""

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """By the backend that serves now. Raises a RunError."""
        with self._on_shift(run, stop) as backend:
            return backend.answer(run, stop=stop, on_text=on_text)

    def close(self) -> None:
        """Close what serves now."""
        if self._shift is not None:
            self._shift.backend.close()

    def replace(self, opener: Opener) -> None:
        """Let another one serve. Raises a RunError or Misuse where it cannot, and the old one goes on."""
        try:
            new = _warmed(opener())
        except NoMemory:
            self._replace_after(opener)
            return
        old = self._shift
        self._take(_Shift(new, opener))
        if old is not None:
            threading.Thread(target=self._dismiss, args=(old,), name="dismiss", daemon=True).start()

    def _replace_after(self, opener: Opener) -> None:
        """No room for both: new jobs wait, the old ones end, and only then the new one opens."""
        with self._changed:
            old, self._shift = self._shift, None
        if old is None:
            return
        self._dismiss(old)
        try:
            self._take(_Shift(_warmed(opener()), opener))
        except (RunError, Misuse):
            self._take(_again(old.opener))
            raise

    def _take(self, shift: _Shift) -> None:
        with self._changed:
            self._shift = shift
            self._changed.notify_all()

    def _dismiss(self, old: _Shift) -> None:
        """Close it when its last job has ended."""
        with self._changed:
            self._changed.wait_for(lambda: old.jobs == 0, timeout=DRAIN_S)
        old.backend.close()

    @contextmanager
    def _on_shift(self, run: Run, stop: threading.Event) -> Iterator[Backend]:
        with self._changed:
            shift = self._awaited(run, stop)
            shift.jobs += 1
        try:
            yield shift.backend
        finally:
            with self._changed:
                shift.jobs -= 1
                self._changed.notify_all()

    def _awaited(self, run: Run, stop: threading.Event) -> _Shift:
        """Whoever serves; between two of them, the next one."""
        waited_s = 0.0
        while self._shift is None:
            if stop.is_set():
                raise RunTimedOut("cancelled")
            if waited_s >= run.timeout_s:
                raise RunTimedOut("no answer in time: the lane's model is being replaced")
            self._changed.wait(LOOK_S)
            waited_s += LOOK_S
        return self._shift


def _again(opener: Opener) -> _Shift:
    """The old one, which was closed already."""
    try:
        return _Shift(opener(), opener)
    except (RunError, Misuse) as exc:
        return _Shift(_Refuses(exc), opener)


@dataclass(frozen=True)
class _Refuses:
    """Stands where nothing could be opened, until the lane changes."""

    error: RunError | Misuse

    def answer(self, *_: Any, **__: Any) -> Answer:
        raise type(self.error)(*self.error.args)

    def close(self) -> None:
        """Nothing is open."""


def _warmed(backend: Backend) -> Backend:
    """Ready for its first job. Raises a RunError; then it is closed."""
    if isinstance(backend, Warms):
        try:
            backend.warm(timeout_s=WARM_S)
        except BaseException:
            backend.close()
            raise
    return backend
