"""Reveal: the text of a dead letter, for a person who needs to see it. On record first, shown after."""

from pydantic import ValidationError

from tidegate.client import Client
from tidegate.errors import Conflict, PayloadMissing
from tidegate.job import Job
from tidegate.ledger.states import State


def reveal(client: Client, job_id: str, *, by: str) -> Job:
    """The job as its producer sent it. Its history says who looked before anybody sees it.

    Raises Conflict where it is no dead letter, PayloadMissing where its text is gone or is no job, SealBroken where
    this process has not the inside key, UnknownJob; and whatever keeps the look from being put on record.
    """
    record = client.record(job_id)
    if record.state is not State.DEAD:
        raise Conflict(f"job {job_id} is {record.state}; only a dead letter is revealed")
    if record.payload is None:
        raise PayloadMissing(f"job {job_id}: its text is no longer kept")
    client.ledger.shelf.tell(job_id, "revealed", note={"by": by})
    try:
        return Job.from_json(client.vault.get(record.payload))
    except ValidationError:
        raise PayloadMissing(f"job {job_id}: what was sent is no job, so there is nothing to show") from None
