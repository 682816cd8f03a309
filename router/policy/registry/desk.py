"""The operator's desk: apply a policy, roll back, and see who serves its lanes. What commands do, less the terminal.

A policy that falls short is refused, and the refusal is on record; nothing else changes then.
"""

import contextlib
import getpass
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.registry.bundle import bundled
from router.policy.registry.entry import FALLBACK, Entry, Kind
from router.policy.registry.followers import Followers
from router.policy.registry.scope import slot_of
from router.policy.registry.store import Registry
from router.policy.select import clashes
from tidegate import connections, keychecks
from tidegate.errors import InvalidDocument, Misuse, SealBroken, TidegateError
from tidegate.keys import keyring
from tidegate.lane import Zone
from tidegate.ledger.census import Census, Presence
from tidegate.settings import Settings
from tidegate.vault import Seals

CONFIGURED = "configured"
"""Roll back to the configured file, as before anything was applied."""

FOLLOWED_S = 2.0
"""Every router follows within this time."""

Vet = Callable[[Path], tuple[str, ...]]


class Refused(TidegateError):
    """The policy falls short; what was in force still is."""

    def __init__(self, version: str | None, problems: tuple[str, ...]) -> None:
        self.version, self.problems = version, problems
        super().__init__(f"refused: {version or 'the policy'} falls short; nothing was changed")


@dataclass(frozen=True, kw_only=True)
class Unserved:
    """A lane of the policy that no running worker serves as the policy says, and why."""

    lane: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Done:
    """What an order came to."""

    entry: Entry
    unserved: tuple[Unserved, ...] = ()
    followed: tuple[str, ...] = ()
    """The routers that follow the entry."""
    routers: tuple[str, ...] = ()
    """The routers that run."""


@dataclass(frozen=True)
class Desk:
    """What the operator's orders need. Every method raises StoreUnavailable."""

    registry: Registry
    census: Census
    followers: Followers
    vet: Vet = field(kw_only=True)
    by: str = field(kw_only=True)
    configured: Path | None = field(default=None, kw_only=True)
    """The configured file as it is on this machine: it stands beside what is applied for some tenants."""

    def apply(self, path: Path, *, note: str = "") -> Done:
        """Put a file in force in every router. Raises Refused."""
        try:
            bundle = bundled(path)
            policy = load_policy(path)
        except InvalidDocument as exc:
            raise self._refused(None, FALLBACK, exc.problems, note) from None
        problems = (*self._clashes(policy), *self.vet(path))
        if problems:
            raise self._refused(policy.version, slot_of(policy), problems, note)
        entry = self.registry.put(
            bundle, kind=Kind.APPLIED, slot=slot_of(policy), version=policy.version, by=self.by, note=note
        )
        return self._done(entry, policy)

    def roll_back(self, to: str | None, *, note: str = "") -> Done:
        """Put an earlier policy in force again: by version or number, or the one before. Raises Refused."""
        history = [entry for entry in self.registry.history() if entry.swaps]
        if to == CONFIGURED:
            return self._done(self.registry.withdraw(slot=_last(history).slot, by=self.by, note=note), None)
        slot = to if to in {entry.slot for entry in history} else None
        target = _named(history, to) if to and slot is None else None
        slot = slot or (target.slot if target else _last(history).slot)
        if target is None:
            target = _before(history, slot)
        if target is None or target.kind is Kind.WITHDRAWN:
            return self._done(self.registry.withdraw(slot=slot, by=self.by, note=note), None)
        bundle = self.registry.applied(target.seq, slot=slot).bundle
        if bundle is None:
            raise Misuse(f"entry {target.seq} put no policy in force")
        with bundle.unpacked() as path:
            try:
                policy = load_policy(path)
            except InvalidDocument as exc:
                raise self._refused(target.version, slot, exc.problems, note) from None
            problems = (*self._clashes(policy), *self.vet(path))
        if problems:
            raise self._refused(policy.version, slot, problems, note)
        entry = self.registry.put(
            bundle,
            kind=Kind.ROLLED_BACK,
            slot=slot,
            version=policy.version,
            by=self.by,
            note=note,
            restores=target.seq,
        )
        return self._done(entry, policy)

    def _clashes(self, policy: Policy) -> Iterator[str]:
        """What is wrong between it and those that were applied beside it."""
        slots: dict[str, Policy] = {}
        if self.configured is not None:
            with contextlib.suppress(InvalidDocument):
                found = load_policy(self.configured)
                slots[slot_of(found)] = found
        for slot, seq in self.registry.current().items():
            with contextlib.suppress(InvalidDocument, SealBroken):  # what cannot be read here, routers have told of
                bundle = self.registry.applied(seq, slot=slot).bundle
                if bundle is not None:
                    slots[slot] = bundle.load()
        slots[slot_of(policy)] = policy
        return (f"{policy.name}: {problem}" for problem in clashes(slots.values()))

    def _done(self, entry: Entry, policy: Policy | None) -> Done:
        followed = self.followers.wait(self._routers, slot=entry.slot, seq=entry.seq, timeout_s=FOLLOWED_S)
        return Done(
            entry=entry,
            unserved=tuple(unserved(policy, self.census.workers())) if policy else (),
            followed=tuple(followed),
            routers=self._routers(),
        )

    def _routers(self) -> tuple[str, ...]:
        return tuple(worker.name for worker in self.census.workers() if worker.role == "router")

    def _refused(self, version: str | None, slot: str, problems: tuple[str, ...], note: str) -> Refused:
        self.registry.tell(Kind.REFUSED, slot=slot, version=version, by=self.by, problems=problems, note=note)
        return Refused(version, problems)


