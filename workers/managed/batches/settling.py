"""A batch's results, line by line: each job ends, or goes on alone, as after a call; what came twice counts once."""

import contextlib
from contextlib import aclosing

from tidegate.errors import Conflict, RunError, Unavailable, UnknownJob
from tidegate.job import Params
from tidegate.ledger.batches import BatchView
from tidegate.ledger.line import Taken
from tidegate.ledger.moving import Applied
from tidegate.ledger.permits import Settled
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.logs import logger
from tidegate.prices import cost
from workers import settling
from workers.backend import Run
from workers.managed.batches.api import Answered, BatchApi
from workers.managed.batches.desk import AT_ONCE, UNPAID, Desk, custom_id, holds
from workers.managed.batches.sharing import share
from workers.managed.repairing import without_asking

log = logger(__name__)

_NO_PROMISE = Params()


def settle(desk: Desk, batch: BatchView) -> None:
    """Read all results. Raises a RunError where they end too soon: the rest is read the next time."""
    if not desk.wanted(batch) and not any(record.permit for record in desk.jobs(batch)):
        return  # all was read before; perhaps the results have been deleted since
    api = desk.api(batch)
    expected = {custom_id(job_id, fence): job_id for job_id, fence in desk.batches.members(batch.id).items()}
    desk.call(_read(desk, batch, api, expected), api=api, within_s=desk.pace.read_s)


async def _read(desk: Desk, batch: BatchView, api: BatchApi, expected: dict[str, str]) -> None:
    """Some lines at a time: their records are read in one go, and a batch of any size passes through."""
    some: dict[str, Answered] = {}
    async with aclosing(api.results(batch.provider_id or "")) as results:  # type: ignore[type-var]
        async for answered in results:
            if (job_id := expected.get(answered.custom_id)) is None:
                log.warning("batch.foreign_line", batch=batch.id)
            else:
                some.setdefault(job_id, answered)
            if len(some) >= AT_ONCE:
                _settle_some(desk, batch, api, some)
                some = {}
    _settle_some(desk, batch, api, some)


def _settle_some(desk: Desk, batch: BatchView, api: BatchApi, some: dict[str, Answered]) -> None:
    for records in desk.records(list(some)):
        for record in records:
            if holds(batch, record):
                _settle_one(desk, batch, api, record, some[record.id])
            elif record.batch == batch.id and record.state in (State.CANCELLED, State.EXPIRED):
                _note_cost(desk, batch, api, record, some[record.id])
                share(desk, batch, api, record, some[record.id])


def _settle_one(desk: Desk, batch: BatchView, api: BatchApi, record: Record, answered: Answered) -> None:
    """What follows one line: the ordinary end of a run, or what the failure table says, or the line of the lane."""
    if answered.content is None and answered.error is None:
        desk.return_one(record)
        return
    with contextlib.suppress(Conflict, UnknownJob), desk.running.events.run(record.id, number=record.fence) as told:
        if answered.content is None or answered.error is not None:
            told.failed(error := answered.error or RunError("neither an answer nor an error"))
            desk.failed(record, error)
            return
        try:
            _finish(desk, batch, api, record, answered.content)
        except (Conflict, UnknownJob, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a run raises ends in the failure table
            told.failed(error)
            desk.failed(record, error, settled=_paid_in_vain(error))


def _finish(desk: Desk, batch: BatchView, api: BatchApi, record: Record, content: bytes) -> None:
    running, now = desk.running, desk.now()
    began = batch.sending_at or batch.formed_at
    envelope = running.vault.envelope(record.outside or "")
    run = running.opening.run_of(record, desk.lane, envelope=envelope, now=now)
    answer = without_asking(api.read(content, run), run, desk.lane)
    claim = Applied(rev=record.rev, fence=record.fence, at=began)
    result, applied = running.finishing.finish(
        record,
        desk.lane,
        answer,
        claim=claim,
        run_s=now - began,
        settled=lambda usd: settling.answered(answer.usage, usd=usd, took_s=None, heard=()),
        batch=batch.id,
        price_share=batch.price_share,
    )
    leader = Taken(record=record, claim=claim, slot=record.outside, envelope=envelope, ring="")
    running.flights.serve(leader, desk.lane, result, followers=applied.followers, at=applied.at)


def _paid_in_vain(error: Exception) -> Settled:
    """An answer that cannot be used was paid for all the same."""
    return settling.failed(error, took_s=0.0, time_limit_s=0.0, lane_limit_s=0.0, heard=())


def _note_cost(desk: Desk, batch: BatchView, api: BatchApi, record: Record, answered: Answered) -> None:
    """The job ended by itself meanwhile: its answer is dropped, and what it cost is settled and goes on its record."""
    if not record.permit:
        return
    settled = UNPAID if answered.content is None else Settled()
    run = Run(job_id=record.id, attempt=record.attempts, messages=(), params=_NO_PROMISE, timeout_s=0.0)
    with contextlib.suppress(RunError):
        answer = api.read(answered.content or b"", run)
        found = cost(desk.lane, answer.usage, model=answer.model, deployment=desk.lane.deployment(batch.deployment))
        usd = found.usd * batch.price_share if found else None
        settled = settling.answered(answer.usage, usd=usd, took_s=None, heard=())
    desk.batches.settle(batch.id, record.id, settled)
