"""Presence: a process says every few seconds that it is alive, for as long as it works."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidegate.errors import Unavailable
from tidegate.ledger.census import PRESENCE_S, Census, Presence
from tidegate.logs import logger

BEAT_S = PRESENCE_S / 3

log = logger(__name__)


@contextmanager
def reported(census: Census, presence: Presence) -> Iterator[threading.Event]:
    """Report this process while the block runs. Gives the event that ends the reporting."""
    stop = threading.Event()
    _try(lambda: _bury(census), presence)
    thread = threading.Thread(target=_beat, args=(census, presence, stop), name="presence", daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(timeout=BEAT_S)
        _try(lambda: census.leave(presence.name), presence)


def _bury(census: Census) -> None:
    """Whoever ran here before us and was killed: for as long as it counted, a lane seemed to have twice its slots."""
    for name in census.bury(socket.gethostname(), alive=_is_alive):
        log.info("presence.buried", worker=name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _beat(census: Census, presence: Presence, stop: threading.Event) -> None:
    while True:
        _try(lambda: census.report(presence), presence)
        if stop.wait(BEAT_S):
            return


def _try(call: Callable[[], None], presence: Presence) -> None:
    try:
        call()
    except Unavailable:
        log.warning("presence.unreported", worker=presence.name)
