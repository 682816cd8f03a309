"""Replicas: a submit that counts only when other servers have it too, so that a failover does not lose it.

Redis replicates after it has answered: a master that dies takes along what its replicas had not yet been sent. With
`TIDEGATE_STORE_REPLICAS` a submit waits for that many of them.
"""

from collections.abc import Sequence

from tidegate.connections import StoreClient
from tidegate.errors import StoreUnavailable
from tidegate.ledger.faults import store_errors
from tidegate.names import STORE_PREFIX

_SHARE = 0.8
"""Of the time for an answer: the server says that it waited in vain before the client stops listening."""


def await_replicas(
    client: StoreClient, job_ids: Sequence[str], *, replicas: int, timeout_s: float, prefix: str = STORE_PREFIX
) -> None:
    """Until so many replicas have the jobs' records. Raises StoreUnavailable: they may be on record, or be lost.

    WAIT speaks of its own connection's writes, so one is made here: what replicas have of it, they have of the records,
    which came before. Was there a failover in between, the records are looked for on the new master.
    """
    if not replicas or not job_ids:
        return
    with store_errors(), client.pipeline(transaction=False) as pipe:
        pipe.exists(*(f"{prefix}:job:{job_id}" for job_id in job_ids))
        pipe.set(f"{prefix}:replicated", 1)
        pipe.execute_command("WAIT", replicas, int(timeout_s * _SHARE * 1000))
        there, _, reached = pipe.execute()
    if there < len(job_ids) or reached < replicas:
        raise StoreUnavailable(
            f"fewer than {replicas} replicas of the store have what was submitted: "
            "submit it again with the same idempotency key"
        )
