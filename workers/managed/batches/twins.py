"""A batch that was sent twice: the second one is cancelled, what was done of it is counted, its answers are dropped.

It can only be where a process was stopped between its last look at its turn and its request, and went on after another
had sent the batch. That one tells of it; should it die over that, the provider's list does.
"""

import contextlib
from contextlib import aclosing

from tidegate.errors import Misuse, ModelMissing, RunError
from tidegate.job import Params
from tidegate.ledger.batches import BatchView
from tidegate.ledger.permits import Settled
from tidegate.ledger.twins import Twin
from tidegate.logs import logger
from tidegate.prices import cost
from workers import settling
from workers.backend import Run
from workers.managed.batches.api import BatchApi, Mark, Phase
from workers.managed.batches.desk import Desk

log = logger(__name__)

_ANY = Run(job_id="", attempt=1, messages=(), params=Params(), timeout_s=0.0)


def look_for_twins(desk: Desk, batch: BatchView) -> None:
    """Ask the provider, where there can be any: it was tried more than once to send the batch."""
    if batch.tries < 2 or batch.provider_id is None:  # noqa: PLR2004 - once is once
        return
    try:
        api = desk.api(batch)
        for provider_id in desk.call(api.twins(desk.mark(batch), batch.provider_id), api=api):
            note_twin(desk, batch, provider_id)
    except (RunError, Misuse) as error:  # it is asked once more when the batch is over
        log.warning("batch.twins_unknown", batch=batch.id, error=type(error).__name__)


def note_twin(desk: Desk, batch: BatchView, provider_id: str) -> None:
    """The provider has a batch that may be a second one: whoever collects the lane's batches sees to it."""
    twin = Twin(
        provider_id=provider_id,
        lane=batch.lane,
        batch_id=batch.id,
        deployment=batch.deployment,
        price_share=batch.price_share,
    )
    desk.batches.twins.saw(twin)


def part_with(desk: Desk, twin: Twin) -> bool:
    """One step further with a batch that may be a second one. True where nothing is left to do. Raises a RunError."""
    batch = desk.batches.get(twin.batch_id)
    if batch is not None and batch.provider_id is None and not batch.over:
        return False  # it may be found yet, and be the one
    if batch is not None and batch.provider_id == twin.provider_id:
        desk.batches.twins.forget(twin)
        return True
    api = desk.open_api(twin.deployment)
    try:
        if desk.call(api.status(twin.provider_id), api=api).phase is Phase.WORKING:
            desk.call(api.cancel(twin.provider_id), api=api)
            return False
        usd = _counted(desk, api, twin)
    except ModelMissing:  # 404: the provider does not know it (any more)
        usd = 0.0
    if batch is not None and twin.provider_id not in batch.twins.split():
        twins = f"{batch.twins} {twin.provider_id}".strip()
        desk.step(batch, twins=twins, twice_usd=(batch.twice_usd or 0.0) + usd)
    log.warning("batch.sent_twice", batch=twin.batch_id, lane=desk.name, usd=usd)
    desk.batches.twins.forget(twin)
    with contextlib.suppress(RunError):  # the provider's own expiry is left to remove it
        mark = Mark(batch_id=twin.batch_id, custom_ids=frozenset())
        desk.call(api.clean(mark, twin.provider_id), api=api)
    return True


def _counted(desk: Desk, api: BatchApi, twin: Twin) -> float:
    """What its answered lines cost, each on the record of its job and in its budgets."""
    paid: dict[str, Settled] = {}

    async def read() -> None:
        async with aclosing(api.results(twin.provider_id)) as results:  # type: ignore[type-var]
            async for answered in results:
                if answered.content is not None:
                    job_id = answered.custom_id.rpartition("-")[0]
                    paid[job_id] = _settled(desk, api, twin, answered.content)

    desk.call(read(), api=api, within_s=desk.pace.read_s)
    gate = desk.running.gates.of(desk.lane)
    for job_id, settled in paid.items():
        desk.batches.twins.paid(twin, job_id, gate=gate, settled=settled)
    return sum(settled.usd or 0.0 for settled in paid.values())


def _settled(desk: Desk, api: BatchApi, twin: Twin, content: bytes) -> Settled:
    with contextlib.suppress(RunError):
        answer = api.read(content, _ANY)
        found = cost(desk.lane, answer.usage, model=answer.model, deployment=desk.lane.deployment(twin.deployment))
        return settling.answered(
            answer.usage, usd=found.usd * twin.price_share if found else None, took_s=0.0, heard=()
        )
    return Settled(tokens=0, usd=0.0)
