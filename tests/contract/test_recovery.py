"""Dead letters that are redriven once their cause is over: which, how often, how fast, and by one janitor at a time."""

import itertools
from typing import Any

import pytest
from doubles import RecordingDoorbell

from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.errors import InvalidSettings, Reason
from tidegate.ledger import states
from tidegate.ledger.census import Census, Presence
from tidegate.ledger.states import OPEN, State
from workers.recovery import EVERY_S, Recovery, causes_over, reasons_of


def died(client: Client, *, lane: str = "api", reason: Reason = Reason.PROVIDER_AUTH, ago_s: float = 60) -> str:
    """A dead letter of a lane, some time ago."""
    job_id = client.submit({"text": "x"})
    client.ledger.apply(job_id, states.die(reason=reason, cause="", sources=OPEN, changes={"lane": lane}))
    at = client.ledger.now() - ago_s
    client.ledger.redis.hset(f"tg:job:{job_id}", "ended_at", f"{at:.6f}")
    client.ledger.redis.zadd("tg:dead", {job_id: at})
    return job_id


def lane_succeeds(client: Client, lane: str = "api") -> None:
    """Another job of the lane ends well."""
    job_id = client.submit({"text": "y"})
    client.ledger.apply(job_id, states.place(lane=lane, zone="inside", changes={}, nudge_s=10, note={}))
    fence = client.ledger.apply(job_id, states.claim(worker="w", lease_s=10)).fence
    client.ledger.apply(job_id, states.succeed(fence=fence, changes={}, note={}))


def recovery(client: Client, doorbell: RecordingDoorbell, **changes: Any) -> Recovery:
    """For a provider's key, at once."""
    times = itertools.count(0.0, EVERY_S)
    given: dict[str, Any] = {
        "ledger": client.ledger,
        "doorbell": doorbell,
        "reasons": frozenset({Reason.PROVIDER_AUTH, Reason.MODEL_MISSING}),
        "most_redrives": 1,
        "per_s": 5.0,
        "causes": lambda: causes_over(Census(client.ledger.redis)),
        "clock": lambda: next(times),
    }
    return Recovery(**{**given, **changes})


def rounds(one: Recovery, redis: StoreClient, count: int = 2) -> None:
    """Some rounds, each as if its time had come."""
    for _ in range(count):
        redis.delete(*redis.keys("tg:recovery:*"), "none")
        one()


def test_letters_are_redriven_when_their_lane_succeeds_again(
    client: Client, doorbell: RecordingDoorbell, redis: StoreClient
) -> None:
    """Not before, not another lane's, and not for a reason that nobody named."""
    meant, other_lane = died(client), died(client, lane="elsewhere")
    other_reason = died(client, reason=Reason.POISON)
    one = recovery(client, doorbell)
    rounds(one, redis)
    assert client.record(meant).state is State.DEAD
    lane_succeeds(client)
    rounds(one, redis)
    assert client.record(meant).state is State.ACCEPTED
    assert client.ledger.history(meant)[-1].note == {"by": "auto"}
    assert {client.record(job_id).state for job_id in (other_lane, other_reason)} == {State.DEAD}


def test_a_letter_that_dies_again_is_left_to_people(
    client: Client, doorbell: RecordingDoorbell, redis: StoreClient
) -> None:
    """Redriven as often as allowed, whoever did it before."""
    job_id = died(client)
    one = recovery(client, doorbell)
    lane_succeeds(client)
    rounds(one, redis)
    died_again = states.die(reason=Reason.PROVIDER_AUTH, cause="", sources=OPEN, changes={"lane": "api"})
    client.ledger.apply(job_id, died_again)
    redis.zadd("tg:dead", {job_id: client.ledger.now() - 60})
    redis.hset(f"tg:job:{job_id}", "ended_at", f"{client.ledger.now() - 60:.6f}")
    lane_succeeds(client)
    rounds(one, redis, 4)
    assert (client.record(job_id).state, client.record(job_id).redrives) == (State.DEAD, 1)


def test_a_fresh_letter_is_not_hurried(client: Client, doorbell: RecordingDoorbell, redis: StoreClient) -> None:
    """A lane that fails and succeeds by turns gets its letters back after a while only."""
    job_id = died(client, ago_s=1)
    lane_succeeds(client)
    rounds(recovery(client, doorbell), redis)
    assert client.record(job_id).state is State.DEAD


def test_a_missing_model_is_over_when_a_worker_starts_anew(
    client: Client, doorbell: RecordingDoorbell, redis: StoreClient
) -> None:
    """No job comes to a lane whose model is missing, so a worker that was started since is enough."""
    missing, refused_key = died(client, reason=Reason.MODEL_MISSING), died(client)
    Census(redis).report(Presence(name="w", role="worker", lanes={"api": 1}, since=client.ledger.now()))
    rounds(recovery(client, doorbell), redis)
    assert client.record(missing).state is State.ACCEPTED
    assert client.record(refused_key).state is State.DEAD


def test_the_rate_holds_and_the_rest_follows(client: Client, doorbell: RecordingDoorbell, redis: StoreClient) -> None:
    """So many a round; the next round goes on where the last one stopped."""
    ids = [died(client) for _ in range(5)]
    lane_succeeds(client)
    one = recovery(client, doorbell, per_s=2 / EVERY_S)
    rounds(one, redis, 2)
    assert [client.record(job_id).state for job_id in ids].count(State.ACCEPTED) == 2
    rounds(one, redis, 3)
    assert {client.record(job_id).state for job_id in ids} == {State.ACCEPTED}


def test_one_janitor_at_a_time(client: Client, doorbell: RecordingDoorbell, redis: StoreClient) -> None:
    """Of two that come to their round together one looks."""
    asked = []
    causes = lambda: asked.append(1) or ()  # noqa: E731 - counts the looks
    first, second = recovery(client, doorbell, causes=causes), recovery(client, doorbell, causes=causes)
    for _ in range(2):  # twice, should the first pair fall on either side of a round's end
        redis.delete(*redis.keys("tg:recovery:*"), "none")
        before = len(asked)
        first()
        second()
        if len(asked) - before == 1:
            return
    pytest.fail("both looked")


def test_without_reasons_nobody_looks(client: Client, doorbell: RecordingDoorbell, redis: StoreClient) -> None:
    """The default: nothing is redriven that nobody asked for."""
    recovery(client, doorbell, reasons=frozenset(), causes=lambda: pytest.fail("looked"))()


def test_reasons_come_from_the_setting() -> None:
    """Commas and blanks; a reason that is the job's own fault is refused with those that can be."""
    assert reasons_of("") == frozenset()
    assert reasons_of(" provider_auth, timeout,") == {Reason.PROVIDER_AUTH, Reason.TIMEOUT}
    with pytest.raises(InvalidSettings, match=r"poison is never over by itself; these can be: max_attempts, model_mis"):
        reasons_of("timeout,poison")
