"""A process that is stopped, not killed, while it sends a batch: another one goes on, and the first wakes up again."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from batching import Bench, Killed, Trouble, batch_lane
from doubles import RecordingDoorbell

from tidegate.budget import Budget, Per
from tidegate.client import Client
from tidegate.errors import NetworkFailed
from tidegate.ledger.batches import BatchState, BatchView, LostTurn
from tidegate.ledger.states import State
from tidegate.ledger.twins import Twin
from tidegate.settings import Settings
from workers.managed.batches.batcher import Batcher

LINE_USD = (9 * 1 + 3 * 2) / 1e6 / 2


@pytest.fixture
def bench(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Iterator[Bench]:
    """A bench on an empty store, with a budget that counts, and three jobs that were set aside."""
    budget = Budget(name="house", per=Per.DAY, usd=1.0)
    with contextlib.closing(Bench(client, settings, doorbell, lane=batch_lane(), budgets=(budget,))) as made:
        made.batcher().round()
        yield made


def aside(bench: Bench) -> list[str]:
    """Three jobs in the next batch."""
    jobs = [bench.place() for _ in range(3)]
    bench.work_alone()
    return jobs


def settled(bench: Bench, batcher: Batcher) -> None:
    """Until no batch is under way and no second one is left."""
    for _ in range(40):
        batcher.round()
        if not bench.ledger.batches.under_way("api") and not bench.ledger.batches.twins.of("api"):
            return
    raise AssertionError([str(batch) for batch in bench.ledger.batches.all()])


def stopped(bench: Bench, where: str) -> tuple[Batcher, list[Batcher]]:
    """A process that is stopped there, while another one takes its turn and sends the batch."""
    others: list[Batcher] = []

    def meanwhile() -> None:
        others.append(bench.batcher())
        others[0].round()

    bench.provider.stops[where] = meanwhile
    return bench.batcher(), others


def answered_once(bench: Bench, jobs: list[str]) -> None:
    """By the batch that counts, and by no call."""
    assert {bench.client.record(job).state for job in jobs} == {State.SUCCEEDED}
    assert {job: bench.provider.answered[job] for job in jobs} == dict.fromkeys(jobs, 1)
    assert bench.calls == {}
    assert bench.account.held_nano == 0


def test_who_was_stopped_before_his_last_look_sends_nothing(bench: Bench) -> None:
    """Right before the request he asks whether it is still his to send."""
    jobs = aside(bench)
    sleeper, others = stopped(bench, "before the check")
    with pytest.raises(LostTurn):
        sleeper.round()
    assert len(bench.provider.batches) == 1
    settled(bench, others[0])
    answered_once(bench, jobs)


def test_a_turn_that_was_lost_and_won_again_is_no_right_to_send(bench: Bench) -> None:
    """The other one sent the batch and went: the sleeper may collect again, but the batch has been tried since."""
    jobs = aside(bench)
    sleeper, others = stopped(bench, "before the check")
    bench.provider.looks = 5
    meanwhile = bench.provider.stops["before the check"]

    def and_back() -> None:
        meanwhile()
        others[0].desk.batches.leave_turn("api", token=others[0].token)
        assert sleeper.renew()

    bench.provider.stops["before the check"] = and_back
    with pytest.raises(LostTurn):
        sleeper.round()
    assert len(bench.provider.batches) == 1
    settled(bench, sleeper)
    answered_once(bench, jobs)


@pytest.mark.parametrize("lines_done", [0, 3])
def test_a_second_batch_is_cancelled_and_what_it_cost_is_told(bench: Bench, lines_done: int) -> None:
    """Stopped after that look: there are two. The later one is cancelled, and its lines are counted as paid twice."""
    jobs = aside(bench)
    bench.provider.looks = 6
    sleeper, others = stopped(bench, "after the check")
    with pytest.raises(LostTurn):
        sleeper.round()
    assert bench.ledger.batches.twins.of("api") != []
    first, second = bench.provider.batches.values()
    second.untried = lines_done == 0
    settled(bench, others[0])
    assert (first.cancelled, second.cancelled) == (False, True)
    answered_once(bench, jobs)
    (batch,) = bench.ledger.batches.all()
    cost_usd = LINE_USD * lines_done
    assert (batch.provider_id, batch.twins, batch.outcome) == (first.id, second.id, "settled")
    assert batch.twice_usd == pytest.approx(cost_usd)
    assert bench.account.spent_nano == pytest.approx((3 * LINE_USD + cost_usd) * 1e9)
    assert [bench.client.record(job).cost_usd for job in jobs] == [pytest.approx(LINE_USD)] * 3
    each_nano = round((LINE_USD + cost_usd / 3) * 1e9)
    assert [bench.client.record(job).spent_nano for job in jobs] == [each_nano] * 3


def test_the_list_tells_of_a_second_batch_whose_maker_died(bench: Bench) -> None:
    """He woke up, sent it and was killed before he could tell: it is found when the batch is over, by our id."""
    jobs = aside(bench)
    bench.provider.looks = 6
    sleeper, others = stopped(bench, "after the check")
    sleeper.desk.batches.twins.saw = _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        sleeper.round()
    others[0].round()
    (batch,) = bench.ledger.batches.all()
    assert (batch.state, batch.tries, len(bench.provider.batches)) == (BatchState.SENT, 2, 2)
    settled(bench, others[0])
    assert [one.cancelled for one in bench.provider.batches.values()] == [False, True]
    answered_once(bench, jobs)


def _killed(*_: object) -> None:
    raise Killed


def test_one_that_is_found_is_no_second_one(bench: Bench) -> None:
    """The sleeper's batch came first after all: the other finds it, and sends none."""
    jobs = aside(bench)
    trouble = Trouble()
    dying = bench.batcher(trouble)
    dying.desk.batches.step = _lost_after(dying)  # type: ignore[method-assign]
    with pytest.raises(LostTurn):
        dying.round()
    (twin,) = bench.ledger.batches.twins.of("api")
    settled(bench, bench.batcher())
    assert [one.id for one in bench.provider.batches.values()] == [twin.provider_id]
    (batch,) = bench.ledger.batches.all()
    assert (batch.provider_id, batch.twins, batch.twice_usd) == (twin.provider_id, "", None)
    answered_once(bench, jobs)


