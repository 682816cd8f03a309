"""Replicas: a submit that counts only when other servers have it too, so that a failover does not lose it.

Redis replicates after it has answered: a master that dies takes along what its replicas had not yet been sent. With
`TIDEGATE_STORE_REPLICAS` a submit waits for that many of them.
"""

from tidegate.connections import StoreClient
from tidegate.errors import StoreUnavailable
from tidegate.ledger.faults import store_errors
from tidegate.names import STORE_PREFIX

_SHARE = 0.8
"""Of the time for an answer: the server says that it waited in vain before the client stops listening."""


def await_replicas(
    client: StoreClient, job_id: str, *, replicas: int, timeout_s: float, prefix: str = STORE_PREFIX
) -> None:
    """Until so many replicas have the job's record. Raises StoreUnavailable: it may be on record, or be lost.

    WAIT speaks of its own connection's writes, so one is made here: what replicas have of it, they have of the record,
    which came before. Was there a failover in between, the record is looked for on the new master.
    """
    if not replicas:
        return
    with store_errors(), client.pipeline(transaction=False) as pipe:
        pipe.exists(f"{prefix}:job:{job_id}")
        pipe.set(f"{prefix}:replicated", 1)
        pipe.execute_command("WAIT", replicas, int(timeout_s * _SHARE * 1000))
        there, _, reached = pipe.execute()
    if not there or reached < replicas:
        raise StoreUnavailable(
            f"the job is on fewer than {replicas} replicas of the store: submit it again with the same idempotency key"
        )
