"""Verifying: does every line stand where it was written, and is none missing? Pure but for reading the files.

Found are lines that were changed, removed, repeated or moved, files that are missing, an end that was cut off, and
entries of the journal that never reached the log. A file whose lines were all hashed anew is found by its signatures.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tidegate.audit import line as lines
from tidegate.audit.head import Head
from tidegate.audit.line import GENESIS, Kind
from tidegate.errors import Misuse
from tidegate.keys import Verifier

_MOST_ABANDONED = 4096
"""A keeper that dies leaves one batch at most."""


class Verdict(StrEnum):
    """How bad a finding is."""

    BROKEN = "broken"
    """The log is not what the keeper wrote."""
    GAP = "gap"
    """The keeper itself put on record that something never reached it."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found, and where."""

    verdict: Verdict
    what: str
    where: str = ""
    """`file:line`."""
    n: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a look at the whole log came to."""

    lines: int
    events: int
    first: int
    last: int
    hash: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A line as it lies in a file."""

    raw: bytes
    where: str


def raw_lines(files: Iterable[Path]) -> Iterator[Raw]:
    """The lines of files, in their order, but for one that is being written. Raises Misuse where one cannot be read."""
    for path in files:
        try:
            with path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    if not raw.endswith(b"\n"):
                        break  # where it was whole once, the lines after it or the head will miss it
                    yield Raw(raw=raw.removesuffix(b"\n"), where=f"{path.name}:{number}")
        except OSError as exc:
            raise Misuse(f"{path}: cannot be read: {exc.strerror}") from None


def verified(given: Iterable[Raw], verifier: Verifier, *, head: Head | None = None) -> Verified:
    """Look at every line. `head`: how far the log must reach at least, where somebody knows."""
    look = _Look(verifier)
    for raw in given:
        look.at(raw)
    look.end(head)
    return Verified(
        lines=look.count,
        events=look.events,
        first=look.first,
        last=look.n,
        hash=look.hash,
        findings=tuple(look.findings),
    )


@dataclass(frozen=True, kw_only=True)
class _Seen:
    n: int
    hash: str
    serial: int
    event: Any


class _Look:
    """What is known after some lines."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self.findings: list[Finding] = []
        self.count = self.events = self.first = self.n = self._serial = 0
        self.hash = GENESIS
        self._signed = True
        self._last = ""
        self._recent: deque[_Seen] = deque(maxlen=_MOST_ABANDONED)
        self._awaited: dict[int, Any] = {}
        """Events of lines that a keeper wrote and could not acknowledge: they come again, by serial."""

    def at(self, given: Raw) -> None:
        """The next line."""
        self.count += 1
        try:
            line = lines.read(given.raw)
        except lines.Unreadable:
            self._broken("this line was changed: it is not as the keeper writes", given.where, self.n + 1)
            # The next one is known by its number; what this one's hash was is not.
            self.n, self.hash, self._last, self._signed = self.n + 1, "", given.where, True
            return
        if line["kind"] == Kind.OPENED and line["n"] <= self.n:
            self._step_back(line, given)
        self._serials(line, given, follows=self._order(line, given))
        self._signed = lines.signed(line)
        if self._signed and not lines.holds(line, self._verifier):
            self._broken("the signature is not the keeper's for this line", given.where, line["n"])
        self.n, self.hash, self._last = line["n"], lines.hash_of(given.raw), given.where
        event = line.get("event") if line["kind"] == Kind.EVENT else None
        self._recent.append(_Seen(n=self.n, hash=self.hash, serial=line["serial"], event=event))

    def end(self, head: Head | None) -> None:
        """After the last line."""
        if self._awaited:
            self._broken("lines of a keeper that died do not come again in the file after it", self._last, self.n)
        if not self._signed and head is not None and self.n > head.n:
            what = f"lines after {head.n} are not acknowledged yet: the keeper is writing them"
            self.findings.append(Finding(verdict=Verdict.NOTE, what=what, where=self._last, n=self.n))
        elif not self._signed:
            self._broken("the end is not signed: lines after it are missing, or it was added", self._last, self.n)
        if head is None:
            return
        if self.n < head.n:
            what = f"the keeper wrote {head.n} lines, and the last one here is {self.n}: the end is missing"
            self._broken(what, self._last, self.n)
        elif self.n == head.n and self.hash != head.hash:
            self._broken("the last line is not the one that the keeper told the store of", self._last, self.n)

    def _step_back(self, line: lines.Line, given: Raw) -> None:
        """On another machine a keeper goes on from the last acknowledged line, where the one before it died later."""
        origin = next((seen for seen in self._recent if (seen.n, seen.hash) == (line["n"] - 1, line["prev"])), None)
        if origin is None:
            return
        twice = [seen for seen in self._recent if seen.n > origin.n]
        self._awaited |= {seen.serial: seen.event for seen in twice if seen.event is not None}
        what = f"{_lines(line['n'], self.n)} there twice: a keeper died before it could say that it had written them"
        self.findings.append(Finding(verdict=Verdict.NOTE, what=what, where=given.where, n=line["n"]))
        self.n, self.hash, self._serial = origin.n, origin.hash, origin.serial

    def _order(self, line: lines.Line, given: Raw) -> bool:
        """Whether it stands right after the last one."""
        n, expected = line["n"], self.n + 1
        if self.count == 1:
            self._begins(line, given)
        elif n > expected:
            self._broken(f"{_lines(expected, n - 1)} missing before this one", given.where, n)
        elif n < expected:
            self._broken(f"this line stands in the wrong place, or twice: expected line {expected}", given.where, n)
        elif self.hash and line["prev"] != self.hash:
            self._broken(f"line {self.n} was changed, or replaced: the one after it names another", self._last, self.n)
        return self.count == 1 or n == expected

    def _begins(self, line: lines.Line, given: Raw) -> None:
        self.first = line["n"]
        self._serial = line["serial"]
        if line["kind"] == Kind.EVENT or (self.first == 1) != (line["prev"] == GENESIS):
            self._broken("this is not how a file begins: lines before it are missing", given.where, self.first)
        elif self.first > 1:
            what = f"the log here begins with line {self.first}: earlier files were put away"
            self.findings.append(Finding(verdict=Verdict.NOTE, what=what, where=given.where, n=self.first))

    def _serials(self, line: lines.Line, given: Raw, *, follows: bool) -> None:
        kind, serial, expected = line["kind"], line["serial"], self._serial + 1
        if kind == Kind.EVENT:
            self.events += 1
            if serial != expected and self.hash and follows:
                self._broken(f"entry {serial} of the journal follows {self._serial}", given.where, line["n"])
            if self._awaited.pop(serial, line.get("event")) != line.get("event"):
                self._broken("this event is another one in the file before", given.where, line["n"])
        elif kind == Kind.GAP:
            what = f"entries {line.get('first')} to {line.get('last')} of the journal never reached the log"
            self.findings.append(Finding(verdict=Verdict.GAP, what=what, where=given.where, n=line["n"]))
        elif kind == Kind.RESET:
            what = f"after entry {line.get('was')} the store was emptied, replaced, or went back to {line.get('now')}"
            self.findings.append(Finding(verdict=Verdict.GAP, what=what, where=given.where, n=line["n"]))
        self._serial = serial

    def _broken(self, what: str, where: str, n: int) -> None:
        self.findings.append(Finding(verdict=Verdict.BROKEN, what=what, where=where, n=n))


def _lines(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"
