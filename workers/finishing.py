"""Finishing: a run's answer becomes a sealed result on record, or waits there for a router to look at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from tidegate.keys import Verifier
from tidegate.lane import Lane
from tidegate.ledger import states
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.ledger.store import Applied, Ledger, Stored
from tidegate.logs import logger
from tidegate.prices import cost as run_cost
from tidegate.result import Answer, JobResult, Timings
from tidegate.vault import Vault, new_slot
from workers import guard
from workers.outcomes import Outcomes

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Finishing:
    """Ends runs that have an answer."""

    ledger: Ledger
    vault: Vault
    outcomes: Outcomes
    verifier: Callable[[], Verifier]
    result_keep_s: int

    def finish(
        self,
        record: Record,
        lane: Lane,
        answer: Answer,
        *,
        claim: Applied,
        run_s: float,
        settled: Callable[[float | None], Settled],
        batch: str | None = None,
        price_share: float = 1.0,
        called: str | None = None,
    ) -> tuple[JobResult, Applied]:
        """Put the answer on record. Raises Conflict for who lost the job.

        `settled`: what the call came to, by its cost. `batch`: the provider's that the answer came from. `called`: the
        deployment, where it is another one than the permit's.
        """
        called = called or (record.permitted.deployment if record.permitted else None)
        result = result_of(
            record, lane, answer, at=claim.at, run_s=run_s, batch=batch, price_share=price_share, called=called
        )
        looked_at = guard.answer_is_looked_at(record, lane, verifier=self.verifier)
        slot = new_slot(record.id, "answer" if looked_at else "result")  # nobody reads an answer as a result
        sealed = self.vault.seals.seal(lane.zone, slot, result.to_json().encode())
        left_s = max(0, int(record.deadline_at - claim.at))  # an answer may wait that long for a router
        stored = Stored(slot=slot, envelope=sealed, keep_s=self.result_keep_s + left_s)
        told = _Told(
            fence=claim.fence,
            changes={
                "model": lane.model,
                "cost_usd": _number(result.cost_usd),
                "priced": result.priced.to_json() if result.priced else "",
            },
            note={"lane": lane.name, "usage": answer.usage.model_dump(), "finish_reason": answer.finish_reason},
            settled=settled(result.cost_usd),
        )
        if looked_at:
            move = states.answer(slot=slot, nudge_s=self.outcomes.nudge_s, **told)
        else:
            move = states.succeed(slot=slot, **told)
        # Refused where the lease had lapsed: another run counts, and a zombie's result is not even stored.
        applied = self.ledger.apply(record.id, move, texts=[stored])
        event = "job.answered" if looked_at else "job.succeeded"
        log.info(event, job=record.id, lane=lane.name, attempt=record.attempts, run_s=run_s)
        if looked_at and applied.ring:
            self.outcomes.wake_router(record.id, priority=record.priority)
        return result, applied


def result_of(
    record: Record,
    lane: Lane,
    answer: Answer,
    *,
    at: float,
    run_s: float,
    batch: str | None,
    price_share: float,
    called: str | None,
) -> JobResult:
    """An answer as its job's result. `at`: when the run began. `called`: the deployment, where that is known."""
    queued_s = at - record.accepted_at
    cost = run_cost(lane, answer.usage, model=answer.model, deployment=lane.deployment(called))
    return JobResult(
        job_id=record.id,
        text=answer.text,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        cost_usd=cost.usd * price_share if cost else None,
        priced=cost.priced if cost else None,
        batch=batch,
        lane=lane.name,
        zone=lane.zone,
        model=answer.model,
        attempts=record.attempts,
        timings=Timings(queued_s=queued_s, run_s=run_s, total_s=queued_s + run_s),
        embeddings=answer.embeddings,
        confidence=answer.confidence,
        tool_calls=answer.tool_calls,
        logprobs=answer.logprobs,
        repaired=answer.repaired,
    )


class _Told(TypedDict):
    """What a run's end says, whoever has the next word."""

    fence: int
    changes: dict[str, str]
    note: dict[str, Any]
    settled: Settled | None


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
