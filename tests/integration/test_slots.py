"""A worker takes a message only while it has a free slot of that lane: real worker processes, real brokers."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from workers_at_work import Workers, workers

from tidegate.client import Client
from tidegate.ledger.states import State
from tidegate.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


LANES: dict[str, dict[str, object]] = {
    "slow": {"backend": "noop", "model": "noop-100000ms", "concurrency": 1},
    "quick": {"backend": "noop", "model": "noop", "concurrency": 1},
}
"""A slow job takes longer than any test: it ends when it is cancelled."""


@pytest.fixture(params=["redis", "rabbitmq"])
def pair(request: pytest.FixtureRequest, client: Client, settings: Settings) -> Iterator[Workers]:
    """Two workers; each has one slot of the slow lane and one of the quick one."""
    if request.param == "rabbitmq":
        try:
            rabbit = request.getfixturevalue("rabbit")
        except pytest.FixtureLookupError:
            pytest.skip("no RabbitMQ among the fixtures")
        settings = settings.model_copy(update={"broker_url": SecretStr(rabbit.url())})
    with workers(client, settings, LANES) as found:
        found.start()
        found.start()
        yield found


def test_a_full_lane_goes_to_another_worker_and_holds_up_no_other_lane(pair: Workers) -> None:
    """The second slow job starts elsewhere, quick ones run beside them, and the third waits for a free slot."""
    first = pair.place("slow")
    here = pair.await_state(first, State.RUNNING).worker
    second = pair.place("slow")
    assert pair.await_state(second, State.RUNNING).worker != here
    third = pair.place("slow")
    quick = [pair.place("quick") for _ in range(10)]
    for job_id in quick:
        pair.await_state(job_id, State.SUCCEEDED)
    assert pair.client.record(third).state is State.PLACED
    assert pair.client.record(first).state is State.RUNNING
    pair.client.cancel(first)
    assert pair.await_state(third, State.RUNNING).worker == here
    for job_id in (second, third):
        pair.client.cancel(job_id)
    burst = [pair.place("quick") for _ in range(60)]  # every message is taken, without a janitor that rings again
    for job_id in burst:
        assert pair.await_state(job_id, State.SUCCEEDED, within_s=60).attempts == 1
