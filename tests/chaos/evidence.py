"""The evidence after a run: what producers noted, the store holds and the provider received. Read, not judged."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.arena import Arena
from tidegate.connections import StoreClient
from tidegate.names import STORE_PREFIX

_BATCH = 500
_AUDIT_S = 30.0
"""The keeper of the audit log may still be writing."""
_EVENT = re.compile(r" event=([a-z_.]+)")
_MARKER = re.compile(r"mk[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A job as its producer noted it."""

    kind: str
    marker: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """A job as the store holds it now."""

    fields: dict[str, str]
    moves: list[dict[str, Any]]

    @property
    def state(self) -> str:
        """Its state."""
        return self.fields["state"]

    def count(self, *moves: str) -> int:
        """How often it was moved so."""
        return sum(event["move"] in moves for event in self.moves)


@dataclass(kw_only=True)
class Evidence:
    """All of it."""

    accepted: dict[str, Accepted] = field(default_factory=dict)
    seen: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """The end of a job as a producer first saw it, and the slot of its result."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)
    """What the vault holds."""
    endless: list[str] = field(default_factory=list)
    """Keys of ended jobs and of the vault that would stay for ever."""
    indexes: dict[str, set[str]] = field(default_factory=dict)
    """Each index of the store by its key, with the ids of accepted jobs in it."""
    ended: dict[str, int] = field(default_factory=dict)
    """What the census counts."""
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Each budget's accounts in each period, by their key."""
    calls: Counter[str] = field(default_factory=Counter)
    """The provider's calls by idempotency key; '' for those without."""
    outside_markers: set[str] = field(default_factory=set)
    audited: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The audit log's lines, by job and move."""
    audit_findings: list[str] = field(default_factory=list)
    """What is wrong with the log itself."""
    events: Counter[str] = field(default_factory=Counter)
    """What the processes' logs say, by event."""


def gather(arena: Arena, redis: StoreClient) -> Evidence:
    """Read everything."""
    evidence = Evidence()
    _read_books(evidence, arena.plan.ledgers)
    _read_records(evidence, redis)
    _read_keys(evidence, redis)
    _read_provider(evidence, arena.record)
    _read_audit(evidence, arena)
    _read_logs(evidence, arena.plan.folder / "logs")
    return evidence


def accepted_ids(ledgers: Sequence[Path]) -> list[str]:
    """Who was accepted, by the producers' files alone."""
    evidence = Evidence()
    _read_books(evidence, ledgers)
    return list(evidence.accepted)


def _read_books(evidence: Evidence, ledgers: Sequence[Path]) -> None:
    for line in (line for path in ledgers for line in _lines(path)):
        if "id" in line:
            evidence.accepted[line["id"]] = Accepted(kind=line["kind"], marker=line["marker"])
        elif "end" in line:
            evidence.seen.setdefault(line["end"], (line["state"], line["result"]))
        else:
            evidence.notes.append(line["note"])


def _read_records(evidence: Evidence, redis: StoreClient) -> None:
    ids = list(evidence.accepted)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        with redis.pipeline(transaction=False) as pipe:
            for job_id in batch:
                pipe.hgetall(f"{STORE_PREFIX}:job:{job_id}")
                pipe.lrange(f"{STORE_PREFIX}:job:{job_id}:history", 0, -1)
            rows = pipe.execute()
        for job_id, fields, history in zip(batch, rows[::2], rows[1::2], strict=True):
            if fields:
                texts = {key.decode(): value.decode() for key, value in fields.items()}
                evidence.found[job_id] = Found(fields=texts, moves=[json.loads(line) for line in history])


def _read_keys(evidence: Evidence, redis: StoreClient) -> None:
    vault, job = f"{STORE_PREFIX}:vault:", f"{STORE_PREFIX}:job:"
    for keys in _batches(key.decode() for key in redis.scan_iter(f"{STORE_PREFIX}:*", count=1000)):
        with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.ttl(key)
                pipe.type(key)
            rows = pipe.execute()
        for key, ttl, kind in zip(keys, rows[::2], rows[1::2], strict=True):
            if key.startswith(vault):
                evidence.slots.add(key.removeprefix(vault))
            if key.startswith((vault, job)):
                evidence.endless += [key] if ttl < 0 else []
            elif key.startswith(f"{STORE_PREFIX}:budget:"):
                account = redis.hgetall(key).items()
                evidence.accounts[key] = {name.decode(): value.decode() for name, value in account}
            elif kind in (b"zset", b"set", b"list", b"hash"):
                evidence.indexes[key] = _members(redis, key, kind.decode()) & evidence.accepted.keys()
    counts = redis.hgetall(f"{STORE_PREFIX}:ended")
    evidence.ended = {state.decode(): int(count) for state, count in counts.items()}


def _members(redis: StoreClient, key: str, kind: str) -> set[str]:
    read = {
        "zset": lambda: redis.zrange(key, 0, -1),
        "set": lambda: redis.smembers(key),
        "list": lambda: redis.lrange(key, 0, -1),
        "hash": lambda: redis.hkeys(key),
    }
    return {member.decode(errors="replace") for member in read[kind]()}


def _read_provider(evidence: Evidence, record: Path) -> None:
    for call in _lines(record):
        evidence.calls[call["headers"].get("idempotency-key", "")] += 1
        evidence.outside_markers |= set(_MARKER.findall(call["body"]))


def _read_audit(evidence: Evidence, arena: Arena) -> None:
    until = time.monotonic() + _AUDIT_S
    while any(told["waiting"] for told in _audit(arena, "head")) and time.monotonic() < until:
        time.sleep(0.5)
    said = _audit(arena, "verify") or [{"findings": [{"verdict": "broken", "where": "", "what": "it was not read"}]}]
    findings = [one for one in said[-1]["findings"] if one["verdict"] != "note"]
    evidence.audit_findings = [f"{one['verdict']} {one['where']}: {one['what']}" for one in findings]
    for line in _audit(arena, "show"):
        evidence.audited[line.get("job", ""), line.get("event", {}).get("move", "")] += 1


def _audit(arena: Arena, *words: str) -> list[dict[str, Any]]:
    command = (sys.executable, "-P", "-m", "tidegate", "audit", *words, "--json")
    env = arena.environment_of("janitor")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _read_logs(evidence: Evidence, folder: Path) -> None:
    for path in folder.glob("*.log"):
        with path.open(encoding="utf-8", errors="replace") as file:
            evidence.events.update(found[1] for line in file if (found := _EVENT.search(line)))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):  # who was killed in mid-line had not said it
                yield json.loads(line)


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
