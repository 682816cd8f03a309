"""What the audit log costs: events a second through the keeper, bytes an event in the store and in the file.

    python benchmarks/audit.py [--events N] [--json]

Needs the embedded store's server. Nothing of a running installation is touched.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tidegate import connections
from tidegate.audit.folder import Folder, files_of
from tidegate.audit.head import read_head
from tidegate.audit.keeper import Keeper
from tidegate.audit.verify import raw_lines, verified
from tidegate.connections import StoreClient
from tidegate.keys import Signer
from tidegate.ledger import states
from tidegate.ledger.store import Ledger
from tidegate.runtime.programs import store
from tidegate.runtime.server import find_server, prepare
from tidegate.settings import Settings

NOTE = {
    "rule": "simple-runs-local",
    "policy": "default@3f9c0c1d2e4a",
    "zone": "inside",
    "lanes": ["local-small", "openai-small"],
    "level": "personal",
    "types": {"EMAIL_ADDRESS": 2, "PERSON": 1},
    "band": "simple",
    "tokens": 212,
}
"""A decision as it stands in an event."""

_PIPELINE = 500


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = _measured(Path(folder), given.events)
    if given.json:
        print(json.dumps(measured))
        return
    for name, value in measured.items():
        print(f"{name:28} {value:>14,}")


def _measured(folder: Path, events: int) -> dict[str, Any]:
    settings = Settings(data=folder)
    config = prepare(settings, fsync="no")
    program = store((str(find_server().path), str(config)))
    process = _started(program.command)
    try:
        redis = connections.connect(connections.addresses(settings).store, timeout_s=60)
        _await(redis)
        return {**_moves(redis), **_kept(redis, folder / "audit", events)}
    finally:
        process.terminate()
        process.wait()


def _moves(redis: StoreClient) -> dict[str, Any]:
    """A move with the journal, and the journal's own entry alone: what it adds to a move."""
    ledger = Ledger(redis)
    count = 3000
    began = time.perf_counter()
    for number in range(count):
        name = f"{number:032x}"
        ledger.accept(name, slot=f"{name}:payload:1", envelope=b"x", keep_s=900, deadline_s=600, look_in_s=9, fields={})
        ledger.apply(name, states.place(lane="near", zone="inside", changes={}, nudge_s=9, note=NOTE))
    moved_s = time.perf_counter() - began
    redis.flushdb()
    entry = json.dumps({"at": 1.0, "move": "placed", "state": "placed", "rev": 2, "fence": 0, "note": NOTE})
    began = time.perf_counter()
    for number in range(count):
        redis.xadd("tg:journal", {"job": f"{number:032x}", "event": entry}, id="0-*")
    added_s = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(count):
        redis.ping()
    ping_s = time.perf_counter() - began
    redis.flushdb()
    return {
        "a move, µs": round(moved_s / count / 2 * 1e6),
        "of it the journal, µs": max(0, round((added_s - ping_s) / count * 1e6)),
    }


def _kept(redis: StoreClient, folder: Path, events: int) -> dict[str, Any]:
    """So many events wait, as after a keeper's absence; it works them off."""
    before = redis.info("memory")["used_memory"]
    for start in range(0, events, _PIPELINE):
        with redis.pipeline(transaction=False) as pipe:
            for number in range(start, min(events, start + _PIPELINE)):
                # Of a job's four events or so, one is a decision.
                note = NOTE if number % 4 == 1 else {"worker": "inside@host.4711"}
                event = {
                    "at": 1763800000.123456,
                    "move": "placed",
                    "state": "placed",
                    "rev": 2,
                    "fence": 0,
                    "note": note,
                }
                pipe.xadd("tg:journal", {"job": f"{number:032x}", "event": json.dumps(event)}, id="0-*")
            pipe.execute()
    waiting = redis.info("memory")["used_memory"] - before
    key = Signer(Ed25519PrivateKey.from_private_bytes(b"b" * 32))
    keeper = Keeper(redis, Folder(folder), signs=key, verifier=lambda: key.verifier, name="bench")
    began = time.perf_counter()
    while keeper.step():
        pass
    kept_s = time.perf_counter() - began
    began = time.perf_counter()
    result = verified(raw_lines(files_of(folder)), key.verifier, head=read_head(redis, key.verifier))
    verified_s = time.perf_counter() - began
    if result.findings or result.events != events:
        raise SystemExit(f"the log does not verify: {result.findings[:3]}")
    written = sum(file.stat().st_size for file in files_of(folder))
    return {
        "events": events,
        "bytes waiting in the store": round(waiting / events),
        "bytes in the file": round(written / events),
        "kept, events/s": round(events / kept_s),
        "verified, events/s": round(events / verified_s),
    }


def _started(command: tuple[str, ...]) -> Any:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _await(redis: StoreClient) -> None:
    for _ in range(200):
        try:
            redis.ping()
        except Exception:  # noqa: BLE001 - not up yet
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the store did not start")


if __name__ == "__main__":
    main()
