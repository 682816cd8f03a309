"""Writes the fixture beside it: what a store of this release holds, one job for each state. Run it at a release only.

`python tests/contract/stored/write.py > tests/contract/stored/v1.json`
"""

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from doubles import KEYS, RecordingDoorbell, decision  # noqa: E402
from servers import store_server  # noqa: E402

from router.placement import Placement  # noqa: E402
from tidegate.client import Client  # noqa: E402
from tidegate.errors import Reason  # noqa: E402
from tidegate.job import Job  # noqa: E402
from tidegate.keys import signer  # noqa: E402
from tidegate.lane import Zone  # noqa: E402
from tidegate.ledger import states  # noqa: E402
from tidegate.ledger.states import State  # noqa: E402
from tidegate.result import JobResult, Timings, Usage  # noqa: E402
from tidegate.settings import load  # noqa: E402
from tidegate.vault import new_slot  # noqa: E402

FAR = 4102444800.0
"""The year 2100: a stored job must not expire before it is read."""


def main() -> None:
    """One job each, by the same moves that the processes make."""
    with tempfile.TemporaryDirectory() as folder, store_server(Path(folder)) as server:
        settings = load(data=Path(folder), broker_url=server.broker_url, store_url=server.store_url, **KEYS)
        client = Client(settings)
        client.doorbell = RecordingDoorbell()
        placement = Placement(client.ledger, client.vault, client.doorbell, signer(settings), nudge_s=1)
        for state in State:
            _make(client, placement, state)
        _make(client, placement, State.PLACED, outside=True)
        json.dump(_dumped(client.ledger.redis), sys.stdout, indent=1, sort_keys=True)


def _make(client: Client, placement: Placement, state: State, *, outside: bool = False) -> None:
    job = Job(text=f"stored while {state}", tenant="acme")
    job_id = client.submit(job, job_id=f"stored-{state}" + ("-outside" if outside else ""))
    client.ledger.redis.hset(f"tg:job:{job_id}", "deadline_at", f"{FAR:.6f}")
    if state is State.CANCELLED:
        client.cancel(job_id)
    if state is State.EXPIRED:
        client.ledger.apply(job_id, states.expire(rev=1))
    if state in {State.ACCEPTED, State.CANCELLED, State.EXPIRED}:
        return
    lanes = ("api", "local") if outside else ("local",)
    chosen = decision(*lanes, cleared=("api",) if outside else ())
    placement.place(client.record(job_id), job, chosen, rewritten=False)
    if state is not State.PLACED:
        _run(client, job_id, state)


def _run(client: Client, job_id: str, state: State) -> None:
    client.ledger.apply(job_id, states.claim(worker="worker-of-then", lease_s=15))
    if state is State.WAITING:
        client.ledger.apply(job_id, states.wait(fence=1, delay_s=1, tries=1, note={"error": "RateLimited"}))
    if state is State.DEAD:
        sources = frozenset({State.RUNNING})
        client.ledger.apply(job_id, states.die(reason=Reason.POISON, cause="twice", sources=sources, fence=1))
    if state is State.SUCCEEDED:
        slot = new_slot(job_id, "result")
        client.vault.put(slot, _result(job_id).to_json().encode(), zone=Zone.INSIDE, keep_s=86_400)
        client.ledger.apply(job_id, states.succeed(fence=1, changes={"result": slot}, note={"lane": "local"}))


def _result(job_id: str) -> JobResult:
    return JobResult(
        job_id=job_id,
        text="answered then",
        finish_reason="stop",
        usage=Usage(prompt_tokens=3, completion_tokens=2),
        lane="local",
        zone=Zone.INSIDE,
        model="small-1",
        attempts=1,
        timings=Timings(queued_s=0.1, run_s=0.2, total_s=0.3),
    )


def _dumped(redis: Any) -> dict[str, Any]:
    """Every key of ours by its type. Values in base64 where they are no text: envelopes."""
    read = {
        "hash": lambda key: {_text(name): _text(value) for name, value in redis.hgetall(key).items()},
        "zset": lambda key: {_text(member): score for member, score in redis.zrange(key, 0, -1, withscores=True)},
        "list": lambda key: [_text(line) for line in redis.lrange(key, 0, -1)],
        "string": lambda key: base64.b64encode(redis.get(key)).decode(),
    }
    found = {}
    for key in sorted(redis.scan_iter("tg:*")):
        kind = redis.type(key).decode()
        found[key.decode()] = {"type": kind, "value": read[kind](key)}
    return found


def _text(value: bytes) -> str:
    return value.decode()


if __name__ == "__main__":
    main()
