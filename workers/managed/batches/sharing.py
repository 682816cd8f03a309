"""A line's answer for the jobs that asked the same, where the job that it was made for has ended by itself."""

from tidegate.errors import RunError, Unavailable
from tidegate.ledger.batches import BatchView
from tidegate.ledger.line import Taken
from tidegate.ledger.moving import Applied
from tidegate.ledger.record import Record
from tidegate.logs import logger
from tidegate.result import JobResult
from workers.finishing import result_of
from workers.managed.batches.api import Answered, BatchApi
from workers.managed.batches.desk import Desk
from workers.managed.repairing import without_asking

log = logger(__name__)


def share(desk: Desk, batch: BatchView, api: BatchApi, record: Record, answered: Answered) -> None:
    """Give those who wait what the line came to. The job itself was cancelled, or expired: it has paid, no more.

    They are in line again, for a call of their own, where that is no answer.
    """
    if not desk.batches.waited_for([record.id]):
        return
    try:
        leader, result = _result(desk, batch, api, record, answered)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, others must not wait for it
        log.warning("batch.unshared", batch=batch.id, job=record.id, error=type(error).__name__)
        desk.let_go([record.id])
        return
    waiters = desk.batches.end_wait(record.id, answered=True)
    desk.running.flights.serve(leader, desk.lane, result, followers=waiters.fences, at=waiters.at)


def _result(desk: Desk, batch: BatchView, api: BatchApi, record: Record, answered: Answered) -> tuple[Taken, JobResult]:
    """What would have been the job's own result, held to the same promise."""
    if answered.content is None or answered.error is not None:
        raise answered.error or RunError("the line was not tried")
    now, began = desk.now(), batch.sending_at or batch.formed_at
    envelope = desk.running.vault.envelope(record.outside or "")
    run = desk.running.opening.run_of(record, desk.lane, envelope=envelope, now=now)
    answer = without_asking(api.read(answered.content, run), run, desk.lane)
    result = result_of(
        record,
        desk.lane,
        answer,
        at=began,
        run_s=now - began,
        batch=batch.id,
        price_share=batch.price_share,
        called=batch.deployment,
    )
    claim = Applied(rev=record.rev, fence=record.fence, at=began)
    return Taken(record=record, claim=claim, slot=record.outside, envelope=envelope, ring=""), result
