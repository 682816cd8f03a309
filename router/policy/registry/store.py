"""The registry in the store: which policy is applied, and the append-only history of how it came to that.

Policies are sealed with the inside key: a process that holds only the outside key can read the history, and can neither
read nor make a policy that a router would follow. The number of an entry is part of its seal, and routers take a later
entry only: an old policy put back by hand is not followed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from router.policy.registry.bundle import Bundle
from router.policy.registry.entry import Entry, Kind
from tidegate.connections import StoreClient
from tidegate.errors import Conflict, InvalidDocument, SealBroken
from tidegate.lane import Zone
from tidegate.ledger.store import journalled, store_errors
from tidegate.names import STORE_PREFIX
from tidegate.vault import Seals

_TRIES = 20
"""Two operators at once are many; twenty attempts in a row that lose are a fault."""

_APPEND = """
-- KEYS 1 history  2 current, by slot  3 sealed policies, by number
-- ARGV 1 length of the history that was seen  2 the entry  3 number  4 slot  5 '1' to put in force  6 the envelope
--      7 channel  8 prefix, for the journal
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then
  -- The first answer was lost on its way and the client asked again: it is written once.
  return redis.call('LINDEX', KEYS[1], ARGV[1]) == ARGV[2] and 1 or 0
end
redis.call('RPUSH', KEYS[1], ARGV[2])
journal(ARGV[8], '', '{"move":"policy","note":' .. ARGV[2] .. '}')
if ARGV[6] ~= '' then redis.call('HSET', KEYS[3], ARGV[3], ARGV[6]) end
if ARGV[5] == '1' then redis.call('HSET', KEYS[2], ARGV[4], ARGV[3]) end
redis.call('PUBLISH', ARGV[7], ARGV[3])
return 1
"""


@dataclass(frozen=True)
class Applied:
    """What was put in force: the entry, and the policy's files; None where it was withdrawn."""

    entry: Entry
    bundle: Bundle | None


@dataclass(frozen=True)
class Notices:
    """A subscription."""

    channel: Any

    def wait(self, timeout_s: float) -> None:
        """Until a notice comes, or the time is up. Raises StoreUnavailable."""
        with store_errors():
            self.channel.get_message(timeout=timeout_s)


class Registry:
    """Reads and appends. Every method raises StoreUnavailable where the store does not answer."""

    def __init__(self, client: StoreClient, seals: Seals, *, prefix: str = STORE_PREFIX) -> None:
        self.redis = client
        self._seals = seals
        self._history = f"{prefix}:policy:history"
        self._current = f"{prefix}:policy:current"
        self._sealed = f"{prefix}:policy:sealed"
        self._said = f"{prefix}:policy:said"
        self._channel = f"{prefix}:policy:changed"
        self._prefix = prefix
        self._append = client.register_script(journalled(_APPEND))

    def current(self) -> Mapping[str, int]:
        """The number of the entry in force, by slot. Empty: nothing was ever applied."""
        with store_errors():
            found = self.redis.hgetall(self._current)
        return {slot.decode(): int(seq) for slot, seq in found.items()}

    @contextmanager
    def notices(self) -> Iterator["Notices"]:
        """Notices of new entries, from now on. One may be lost, so who waits looks as well."""
        with store_errors(), self.redis.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(self._channel)
            yield Notices(channel)

    def history(self) -> list[Entry]:
        """All entries, the oldest first."""
        with store_errors():
            lines = self.redis.lrange(self._history, 0, -1)
        return [Entry.from_json(line) for line in lines]

    def applied(self, seq: int, *, slot: str) -> Applied:
        """What one entry put in force. Raises SealBroken, InvalidDocument where it is not what it claims to be."""
        with store_errors():
            envelope = self.redis.hget(self._sealed, str(seq))
        if envelope is None:
            raise InvalidDocument((f"<registry>:1:1: no policy of entry {seq} is kept",))
        head, _, packed = self._seals.open(_slot(seq), envelope).partition(b"\n")
        try:
            entry = Entry.from_json(head)
        except ValidationError as exc:
            raise InvalidDocument((f"<registry>:1:1: entry {seq} cannot be read ({type(exc).__name__})",)) from None
        if (entry.seq, entry.slot) != (seq, slot):
            raise SealBroken(f"entry {seq} was sealed for another place")
        return Applied(entry, Bundle.unpack(packed) if packed else None)

    def put(
        self, bundle: Bundle, *, kind: Kind, slot: str, version: str, by: str, note: str, restores: int | None = None
    ) -> Entry:
        """Put a policy in force. The caller has vetted it."""
        packed = bundle.packed()
        given = {"kind": kind, "slot": slot, "version": version, "by": by, "note": note, "restores": restores}
        return self._added(lambda seq, at: Entry.model_validate({"seq": seq, "at": at, **given}), packed)

    def withdraw(self, *, slot: str, by: str, note: str) -> Entry:
        """Put the configured file in force again."""
        return self._added(lambda seq, at: Entry(seq=seq, at=at, kind=Kind.WITHDRAWN, slot=slot, by=by, note=note), b"")

    def tell(
        self,
        kind: Kind,
        *,
        slot: str,
        version: str | None,
        by: str,
        problems: tuple[str, ...],
        note: str = "",
        once: str | None = None,
    ) -> Entry | None:
        """Put an event on record that changes nothing. `once`: not again today, whichever router says it."""
        if once is not None:
            with store_errors():
                if not self.redis.set(f"{self._said}:{once}", 1, nx=True, ex=86_400):
                    return None
        given = {"kind": kind, "slot": slot, "version": version, "by": by, "note": note, "problems": problems[:20]}
        return self._added(lambda seq, at: Entry.model_validate({"seq": seq, "at": at, **given}), None)

    def _added(self, make: Callable[[int, float], Entry], packed: bytes | None) -> Entry:
        for _ in range(_TRIES):
            with store_errors():
                length, (seconds, micros) = int(self.redis.llen(self._history)), self.redis.time()
            entry = make(length + 1, float(seconds) + float(micros) / 1e6)
            line = entry.to_json()
            sealed = b"" if packed is None else self._seal(entry.seq, line, packed)
            keys = [self._history, self._current, self._sealed]
            swaps = "1" if entry.swaps else ""
            with store_errors():
                put = [length, line, entry.seq, entry.slot, swaps, sealed, self._channel, self._prefix]
                done = self._append(keys=keys, args=put)
            if done:
                return entry
        raise Conflict("the history of policies is being written by others all the time; nothing was changed")

    def _seal(self, seq: int, line: str, packed: bytes) -> bytes:
        return self._seals.seal(Zone.INSIDE, _slot(seq), line.encode() + b"\n" + packed)


def _slot(seq: int) -> str:
    return f"policy:{seq}"
