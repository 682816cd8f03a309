"""The databases of all hints, and the question to them. The only file that imports Hyperscan."""

import codecs
import contextlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from queue import SimpleQueue
from typing import Any

import hyperscan

from router.signals.sensitivity.gate import Hints
from router.signals.sensitivity.gate.cache import Kept
from router.signals.sensitivity.gate.necessary import FOLDED, OTHER, Never, necessary

Expressions = tuple[tuple[str, str], ...]
"""Hyperscan's patterns, each with its hint's name before it."""

SHARD_PATTERNS = 48
"""To compile takes longer than in proportion; to ask several databases takes microseconds more than to ask one."""


MAX_ENDS = 2000
"""A text with more is full of it."""


class HyperscanGate:
    """The gate that asks Hyperscan. May be asked from several threads."""

    def __init__(self, hints: Hints, *, plain: Sequence["Shard"], other: Sequence["Shard"]) -> None:
        self._names = frozenset(hints)
        self._locators = Locators(hints)
        self._plain = tuple(plain)
        self._other = tuple(other)
        for text in ("a", "\u00e4"):
            self.hints(text)  # what was compiled for another machine fails now

    def hints(self, text: str) -> frozenset[str]:
        """The names of what may be in a text. What is not named is not there."""
        seen: set[str] = set()
        if text.isascii():
            data, shards = text.encode("ascii"), self._plain
        elif any(char in text for char in FOLDED):
            return self._names
        else:
            data, shards = text.encode("ascii", ONE_BYTE_EACH), self._other
        for shard in shards:
            shard.scan(data, seen)
        return frozenset(seen)

    def ends(self, text: str, name: str) -> Sequence[int] | None:
        """Where the matches of a hint end, in order; None where nobody can tell, or there are too many to tell apart.

        What answers is compiled beside the work, when a hint is first asked for: till then nobody can tell.
        """
        if not text.isascii() and any(char in text for char in FOLDED):
            return None
        shard = self._locators.of(name, ascii_only=text.isascii())
        return shard.ends(text.encode("ascii", ONE_BYTE_EACH)) if shard else None


class Locators:
    """One database a hint, which tells every place. Made in a thread of their own: some take seconds to compile."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._made: dict[tuple[str, bool], Shard | None] = {}
        """None: it is being made, or cannot be made."""
        self._wanted: SimpleQueue[tuple[str, bool]] = SimpleQueue()
        self._worker: threading.Thread | None = None
        self._lock = threading.Lock()

    def of(self, name: str, *, ascii_only: bool) -> "Shard | None":
        """The database; None where there is none yet."""
        key = (name, ascii_only)
        if key not in self._made:
            self._made[key] = None
            self._wanted.put(key)
            with self._lock:
                if self._worker is None:
                    self._worker = threading.Thread(target=self._work, name="gate-locators", daemon=True)
                    self._worker.start()
        return self._made[key]

    def make(self, name: str, *, ascii_only: bool) -> None:
        """Make one now. A hint for which that fails is looked for everywhere."""
        expressions = tuple(_expressions({name: self._hints[name]}, ascii_only=ascii_only))
        try:
            self._made[name, ascii_only] = _opened(expressions, every=True) if expressions else None
        except hyperscan.error:
            self._made[name, ascii_only] = None

    def _work(self) -> None:
        while True:
            name, ascii_only = self._wanted.get()
            self.make(name, ascii_only=ascii_only)


class Shard:
    """One compiled database of some hints."""

    def __init__(self, names: Sequence[str], compiled: bytes) -> None:
        """Raises hyperscan.error for what this version on this machine cannot use."""
        self._names = tuple(names)
        self._database = hyperscan.loadb(compiled, hyperscan.HS_MODE_BLOCK)
        self._threads = threading.local()

    def scan(self, data: bytes, seen: set[str]) -> None:
        """Add the names of what is in there."""
        names = self._names

        def see(number: int, *_: Any) -> None:
            seen.add(names[number])

        self._database.scan(data, match_event_handler=see, scratch=self._room())

    def ends(self, data: bytes) -> Sequence[int] | None:
        """Where matches end, each place once; None where there are more than it is worth to tell."""
        found: set[int] = set()

        def see(_number: int, _start: int, end: int, *_: Any) -> bool:
            found.add(end)
            return len(found) > MAX_ENDS

        with contextlib.suppress(hyperscan.ScanTerminated):
            self._database.scan(data, match_event_handler=see, scratch=self._room())
        return sorted(found) if len(found) <= MAX_ENDS else None

    def _room(self) -> hyperscan.Scratch:
        """The room that a scan works in: one a thread. Hyperscan's binding would crash without."""
        try:
            room: hyperscan.Scratch = self._threads.room
        except AttributeError:
            room = self._threads.room = hyperscan.Scratch(self._database)
        return room


def open_gate(tables: Iterable[Hints]) -> HyperscanGate:
    """The gate for all the hints of some tables, from the cache or else compiled, which takes seconds.

    Raises hyperscan.error, and ValueError for a pattern that cannot be a gate's.
    """
    tables = tuple(tables)
    hints = {name: patterns for table in tables for name, patterns in table.items()}
    plain, other = ([_opened(shard) for shard in _shards(tables, ascii_only=only)] for only in (True, False))
    return HyperscanGate(hints, plain=plain, other=other)


def _opened(expressions: Expressions, *, every: bool = False) -> Shard:
    names = tuple(dict.fromkeys(name for name, _ in expressions))
    kept = Kept(version("hyperscan"), expressions, every)
    found = kept.read()
    if found:
        try:
            return Shard(names, found)
        except hyperscan.error:
            pass  # another processor's: compiled anew
    compiled = _compiled(expressions, names, every=every)
    kept.write(compiled)
    return Shard(names, compiled)


def _shards(tables: Iterable[Hints], *, ascii_only: bool) -> Iterator[Expressions]:
    """A table's own shards: where one table changes, the others' stay in the cache."""
    for table in tables:
        expressions = tuple(_expressions(table, ascii_only=ascii_only))
        for start in range(0, len(expressions), SHARD_PATTERNS):
            yield expressions[start : start + SHARD_PATTERNS]


def _expressions(table: Hints, *, ascii_only: bool) -> Iterator[tuple[str, str]]:
    for name, patterns in table.items():
        for pattern in patterns:
            try:
                yield name, necessary(pattern, ascii_only=ascii_only)
            except Never:
                continue
            except (re.error, OverflowError, RecursionError):
                raise ValueError(f"the hint {name} has a pattern that cannot be read") from None


def _compiled(expressions: Expressions, names: Sequence[str], *, every: bool) -> bytes:
    """One database. It tells of each name at most once a text, or of `every` place where a match ends."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[expression.encode("ascii") for _, expression in expressions],
        ids=[names.index(name) for name, _ in expressions],
        elements=len(expressions),
        flags=[0 if every else hyperscan.HS_FLAG_SINGLEMATCH] * len(expressions),
    )
    return hyperscan.dumpb(database)


ONE_BYTE_EACH = "tidegate.one_byte_each"
"""How the gate encodes what is not ASCII: every such character, half ones too, as one byte."""

codecs.register_error(ONE_BYTE_EACH, lambda error: (bytes([OTHER]) * (error.end - error.start), error.end))  # type: ignore[attr-defined]
