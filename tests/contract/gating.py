"""A gated lane in tests: jobs in line, takes as a worker makes them, and the moves that end a run."""

import json
from dataclasses import dataclass
from typing import Any

from doubles import decision

from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.line import Idle, Shut, Taken
from tidegate.ledger.permits import Settled, gate_of
from tidegate.ledger.store import Applied, Ledger

LEASE_S = 15.0


def api(**changes: Any) -> Lane:
    """A lane outside."""
    return Lane(
        **{"name": "api", "zone": Zone.OUTSIDE, "backend": "openai", "model": "m", "context_tokens": 4096, **changes}
    )


SHARING = """\
version: 1
name: seen
lanes:
  small:
    zone: inside
    backend: openai
    model: m
    base_url: http://127.0.0.1:1
    context_tokens: 4096
    limits: {shared: prod, requests_per_minute: 600}
  large:
    zone: inside
    backend: openai
    model: l
    base_url: http://127.0.0.1:1
    context_tokens: 4096
    deployments:
      - {name: a, limits: {shared: prod, requests_per_minute: 600}}
      - {name: b}
default: {send: small, why: for the test}
"""
"""Two lanes, and limits that one of them and a deployment of the other share."""


@dataclass
class Gated:
    """One lane's line on a real store."""

    ledger: Ledger
    lane: Lane
    made: int = 0

    def put(
        self, job_id: str = "", *, tokens: int = 10, most: int = 90, deadline_s: float = 300.0, **given: Any
    ) -> str:
        """One more job in line."""
        self.made += 1
        job_id = job_id or f"j{self.made:05}"
        self.ledger.accept(
            job_id,
            slot=f"{job_id}:p",
            envelope=b"sealed",
            keep_s=500,
            deadline_s=deadline_s,
            look_in_s=10.0,
            fields={"tenant": given.pop("tenant", "acme")}
            | ({"priority": given.pop("priority")} if "priority" in given else {}),
        )
        changes = {
            "tokens": str(tokens),
            "max_tokens": str(most),
            "decision": decision(*given.pop("lanes", (self.lane.name,))).to_json(),
        }
        self.ledger.apply(
            job_id, states.place(lane=self.lane.name, zone="outside", changes=changes, nudge_s=10.0, note={})
        )
        return job_id

    def ask(self, **given: Any) -> Taken | Shut | Idle:
        """What a worker is told."""
        claim = states.claim(worker="w", lease_s=LEASE_S)
        return self.ledger.line.take(self.lane.name, zone=self.lane.zone, claim=claim, gate=gate_of(self.lane), **given)

    def take(self, **given: Any) -> Taken:
        """A run; an assertion where there is none."""
        found = self.ask(**given)
        assert isinstance(found, Taken), found
        return found

    def took(self) -> str | None:
        """The deployment that the next job was sent to; None where there is no room."""
        found = self.ask()
        return found.permit.deployment if isinstance(found, Taken) and found.permit else None

    def end(self, taken: Taken, **settled: Any) -> Applied:
        """It was answered."""
        said = Settled(**{"outcome": "ok", "tokens": 20, "usd": 0.0, "took_s": 0.1, **settled})
        return self.ledger.apply(
            taken.record.id, states.succeed(fence=taken.claim.fence, changes={}, note={}, settled=said)
        )

    def fail(self, taken: Taken, outcome: Any = "failed", *, error: str = "ProviderFailed", **settled: Any) -> Applied:
        """It failed; the job waits."""
        said = Settled(outcome=outcome, error=error, tokens=0, usd=0.0, took_s=0.1, **settled)
        return self.ledger.apply(
            taken.record.id,
            states.wait(fence=taken.claim.fence, delay_s=60.0, tries=1, note={}, settled=said),
        )

    def in_flight(self, deployment: str = "main") -> int:
        """Calls under way, as the gate counts them."""
        return int(self.ledger.redis.zcard(f"tg:gate:{self.lane.name}@{deployment}/flight"))

    def place(self, deployment: str | None = "main") -> dict[str, str]:
        """All that the gate knows of a deployment, or (None) of the lane."""
        at = f"@{deployment}" if deployment else ""
        found = self.ledger.redis.hgetall(f"tg:gate:{self.lane.name}{at}")
        return {key.decode(): value.decode() for key, value in found.items()}

    def history(self, job_id: str) -> str:
        """A job's history as text."""
        return json.dumps([event.note for event in self.ledger.history(job_id)])
