"""One line of the audit log: canonical JSON that carries the hash of the line before it; the last of a batch is signed.

Pure. A line is written in one way only, so its bytes can be hashed: sorted keys, no blanks, ASCII.

n        counts the lines of the whole log from 1, over all files
prev     SHA-256 of the line before it, signature and all; 64 zeros before the first
kind     `event`, or what the keeper says itself: `opened` (a file begins), `gap` (entries that never reached it),
         `reset` (the journal began anew)
serial   the journal's own count: on an event, its entry's; on the keeper's lines, the last one before
sig      Ed25519 over the line without it; a batch is written at once and its last line is signed
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidegate.keys import Signs, Verifier

GENESIS = "0" * 64
"""What stands for the line before the first."""

_SIGNED_AS = b"tidegate audit line\0"
"""So that no signature of another kind of ours is one of these."""


class Kind(StrEnum):
    """What a line says."""

    EVENT = "event"
    OPENED = "opened"
    GAP = "gap"
    RESET = "reset"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the log stands: its last line."""

    n: int = 0
    hash: str = GENESIS
    serial: int = 0


Line = dict[str, Any]
"""One as it is read: its fields are told above."""


class Unreadable(ValueError):
    """Bytes that are no line of the log."""


def written(after: Place, kind: Kind, fields: Mapping[str, Any], *, serial: int, signs: Signs | None) -> bytes:
    """The next line, without its newline."""
    line = {"v": 1, "n": after.n + 1, "prev": after.hash, "kind": kind.value, "serial": serial, **fields}
    if signs is not None:
        line["sig"] = base64.b64encode(signs.sign(_SIGNED_AS + canonical(line))).decode("ascii")
    return canonical(line)


def place_of(raw: bytes) -> Place:
    """Where the log stands after this line. Raises Unreadable."""
    line = read(raw)
    return Place(n=line["n"], hash=hash_of(raw), serial=line["serial"])


def read(raw: bytes) -> Line:
    """What a line says. Raises Unreadable where it is none, or is written in another way."""
    try:
        line = json.loads(raw)
        good = isinstance(line, dict) and canonical(line) == raw and line["kind"] in set(Kind)
        good = good and all(type(line[name]) is int for name in ("n", "serial")) and isinstance(line["prev"], str)
    except (ValueError, KeyError, RecursionError, TypeError):
        good = False
    if not good:
        raise Unreadable("not a line of the log")
    return dict(line)


def signed(line: Mapping[str, Any]) -> bool:
    """Whether it carries a signature, good or not."""
    return "sig" in line


def holds(line: Mapping[str, Any], verifier: Verifier) -> bool:
    """Whether its signature is the keeper's."""
    try:
        signature = base64.b64decode(str(line["sig"]), validate=True)
    except ValueError:
        return False
    body = canonical({name: value for name, value in line.items() if name != "sig"})
    return verifier.holds(signature, _SIGNED_AS + body)


def hash_of(raw: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(raw).hexdigest()


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one way in which a line is written."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
