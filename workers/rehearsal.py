"""The backend of rehearsals: says nothing, at once or after a pause. For load tests, and to try a policy with no model.

The lane's model names the pause: `noop`, or `noop-50ms`. Lease, guard, vault and ledger work as with any backend.
"""

import re
import threading
from collections.abc import Callable

from tidegate.errors import InvalidSettings, RunTimedOut
from tidegate.lane import Lane
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Backend, Run

_NAME = re.compile(r"noop(?:-([0-9]{1,6})ms)?")


def open_backend(lane: Lane, _settings: Settings) -> Backend:
    """Make ready to serve a lane. Raises InvalidSettings for a model that names no pause."""
    named = _NAME.fullmatch(lane.model)
    if named is None:
        raise InvalidSettings(
            f"lane {lane.name}: model is {lane.model}; of a noop backend it is noop or, say, noop-50ms"
        )
    return Rehearsal(lane.model, pause_s=int(named[1] or 0) / 1000)


class Rehearsal:
    """Waits, and answers with an empty text."""

    def __init__(self, model: str, *, pause_s: float) -> None:
        self._model = model
        self._pause_s = pause_s

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """Raises RunTimedOut where the pause is longer than the run may be, or `stop` is set."""
        if self._pause_s and stop.wait(min(self._pause_s, run.timeout_s)):
            raise RunTimedOut("cancelled")
        if self._pause_s > run.timeout_s:
            raise RunTimedOut("no answer in time")
        if on_text:
            on_text("")
        return Answer(text="", model=self._model)

    def close(self) -> None:
        """Nothing to let go of."""
