"""What the tests of shared calls have in common: a lane's line, and whoever moves jobs through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doubles import RecordingDoorbell, answer, decision, lane

from router.placement import Placement
from tidegate.client import Client
from tidegate.decision import Decision
from tidegate.errors import Reason
from tidegate.job import Job
from tidegate.keys import signer
from tidegate.lane import Lane, Zone
from tidegate.ledger import states
from tidegate.ledger.line import Join, Taken
from tidegate.ledger.states import State
from tidegate.ledger.store import Applied, Stored
from tidegate.result import JobResult, Timings
from tidegate.settings import Settings
from tidegate.vault import new_slot
from workers.flights import Flights
from workers.janitor import Janitor

FAR = lane("far", zone=Zone.OUTSIDE)
JOIN: Join = (FAR.joins, 100.0)
SURE = Job(text="one and the same")


@dataclass
class Bench:
    """What a test moves jobs with."""

    client: Client
    placement: Placement
    flights: Flights
    janitor: Janitor

    def place(self, job: Job = SURE, *, lane: Lane = FAR, decided: Decision | None = None) -> str:
        """A job on a lane, as the router puts it there."""
        job_id = self.client.submit(job)
        outside = lane.zone is Zone.OUTSIDE
        decided = decided or decision(lane.name, cleared=(lane.name,) if outside else ())
        self.placement.place(self.client.record(job_id), job, decided, rewritten=False)
        return job_id

    def take(self, *, lane: Lane = FAR, join: Join = JOIN) -> Taken | None:
        """The next job that is to run by itself."""
        claim = states.claim(worker="w", lease_s=9.0)
        taken = self.client.ledger.line.take(lane.name, zone=lane.zone, claim=claim, join=join, woken=True)
        return taken if isinstance(taken, Taken) else None

    def lead(self, job: Job = SURE, **options: Any) -> Taken:
        """A job that runs."""
        self.place(job, **options)
        taken = self.take(lane=options.get("lane", FAR))
        assert taken is not None
        return taken

    def finish(self, leader: Taken, *, lane: Lane = FAR) -> Applied:
        """Its answer, given to those who wait for it too."""
        said = answer("yes")
        slot = new_slot(leader.record.id, "result")
        result = JobResult(
            job_id=leader.record.id,
            text=said.text,
            finish_reason=said.finish_reason,
            usage=said.usage,
            cost_usd=0.5,
            lane=lane.name,
            zone=lane.zone,
            model=said.model,
            attempts=1,
            timings=Timings(queued_s=0, run_s=1, total_s=1),
        )
        sealed = self.client.vault.seals.seal(lane.zone, slot, result.to_json().encode())
        move = states.succeed(fence=leader.claim.fence, changes={"result": slot}, note={})
        applied = self.client.ledger.apply(
            leader.record.id, move, texts=[Stored(slot=slot, envelope=sealed, keep_s=99)]
        )
        self.flights.serve(leader, lane, result, followers=applied.followers, at=applied.at)
        return applied

    def states(self, *job_ids: str) -> list[State]:
        """Where jobs are."""
        return [self.client.record(job_id).state for job_id in job_ids]

    def keys(self, kind: str) -> list[bytes]:
        """What is left in the store."""
        return list(self.client.ledger.redis.scan_iter(f"tg:{kind}:*"))


ENDS: Mapping[str, Any] = {
    "retries": lambda it: states.wait(fence=it.fence, delay_s=30, tries=1, note={}),
    "goes on": lambda it: states.hop(fence=it.fence, lane="next", zone="inside", nudge_s=5, note={}),
    "is handed back": lambda it: states.hand_back(fence=it.fence, changes={}, nudge_s=5),
    "lapses": lambda it: states.hand_back(rev=it.rev, changes={}, nudge_s=5),
    "is cancelled": lambda _: states.cancel(),
    "expires": lambda it: states.expire(rev=it.rev),
    "dies": lambda it: states.die(reason=Reason.TIMEOUT, cause="c", sources=frozenset({State.RUNNING}), fence=it.fence),
}


def bench_of(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Bench:
    """A router's placement, a worker's flights and a janitor on one store."""
    sign = signer(settings)
    flights = Flights(ledger=client.ledger, vault=client.vault, verifier=lambda: sign.verifier, result_keep_s=99)
    placement = Placement(client.ledger, client.vault, doorbell, sign, nudge_s=5.0)
    janitor = Janitor(ledger=client.ledger, doorbell=doorbell, nudge_s=5.0, max_crashes=2, period_s=1.0)
    return Bench(client, placement, flights, janitor)
