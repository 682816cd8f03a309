"""The keys of one use, as they are kept, and the texts that each step of a rotation makes; none is written here."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tidegate import keys, rotation
from tidegate.connections import StoreClient
from tidegate.errors import Misuse
from tidegate.keychecks import print_of
from tidegate.keyfiles import Source
from tidegate.keys import Signer, Verifier
from tidegate.lane import Zone
from tidegate.settings import Settings
from tidegate.vault import Seals


class Use(StrEnum):
    """What a key is for."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    CLEARANCE = "clearance"
    AUDIT = "audit"


class Does(StrEnum):
    """What a key does now."""

    SEALS = "seals and opens"
    OPENS = "opens"
    SIGNS = "signs"
    BELIEVED = "is believed"
    PREPARED = "is prepared to sign"


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key, without itself."""

    use: Use
    id: str
    print: str
    does: Does


@dataclass(frozen=True, kw_only=True)
class Change:
    """One place whose text is to be another one."""

    source: Source
    text: str
    public: bool = False


class Kept(Protocol):
    """The keys of one use, as they are kept, and each step of a rotation as the texts that it makes."""

    def all(self) -> list[Key]:
        """Each key."""

    def prepared(self) -> tuple[str, list[Change]]:
        """A new key's id, and what adds it."""

    def activated(self, key_id: str) -> list[Change]:
        """What makes this key seal or sign."""

    def retired(self, key_id: str) -> list[Change]:
        """What removes this key."""

    def needed(self, client: StoreClient, key_id: str) -> str | None:
        """What would be lost without this key now; None: nothing."""


def every_key(settings: Settings) -> Iterator[Key]:
    """All keys that this process is given."""
    for use in Use:
        if is_here(settings, use):
            yield from kept(settings, use).all()


def is_here(settings: Settings, use: Use) -> bool:
    """Whether this machine was given keys of a use. Looking must not make any."""
    if use in (Use.INSIDE, Use.OUTSIDE):
        return keys.ring_source(settings, Zone(use.value)).there
    checks = keys.verifier_source(settings, use)
    return keys.signer_source(settings, use).there or (checks is not None and checks.there)


def kept(settings: Settings, use: Use) -> Kept:
    """How keys of a use are kept. Raises Misuse where there are none here."""
    if not is_here(settings, use):
        raise Misuse(f"no {use} keys here: run this where TIDEGATE_{use.upper()}_KEY, or its key folder, is")
    return Sealing(settings, Zone(use.value)) if use in (Use.INSIDE, Use.OUTSIDE) else Signing(settings, use)


@dataclass(frozen=True)
class Sealing:
    """A zone's keyring."""

    settings: Settings
    zone: Zone

    def all(self) -> list[Key]:
        """Each key, the one that seals last."""
        ring = keys.keyring(self.settings, self.zone)
        last = ring.sealing[0]
        return [
            Key(use=Use(self.zone.value), id=name, print=print_of(key), does=Does.SEALS if name == last else Does.OPENS)
            for name, key in ring.keys.items()
        ]

    def prepared(self) -> tuple[str, list[Change]]:
        """Before the others: it opens, and does not seal."""
        ring, key_id = rotation.prepared(keys.keyring(self.settings, self.zone))
        return key_id, [self._change(ring)]

    def activated(self, key_id: str) -> list[Change]:
        """To the end: it seals."""
        return [self._change(rotation.activated(keys.keyring(self.settings, self.zone), key_id))]

    def retired(self, key_id: str) -> list[Change]:
        """Out of the ring."""
        return [self._change(rotation.retired(keys.keyring(self.settings, self.zone), key_id))]

    def needed(self, client: StoreClient, key_id: str) -> str | None:
        """Envelopes that it sealed. Applied policies are sealed anew first: they never expire."""
        if self.zone is Zone.INSIDE:
            rotation.reseal_policies(client, Seals({self.zone: keys.keyring(self.settings, self.zone)}), key_id)
        found = rotation.still_sealed(client, self.zone, key_id)
        if not found.envelopes:
            return None
        return f"{found.envelopes} texts are sealed with it, the last for {found.longest_s / 3600:.1f} hours more"

    def _change(self, ring: keys.Keyring) -> Change:
        return Change(source=keys.ring_source(self.settings, self.zone), text=ring.text())


@dataclass(frozen=True)
class Signing:
    """A signing key and the public halves that are believed. Known by the print of the public half."""

    settings: Settings
    use: Use

    def all(self) -> list[Key]:
        """Each key, the one that signs last."""
        hands = self._hands()
        signing = list(hands)[-1] if hands else ""
        does = {name: Does.SIGNS if name == signing else Does.PREPARED for name in hands}
        ids = self._ids()
        ordered = [name for name in ids if name != signing] + ([signing] if signing in ids else [])
        return [Key(use=self.use, id=name, print=name, does=does.get(name, Does.BELIEVED)) for name in ordered]

    def prepared(self) -> tuple[str, list[Change]]:
        """First who checks learns of it; who signs has it before the one that signs."""
        hand = rotation.new_signer()
        halves = Verifier((*self._verifier().keys, *hand.verifier.keys))
        texts = [hand.text(), *(one.text() for one in self._hands().values())]
        return print_of(hand.verifier.raw), [self._public(halves), self._secret("".join(texts))]

    def activated(self, key_id: str) -> list[Change]:
        """Only this one signs; what the old one signed is believed until it is retired."""
        hands = self._hands()
        if key_id not in hands:
            raise Misuse(f"no {self.use} key {key_id} to sign with; there is: {', '.join(hands)}")
        return [self._secret(hands[key_id].text())]

    def retired(self, key_id: str) -> list[Change]:
        """Its public half is believed no more."""
        if self.use is Use.AUDIT:
            raise Misuse("old lines of the audit log are checked with old public halves: none is retired")
        ids = self._ids()
        if key_id in self._hands():
            raise Misuse(f"{key_id} signs, or is prepared to: rotate first")
        if key_id not in ids:
            raise Misuse(f"no {self.use} key {key_id}; there is: {', '.join(ids)}")
        halves = self._verifier().keys
        return [self._public(Verifier(tuple(half for half in halves if half != halves[ids[key_id]])))]

    def needed(self, client: StoreClient, key_id: str) -> str | None:
        """Open jobs whose clearance it signed."""
        halves = self._verifier().keys
        count = rotation.still_signed(client, Verifier((halves[self._ids()[key_id]],)))
        return f"{count} open jobs have a clearance that it signed" if count else None

    def _hands(self) -> dict[str, Signer]:
        """The private halves, by print; none on a machine that only checks."""
        source = keys.signer_source(self.settings, self.use)
        if not source.there:
            return {}
        hands = [Signer.parse(entry, source=source.name) for entry in source.text().replace(",", "\n").split()]
        return {print_of(hand.verifier.raw): hand for hand in hands}

    def _verifier(self) -> Verifier:
        return keys.verifier(self.settings, self.use)

    def _ids(self) -> dict[str, int]:
        return {print_of(raw): number for number, raw in enumerate(self._verifier().raws)}

    def _secret(self, text: str) -> Change:
        return Change(source=keys.signer_source(self.settings, self.use), text=text)

    def _public(self, verifier: Verifier) -> Change:
        source = keys.verifier_source(self.settings, self.use)
        if source is None:
            raise Misuse(f"TIDEGATE_{self.use.upper()}_PUB must be set to rotate: who checks needs both public halves")
        return Change(source=source, text=verifier.text(), public=True)
