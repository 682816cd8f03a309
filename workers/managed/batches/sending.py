"""A batch is sent, once: before each try it is on record that there was one, and after one the provider is asked."""

from collections import Counter

from tidegate.errors import (
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextOverflow,
    Misuse,
    ModelMissing,
    NoClearance,
    QuotaExhausted,
    RunError,
    Unavailable,
)
from tidegate.ledger.batches import BatchState, BatchView, LostTurn
from tidegate.ledger.record import Record
from tidegate.logs import logger
from workers.guard import FOREIGN_REGION
from workers.managed.batches.api import BatchApi, Line, NoBatch, NotYet, Phase, Progress
from workers.managed.batches.desk import Desk, custom_id
from workers.managed.batches.twins import look_for_twins, note_twin

REFUSED: tuple[type[Exception], ...] = (
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextOverflow,
    Misuse,
    ModelMissing,
    QuotaExhausted,
)
"""What says that a batch was not made, and will not be: its jobs go alone, where each meets what is wrong with it."""

TRIES = 12

log = logger(__name__)


def send(desk: Desk, batch: BatchView) -> BatchView:
    """Send it, or find that it was sent. Raises a RunError where another try should follow, LostTurn."""
    batch = _sending(desk, batch)
    found = _found(desk, batch) if batch.tries else None
    if found is not None:
        return _sent(desk, batch, found)
    if batch.tries >= TRIES or desk.now() > (batch.formed_at + batch.until) / 2:
        return refuse(desk, batch, cause="not sent in time")
    try:
        lines = _lines(desk, batch)
        if not lines:
            return desk.close_batch(batch, outcome="empty")
        batch = _trying(desk, batch, lines)
        return _sent(desk, batch, _submitted(desk, batch, lines))
    except REFUSED as error:
        return refuse(desk, batch, cause=type(error).__name__)


def refuse(desk: Desk, batch: BatchView, *, cause: str) -> BatchView:
    """The provider does not take it: its jobs go alone. Raises LostTurn."""
    desk.step(batch)  # who was stopped meanwhile must not take from another's batch
    _clean(desk, batch)
    return desk.close_batch(batch, outcome="refused", cause=cause)


def _sending(desk: Desk, batch: BatchView) -> BatchView:
    return batch if batch.state is BatchState.SENDING else desk.step(batch, state=BatchState.SENDING)


def _found(desk: Desk, batch: BatchView) -> Progress | None:
    """Whether an earlier try came through. Raises NotYet while the provider's list may not show it."""
    if desk.now() < (batch.tried_at or 0.0) + desk.pace.sure_s:
        raise NotYet("an earlier try may still come through")
    api = desk.api(batch)
    return desk.call(api.find(desk.mark(batch)), api=api)


def _trying(desk: Desk, batch: BatchView, lines: list[Line]) -> BatchView:
    if batch.tries:
        desk.step(batch)  # the upload that is there may be another's by now
        _clean(desk, batch)  # requests that were uploaded, and of which no batch was made
    now = desk.now()
    # From here on it may be at the provider, whatever becomes of us. Refused where it is no longer our turn.
    sending_at = batch.sending_at or now
    return desk.step(batch, tries=batch.tries + 1, tried_at=now, sending_at=sending_at, lines=len(lines))


def _submitted(desk: Desk, batch: BatchView, lines: list[Line]) -> Progress:
    api = desk.api(batch)

    def check() -> None:
        """Whoever was stopped since then makes no second one."""
        desk.step(batch)
        if any(twin.batch_id == batch.id for twin in desk.batches.twins.of(desk.name)):
            raise NotYet("an earlier try came through")

    return desk.call(api.submit(desk.mark(batch), lines, check=check), api=api, within_s=desk.pace.send_s)


def _sent(desk: Desk, batch: BatchView, progress: Progress) -> BatchView:
    state = BatchState.SENT if progress.phase is not Phase.FAILED else batch.state
    try:
        batch = desk.step(batch, state=state, provider_id=progress.provider_id)
    except LostTurn:  # we were stopped over it, and another may have sent it meanwhile
        note_twin(desk, batch, progress.provider_id)
        raise
    look_for_twins(desk, batch)
    return batch if state is BatchState.SENT else refuse(desk, batch, cause="failed")


def _lines(desk: Desk, batch: BatchView) -> list[Line]:
    """The jobs that may leave, each looked at by the guard as before a call; the others end or go their way."""
    api = desk.api(batch)
    made = [(record, line) for record in desk.held(batch) if (line := _line(desk, batch, api, record)) is not None]
    made_of = {record.id for record, _ in made}
    desk.let_go((job_id for job_id in desk.batches.members(batch.id) if job_id not in made_of), alone=False)
    if not made:
        return []
    endpoint = Counter(line.endpoint for _, line in made).most_common(1)[0][0]
    for record, line in made:
        if line.endpoint != endpoint:  # a batch is for one of them
            desk.return_one(record)
    return [line for _, line in made if line.endpoint == endpoint]


def _line(desk: Desk, batch: BatchView, api: BatchApi, record: Record) -> Line | None:
    try:
        run = desk.running.opening.admitted(
            record, desk.lane, slot=None, envelope=None, now=desk.now(), deployment=batch.deployment
        )
        return api.line(custom_id(record.id, record.fence), run)
    except Unavailable:
        raise
    except NoBatch:
        desk.return_one(record)
        return None
    except NoClearance as error:
        if error.refusal == FOREIGN_REGION:  # the lane may have a deployment elsewhere
            desk.return_one(record)
        else:
            desk.failed(record, error)
        return None
    except Exception as error:  # noqa: BLE001 - whatever a job's own trouble is ends in the failure table
        desk.failed(record, error)
        return None


def _clean(desk: Desk, batch: BatchView) -> None:
    """What lies at the provider goes; where it cannot, the provider's own expiry is left to remove it."""
    try:
        api = desk.api(batch)
        desk.call(api.clean(desk.mark(batch), batch.provider_id), api=api)
    except (RunError, Misuse) as error:
        log.warning("batch.uncleaned", batch=batch.id, error=type(error).__name__)
