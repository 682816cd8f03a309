"""Canaries: after each fault one small urgent job is submitted, and the time until it ends is the recovery."""

import itertools
import random
import threading
import time
from collections import defaultdict

from chaos import jobs
from chaos.producer import Book, persistently
from tidegate.client import Client
from tidegate.errors import TidegateError, UnknownJob

PATIENCE_S = 120.0
_GLANCE_S = 0.05


class Canaries:
    """Sends them and notes how long each took."""

    def __init__(self, client: Client, book: Book, *, seed: int) -> None:
        self.took_s: dict[str, list[float]] = defaultdict(list)
        self._client = client
        self._book = book
        self._seed = seed
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._out: list[threading.Thread] = []

    def send(self, fault: str) -> None:
        """One, on its own thread."""
        thread = threading.Thread(target=self._fly, args=(fault, next(self._numbers)), daemon=True)
        self._out.append(thread)
        thread.start()

    def await_home(self) -> None:
        """Until all are back."""
        for thread in self._out:
            thread.join(PATIENCE_S)

    def _fly(self, fault: str, number: int) -> None:
        began = time.monotonic()
        made = jobs.canary(random.Random(f"{self._seed}:{number}"), key=f"canary-{self._seed}-{number}")
        try:
            job_id = persistently(self._client, made.job, patience_s=PATIENCE_S)
        except TidegateError:
            return
        with self._lock:
            self._book.accepted(job_id, made)
        while time.monotonic() < began + PATIENCE_S:
            try:
                if self._client.record(job_id).state.ended:
                    break
            except UnknownJob:
                return  # lost: the checks will say so
            except TidegateError:
                pass  # the store is away again
            time.sleep(_GLANCE_S)
        with self._lock:
            self.took_s[fault].append(time.monotonic() - began)
