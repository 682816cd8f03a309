"""A batch that was sent: asked after until its provider is done, cancelled when its window ends, settled, cleaned."""

from tidegate.errors import Misuse, ModelMissing, RunError
from tidegate.ledger.batches import BatchState, BatchView
from tidegate.logs import logger
from workers.managed.batches.api import Phase
from workers.managed.batches.desk import ABANDONED, Desk
from workers.managed.batches.sending import refuse
from workers.managed.batches.settling import settle
from workers.managed.batches.twins import look_for_twins

log = logger(__name__)


def poll(desk: Desk, batch: BatchView) -> BatchView:
    """Ask how far it is. Raises a RunError where it should be asked again, LostTurn."""
    api, provider_id = desk.api(batch), batch.provider_id or ""
    try:
        progress = desk.call(api.status(provider_id), api=api)
    except ModelMissing:  # 404: the provider does not know it (any more)
        return desk.close_batch(batch, outcome=ABANDONED, cause="the provider does not know it")
    if progress.phase is Phase.FAILED:
        return refuse(desk, batch, cause="failed")
    if progress.phase is Phase.ENDED:
        return desk.step(batch, state=BatchState.SETTLING, answered=progress.answered)
    if progress.answered != batch.answered:
        batch = desk.step(batch, answered=progress.answered)
    wanted = desk.now() < batch.until and desk.wanted(batch)
    return batch if wanted else _cancelled(desk, batch)


def finish(desk: Desk, batch: BatchView) -> BatchView:
    """Read its results, give back what has none, delete what the provider keeps. Raises a RunError, LostTurn."""
    api = desk.api(batch)
    try:
        settle(desk, batch)
    except ModelMissing:  # 404: the results are gone
        log.warning("batch.results_gone", batch=batch.id)
    desk.give_back(batch)
    look_for_twins(desk, batch)
    try:
        desk.call(api.clean(desk.mark(batch), batch.provider_id), api=api)
        if batch.tries > 1:  # an upload of which no batch was made
            desk.call(api.clean(desk.mark(batch), None), api=api)
    except RunError as error:
        if desk.now() < batch.until:
            raise
        log.warning("batch.uncleaned", batch=batch.id, error=type(error).__name__)
    return desk.close_batch(batch, outcome="settled")


def abandon(desk: Desk, batch: BatchView) -> BatchView:
    """It was waited for long enough: whatever is the matter, its jobs go alone."""
    try:
        api = desk.api(batch)
        if batch.provider_id:
            desk.call(api.cancel(batch.provider_id), api=api)
        desk.call(api.clean(desk.mark(batch), batch.provider_id), api=api)
    except (RunError, Misuse) as error:
        log.warning("batch.uncleaned", batch=batch.id, error=type(error).__name__)
    return desk.close_batch(batch, outcome=ABANDONED, cause="its window is over")


def _cancelled(desk: Desk, batch: BatchView) -> BatchView:
    """Cancel it; asked again each time, as nobody knows whether the provider heard."""
    if batch.state is not BatchState.CANCELLING:
        batch = desk.step(batch, state=BatchState.CANCELLING)
    api = desk.api(batch)
    desk.call(api.cancel(batch.provider_id or ""), api=api)
    return batch