def _lost_after(batcher: Batcher) -> Callable[..., BatchView]:
    """Its turn is lost when the batch is made."""
    step = batcher.desk.batches.step

    def lost(batch: BatchView, *, token: str, **changes: Any) -> BatchView:
        if changes.get("state") is BatchState.SENT:
            raise LostTurn("another collects")
        return step(batch, token=token, **changes)

    return lost


def test_a_second_batch_is_counted_once(bench: Bench) -> None:
    """Whoever counts it dies, or the provider fails: the next one counts what was not counted."""
    jobs = aside(bench)
    bench.provider.looks = 4
    sleeper, others = stopped(bench, "after the check")
    with pytest.raises(LostTurn):
        sleeper.round()
    others[0].close()
    for step in range(1, 40, 2):
        with contextlib.suppress(Killed, NetworkFailed):
            dying = bench.batcher(Trouble(at={step: Killed}))
            for _ in range(3):
                dying.round()
    settled(bench, bench.batcher())
    (batch,) = bench.ledger.batches.all()
    assert len(batch.twins.split()) == 1
    assert batch.twice_usd == pytest.approx(3 * LINE_USD)
    assert bench.account.spent_nano == round(6 * LINE_USD * 1e9)
    assert {bench.client.record(job).state for job in jobs} == {State.SUCCEEDED}


def test_a_second_batch_that_the_provider_does_not_know_is_let_be(bench: Bench) -> None:
    """It is gone already: nothing is left to do."""
    bench.ledger.batches.twins.saw(replace(_twin(_sent(bench)), provider_id="p-unknown"))
    settled(bench, bench.batcher())
    assert bench.ledger.batches.all()[0].twice_usd == 0.0


def _sent(bench: Bench) -> BatchView:
    aside(bench)
    bench.batcher().round()
    return bench.ledger.batches.all()[0]


def _twin(batch: BatchView) -> Twin:
    """One of it."""
    return Twin(provider_id="p9", lane="api", batch_id=batch.id, deployment=batch.deployment, price_share=0.5)


def test_twins_are_told_apart_by_lane(bench: Bench) -> None:
    """What is kept of them: whose they are, at which deployment, at what price."""
    seen = _twin(_sent(bench))
    bench.ledger.batches.twins.saw(seen)
    assert bench.ledger.batches.twins.of("api") == [seen]
    assert bench.ledger.batches.twins.of("other") == []
