"""The keeper: moves what waits in the journal into the files, chained and signed. One at a time, wherever janitors run.

A batch is read, written, flushed, acknowledged to the store with the lock still held, and only then removed from the
journal. A keeper that dies in between leaves lines whose serials the next one sees, and nothing is written twice. On
another machine the next keeper goes on from the head, in files of its own.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tidegate.audit import journal
from tidegate.audit import line as lines
from tidegate.audit.folder import Folder
from tidegate.audit.head import Head, key_of, read_head
from tidegate.audit.line import Kind, Place
from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings, TidegateError, Unavailable
from tidegate.keys import Signs, Verifier
from tidegate.ledger.store import store_errors
from tidegate.livekeys import live_signer, live_verifier
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX
from tidegate.settings import Settings

BATCH = 1000
LOCK_S = 15
PERIOD_S = 0.5
RETRY_S = 5.0
NO_KEY_S = 60.0
EVENT_BYTES = 32_768
"""No event of ours is nearly as long: of one that is, its hash is kept."""

_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return holder and 1 or 2
"""

_ACKNOWLEDGE = """
-- KEYS 1 lock  2 head  3 journal   ARGV 1 holder  2 head  3 first serial that stays
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('XTRIM', KEYS[3], 'MINID', '0-' .. ARGV[3])
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""

_STILL = 1
"""What _HOLD answers to who had the lock already."""

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

log = logger(__name__)


class Keeper:
    """One process that may keep the log."""

    def __init__(
        self,
        client: StoreClient,
        folder: Folder,
        *,
        signs: Signs,
        verifier: Callable[[], Verifier],
        name: str,
        prefix: str = STORE_PREFIX,
    ) -> None:
        self._redis = client
        self._folder = folder
        self._signs = signs
        self._verifier = verifier
        self._name = name
        self._prefix = prefix
        self._lock, self._journal = f"{prefix}:audit:keeper", f"{prefix}:journal"
        self._at: Place | None = None
        """Where the log stands; None until this keeper has the lock and has looked."""
        self._fresh = False
        """Whether the next batch begins a file."""
        self._restart: int | None = None
        """Where to read from in a journal that is another one than the files know, or went back; None: go on."""
        self._hold = client.register_script(_HOLD)
        self._acknowledge = client.register_script(_ACKNOWLEDGE)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. Whatever fails is tried again: what is not written waits in the journal."""
        while not stop.is_set():
            busy = False
            try:
                busy = self.step() >= BATCH
            except Exception as exc:  # noqa: BLE001 - a right that is missing, too, must not end the log in silence
                cause = str(exc) if isinstance(exc, TidegateError) else None
                log.error("audit.unwritten", error=type(exc).__name__, cause=cause)  # noqa: TRY400 - it says it all
                self._at = None
                stop.wait(RETRY_S)
            if not busy:
                stop.wait(PERIOD_S)
        self.leave()

    def step(self) -> int:
        """Write one batch. Returns how many entries that were; 0 where another one keeps the log, too."""
        if not (self._folder.lock() and self._held()):
            self._at = None
            return 0
        at = self._at or self._found()
        newest = journal.last_serial(self._redis, prefix=self._prefix)
        if newest < at.serial and self._restart is None:
            self._restart = self._known_serial(newest)
        start = at.serial if self._restart is None else self._restart
        entries = journal.waiting(self._redis, after=start, limit=BATCH, prefix=self._prefix)
        batch = self._batch(at, entries, newest=newest, start=start)
        if batch:
            self._write(batch, first=at.n + 1)
        return len(entries)

    def leave(self) -> None:
        """Let the next one in at once."""
        try:
            with store_errors():
                self._redis.eval(_RELEASE, 1, self._lock, self._name)
        except Unavailable:
            pass  # the lock lapses
        self._folder.unlock()

    def _held(self) -> bool:
        with store_errors():
            held = int(self._hold(keys=[self._lock], args=[self._name, LOCK_S]))
        if held != _STILL:  # somebody else may have written meanwhile
            self._at = None
        return held > 0

    def _found(self) -> Place:
        """Where the log stands: by the files here, or by the store's head where the files have not come so far."""
        head = read_head(self._redis, self._verifier(), prefix=self._prefix)
        mine = head is None or head.place == self._folder.name()
        here = self._folder.recover(acknowledged=head.n if head else 0) if mine else None
        self._fresh = here is None
        self._restart = None
        if here is not None and (head is None or (here.serial > head.serial and self._differs(here.serial))):
            self._restart = head.serial if head else 0
        if here is None and head is not None and mine and head.n:
            log.error("audit.truncated", lines=head.n, folder=str(self._folder.path))
        if here is None and head is None:
            # Before the first line: from now on a store without a head is one that was emptied.
            self._acknowledged(Place())
        self._at = here or (head.line if head else Place())
        return self._at

    def _known_serial(self, newest: int) -> int:
        """How far the log had come by a store that went back in time; 0 where the journal is another one.

        What comes after it may be in the files already: written twice after a line that says so, it is not missed.
        """
        head = read_head(self._redis, self._verifier(), prefix=self._prefix)
        return head.serial if head is not None and head.serial <= newest else 0

    def _differs(self, serial: int) -> bool:
        """Whether the journal has another event under the serial of the last line: then it went back and grew again."""
        entries = journal.waiting(self._redis, after=serial - 1, limit=1, prefix=self._prefix)
        last = self._folder.last()
        found = next((entry for entry in entries if entry.serial == serial), None)
        return found is not None and last.get("event") != _event(found.event)

    def _batch(self, at: Place, entries: list[journal.Entry], *, newest: int, start: int) -> list[bytes]:
        said: list[tuple[Kind, dict[str, Any], int]] = []
        if self._restart is not None:
            log.error("audit.reset", was=at.serial, now=start)
            said.append((Kind.RESET, {"was": at.serial, "now": start}, start))
        known = start
        for entry in entries:
            if entry.serial > known + 1:
                said.append(self._gap(known + 1, entry.serial - 1))
            said.append((Kind.EVENT, {"job": entry.job, "event": _event(entry.event)}, entry.serial))
            known = entry.serial
        if not entries and newest > known:
            said.append(self._gap(known + 1, newest))
        if not said:
            return []
        today = _today()
        if self._fresh or self._folder.full(today=today):
            self._fresh = True
            opened = {"at": time.time(), "place": self._folder.name(), "keeper": self._name, "version": 1}
            said.insert(0, (Kind.OPENED, opened, at.serial))
        batch: list[bytes] = []
        for index, (kind, fields, serial) in enumerate(said, 1):
            signs = self._signs if index == len(said) else None
            batch.append(lines.written(at, kind, fields, serial=serial, signs=signs))
            at = Place(n=at.n + 1, hash=lines.hash_of(batch[-1]), serial=serial)
        return batch

    def _gap(self, first: int, last: int) -> tuple[Kind, dict[str, Any], int]:
        log.error("audit.gap", first=first, last=last)
        return Kind.GAP, {"at": time.time(), "first": first, "last": last}, last

    def _write(self, batch: list[bytes], *, first: int) -> None:
        size = self._folder.append(batch, first=first, today=_today(), fresh=self._fresh)
        at = lines.place_of(batch[-1])
        # An answer that is lost on its way leaves lines that may count: they are looked at again, not taken back.
        self._at = None
        if self._acknowledged(at):
            self._at, self._fresh, self._restart = at, False, None
        else:
            log.warning("audit.lock_lost", keeper=self._name)
            self._folder.take_back(size)

    def _acknowledged(self, at: Place) -> bool:
        """Tell the store how far the log has come. False where another keeper has the lock."""
        head = Head(n=at.n, hash=at.hash, serial=at.serial, place=self._folder.name(), at=time.time())
        args = [self._name, head.signed(self._signs).to_json(), at.serial + 1]
        with store_errors():
            return bool(self._acknowledge(keys=[self._lock, key_of(self._prefix), self._journal], args=args))


def keep_audit(settings: Settings, client: StoreClient, stop: threading.Event, *, name: str) -> None:
    """Keep the log until told to stop. Without a key it says so and tries again: a janitor's other work goes on."""
    while not stop.is_set():
        try:
            signs, verifier = live_signer(settings, "audit"), live_verifier(settings, "audit")
        except (Unavailable, InvalidSettings) as exc:
            log.error("audit.unwritten", error=type(exc).__name__, cause=str(exc))  # noqa: TRY400 - it says it all
            stop.wait(NO_KEY_S)
        else:
            Keeper(client, Folder(settings.audit_folder), signs=signs, verifier=verifier, name=name).run(stop)


def _event(text: str) -> Any:
    """An event as it was told; of what is none, the hash: nobody knows what it is."""
    try:
        if len(text) <= EVENT_BYTES:
            found = json.loads(text)
            if isinstance(found, dict):
                lines.canonical(found)
                return found
    except (ValueError, RecursionError):
        pass
    return {"unreadable": lines.hash_of(text.encode("utf-8", "replace"))}


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")