def open_desk(settings: Settings, *, vet: Vet) -> Desk:
    """Raises StoreUnavailable, and InvalidSettings where the inside key here is not the installation's."""
    redis = connections.connect(connections.addresses(settings).store, timeout_s=settings.store_timeout_s)
    ring = keyring(settings, Zone.INSIDE)
    keychecks.check(redis, [ring])
    return Desk(
        Registry(redis, Seals({Zone.INSIDE: ring})),
        Census(redis),
        Followers(redis),
        vet=vet,
        configured=settings.policy_file,
        by=f"{getpass.getuser()}@{socket.gethostname()}",
    )


def unserved(policy: Policy, workers: Iterable[Presence]) -> Iterable[Unserved]:
    """The lanes that nobody serves. Workers read the lanes of their own file: applying a policy does not move them."""
    serving = [worker for worker in workers if worker.role == "worker"]
    for name, lane in policy.lanes.items():
        zones = {worker.zone for worker in serving if name in worker.lanes}
        if not zones:
            yield Unserved(lane=name, why="no running worker serves it: its jobs wait until one does")
        elif lane.zone.value not in zones:
            served = ", ".join(sorted(map(str, zones)))
            yield Unserved(lane=name, why=f"the policy has it {lane.zone.value}, and its workers are {served}")


def _last(history: list[Entry]) -> Entry:
    if not history:
        raise Misuse("nothing was ever applied, so there is nothing to roll back")
    return history[-1]


def _before(history: list[Entry], slot: str) -> Entry | None:
    """What was in force before the present entry, stepping over rollbacks; None: the configured file."""
    mine = [entry for entry in history if entry.slot == slot]
    present = mine[-1]
    origin = present.restores or present.seq
    earlier = [entry for entry in mine if entry.seq < origin and entry.kind is not Kind.ROLLED_BACK]
    return earlier[-1] if earlier else None


def _named(history: list[Entry], to: str) -> Entry:
    """By `#3`, by version, or by the beginning of its hash. The latest where one version was applied often."""
    found = [
        entry
        for entry in history
        if entry.kind is not Kind.WITHDRAWN
        and (to in (f"#{entry.seq}", entry.version) or _digest_of(entry).startswith(to))
    ]
    versions = {entry.version for entry in found}
    if len(versions) != 1:
        known = ", ".join(dict.fromkeys(f"{entry.version}" for entry in history if entry.version)) or "none"
        many = "is more than one version" if versions else "was never applied"
        raise Misuse(f"{to} {many}; on record: {known}")
    return found[-1]


def _digest_of(entry: Entry) -> str:
    return (entry.version or "").partition("@")[2]
