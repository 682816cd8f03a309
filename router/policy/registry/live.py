"""The policies in force in one router: it follows the registry and the configured file, and swaps them whole.

Who asks gets a policy that was loaded and checked here, never half of one. What cannot be taken is told, as a log event
and in the registry's history, and what ran goes on. A router that starts where the applied policy cannot be taken goes
back to the last one that can; where there is none it decides nothing, and jobs wait.
"""

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.registry.entry import FALLBACK, Entry, Kind
from router.policy.registry.followers import Followers
from router.policy.registry.scope import slot_of
from router.policy.registry.source import Source
from router.policy.registry.store import Applied, Registry
from tidegate.errors import InvalidDocument, PolicyUnavailable, SealBroken, Unavailable
from tidegate.ledger.refusals import Refusals
from tidegate.logs import logger

LOOK_S = 0.5
"""Between two looks where no notice came: half of what is promised, with room for a slow store."""

_LOOKS_AN_ANNOUNCEMENT = 20
"""A router says which entry it follows long before what it said is forgotten."""

log = logger(__name__)

Vet = Callable[[Path], tuple[str, ...]]
"""What speaks against a policy beyond what its loader says: a counterexample, a failed case."""

Choose = Callable[[Mapping[str, Policy], str], Policy]
"""The policy for a tenant, among those in force by slot."""


