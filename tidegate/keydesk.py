"""The keys' desk: what an operator's order changes, and when it is refused. What commands do, less the terminal.

A step is put into the audit log before it is done. Keys are only ever written to files of mode 600.
"""

import time
from collections.abc import Callable
from pathlib import Path

from tidegate import keychecks, keyfiles
from tidegate.audit import journal
from tidegate.connections import StoreClient
from tidegate.errors import Misuse, Unavailable
from tidegate.keysteps import Change, Does, Key, Use, kept
from tidegate.ledger.census import Census
from tidegate.settings import Settings

_POLL_S = 0.2


class Desk:
    """Carries out orders on the keys of one use. Every method may raise Unavailable."""

    def __init__(self, settings: Settings, client: StoreClient, use: Use, *, to: Path | None = None) -> None:
        self._redis = client
        self._use = use
        self._to = to
        self._kept = kept(settings, use)

    def prepare(self) -> str:
        """Add a key that nobody uses yet. Returns its id."""
        key_id, changes = self._kept.prepared()
        self._do("prepared", key_id, changes)
        return key_id

    def activate(self, key_id: str) -> None:
        """Make a prepared key the one that seals or signs."""
        self._do("activated", key_id, self._kept.activated(key_id))

    def chosen(self, key_id: str | None) -> str:
        """The key that is meant: this one, or the only one that could be. Raises Misuse."""
        if key_id is not None:
            return self._key(key_id).id
        others = [key.id for key in self._kept.all() if key.does in (Does.OPENS, Does.PREPARED)]
        if len(others) != 1:
            raise Misuse(f"which key? There is: {', '.join(others) or 'none that is prepared'}; give it with --key")
        return others[0]

    def retire(self, key_id: str, *, force: bool) -> None:
        """Remove a key. Raises Misuse where something needs it still."""
        changes, found = self._kept.retired(key_id), self._key(key_id)
        needed = self._kept.needed(self._redis, key_id)
        users = [name for name, last in self._sealing().items() if last == found.print]
        if users and not needed:
            needed = f"{', '.join(users)} still uses it: not every process has the new keys"
        if needed and not force:
            raise Misuse(f"{self._use} key {key_id}: {needed}. With --force it goes all the same, and that is lost")
        self._do("retired", key_id, changes)
        keychecks.withdraw(self._redis, self._use, found.print)

    def lacking(self, key_id: str, *, wait_s: float, watch: Callable[[list[str]], None] = lambda _: None) -> list[str]:
        """The running processes that cannot read a key yet, after some time to do so."""
        until = time.monotonic() + wait_s
        key_print = self._key(key_id).print
        while True:
            names = keychecks.lacking(self._redis, self._use, key_print, Census(self._redis).workers())
            if not names or time.monotonic() >= until:
                return names
            watch(names)
            time.sleep(_POLL_S)

    def _sealing(self) -> dict[str, str]:
        names = [one.name for one in Census(self._redis).workers()]
        told = keychecks.held_by(self._redis, names)
        return {name: held.keys[self._use].last for name, held in told.items() if self._use in held.keys}

    def _key(self, key_id: str) -> Key:
        found = {key.id: key for key in self._kept.all()}
        if key_id not in found:
            raise Misuse(f"no {self._use} key {key_id}; there is: {', '.join(found)}")
        return found[key_id]

    def _do(self, step: str, key_id: str, changes: list[Change]) -> None:
        for change in changes:
            if change.source.path is None and self._to is None:
                raise Misuse(f"{change.source.name} is a variable here: name a file for the new keys with --out")
        journal.act(self._redis, "keys", note={"use": self._use.value, "step": step, "key": key_id})
        for change in changes:
            path = change.source.path
            if self._to is not None:
                path = self._to.with_name(self._to.name + ".pub") if change.public else self._to
            keyfiles.replace(path or Path(), change.text)


def readers(client: StoreClient, key: Key) -> list[str] | None:
    """The running processes that cannot read a key; None where the store does not answer."""
    try:
        return keychecks.lacking(client, key.use, key.print, Census(client).workers())
    except Unavailable:
        return None