@dataclass(frozen=True)
class InForce:
    """What decides now. Swapped as one."""

    configured: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    applied: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    """The entry that each slot follows; a withdrawn slot has an entry and no applied policy."""
    unfit: frozenset[str] = frozenset()
    """Slots where a policy is applied and none can be taken."""
    known: bool = False
    """Whether the registry was ever seen."""

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By slot: what was applied, and the configured ones where nothing was."""
        return {**self.configured, **self.applied}


class Live:
    """Thread-safe: readers see one snapshot; one thread follows."""

    def __init__(
        self,
        registry: Registry,
        configured: Path,
        *,
        name: str,
        vet: Vet,
        choose: Choose,
        followers: Followers | None = None,
    ) -> None:
        self._registry = registry
        self._source = Source(configured)
        self._name = name
        self._vet = vet
        self._choose = choose
        self._followers = followers
        self._in_force = InForce()
        self._refused: dict[str, int] = {}
        self._told: tuple[str, ...] = ()
        self._looking = threading.Lock()

    @property
    def in_force(self) -> InForce:
        """What decides now."""
        return self._in_force

    def of(self, tenant: str) -> Policy:
        """The policy for a tenant's job. Raises PolicyUnavailable, StoreUnavailable while nobody knows which it is."""
        if not self._in_force.known:
            self.refresh()
        now = self._in_force
        if now.unfit:
            raise PolicyUnavailable(f"the policy that was applied ({', '.join(sorted(now.unfit))}) cannot be read here")
        try:
            return self._choose(now.policies, tenant)
        except LookupError as exc:
            raise PolicyUnavailable(f"tenant {tenant}: {exc}") from None

    def start(self) -> None:
        """Take the configured file. Raises InvalidDocument where it is broken and nothing else is in force."""
        try:
            self._take_file(vetted=False)
        except InvalidDocument as exc:
            try:
                self.refresh()
            except Unavailable:
                raise exc from None
            if not self._in_force.applied:
                raise
            self._tell_broken_file(exc.problems)

    def refresh(self) -> None:
        """Look once at the registry and at the file. Raises StoreUnavailable; what runs goes on."""
        with self._looking:
            if self._source.changed():
                self._reload_file()
            current = self._registry.current()
            before = self._in_force
            for slot, seq in current.items():
                running = self._in_force.entries.get(slot)
                if (running is None or running.seq != seq) and self._refused.get(slot) != seq:
                    self._follow(slot, seq)
            if not self._in_force.known:
                self._in_force = replace(self._in_force, known=True)
            if self._in_force.entries != before.entries:
                self._announce()

    def follow(self, stop: threading.Event) -> None:
        """Follow until told to stop: by notices, and by looking where one was missed."""
        while not stop.is_set():
            try:
                with self._registry.notices() as notices:
                    for look in itertools.count():
                        if stop.is_set():
                            return
                        self.refresh()
                        if look % _LOOKS_AN_ANNOUNCEMENT == 0:
                            self._announce()
                        notices.wait(LOOK_S)
            except Unavailable as exc:
                log.warning("policy.unfollowed", error=type(exc).__name__)
            except Exception as exc:  # noqa: BLE001 - whatever it was, the running policy goes on and we look again
                log.error("policy.unfollowed", error=type(exc).__name__)  # noqa: TRY400 - no file's text in a log
            stop.wait(LOOK_S)

    def _follow(self, slot: str, seq: int) -> None:
        running = self._in_force.entries.get(slot)
        try:
            applied = self._registry.applied(seq, slot=slot)
            if running is not None and applied.entry.at <= running.at:
                raise SealBroken(f"entry {seq} is older than the one that runs")  # noqa: TRY301 - told with the others
            self._swap(slot, applied, applied.bundle.load() if applied.bundle else None)
        except (InvalidDocument, SealBroken) as exc:
            self._refused[slot] = seq
            self._tell_broken(slot, seq, exc)
            if running is None:
                self._go_back(slot, seq)

    def _go_back(self, slot: str, seq: int) -> None:
        """At the start: the last entry that can be taken goes on, as it does in routers that were there."""
        for entry in reversed(self._registry.history()):
            if entry.seq >= seq or entry.slot != slot or not entry.swaps:
                continue
            with contextlib.suppress(InvalidDocument, SealBroken):
                applied = self._registry.applied(entry.seq, slot=slot)
                self._swap(slot, applied, applied.bundle.load() if applied.bundle else None)
                return
        self._in_force = replace(self._in_force, unfit=self._in_force.unfit | {slot})

    def _swap(self, slot: str, applied: Applied, policy: Policy | None) -> None:
        now = self._in_force
        policies = {key: one for key, one in now.applied.items() if key != slot}
        if policy is not None:
            policies[slot] = policy
        self._in_force = replace(
            now,
            applied=MappingProxyType(policies),
            entries=MappingProxyType({**now.entries, slot: applied.entry}),
            unfit=now.unfit - {slot},
        )
        entry = applied.entry
        log.info("policy.swapped", slot=slot, kind=entry.kind.value, policy=entry.version, entry=entry.seq, by=entry.by)

    def _reload_file(self) -> None:
        try:
            policy = self._take_file(vetted=True)
        except InvalidDocument as exc:
            self._tell_broken_file(exc.problems)
        else:
            self._told = ()
            log.info("policy.reloaded", policy=policy.version)

    def _take_file(self, *, vetted: bool) -> Policy:
        """The configured file, put in force. At the start it is only loaded: then it is what there is."""
        self._source.taken()
        policy = load_policy(self._source.path)
        problems = self._vet(self._source.path) if vetted else ()
        if problems:
            raise InvalidDocument(problems)
        self._in_force = replace(self._in_force, configured=MappingProxyType({slot_of(policy): policy}))
        return policy

    def _tell_broken(self, slot: str, seq: int, error: InvalidDocument | SealBroken) -> None:
        Refusals(self._registry.redis).met(error)
        problems = error.problems if isinstance(error, InvalidDocument) else (str(error),)
        log.error("policy.broken", slot=slot, entry=seq, problem=problems[0])
        self._on_record(slot, problems, note=f"entry {seq} was not taken", once=f"{slot}:{seq}")

    def _tell_broken_file(self, problems: tuple[str, ...]) -> None:
        if problems == self._told:
            return  # a file that cannot be read is tried again at each look
        self._told = problems
        log.error("policy.broken", file=str(self._source.path), problem=problems[0])
        note = f"{self._source.path} was not taken"
        self._on_record(FALLBACK, problems, note=note, once=_print_of(problems))

    def _on_record(self, slot: str, problems: Iterable[str], *, note: str, once: str) -> None:
        try:
            self._registry.tell(
                Kind.BROKEN, slot=slot, version=None, by=self._name, problems=tuple(problems), note=note, once=once
            )
        except Unavailable as exc:
            log.warning("policy.untold", error=type(exc).__name__)

    def _announce(self) -> None:
        if self._followers is not None:
            seqs = {slot: entry.seq for slot, entry in self._in_force.entries.items()}
            self._followers.announce(self._name, seqs)


def _print_of(problems: tuple[str, ...]) -> str:
    return "file:" + hashlib.sha256("\n".join(problems).encode()).hexdigest()[:16]
