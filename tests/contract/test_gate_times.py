"""The gate over time, on a clock that the test moves: breaker, refusals, days, retries, balancing."""

from collections import Counter
from collections.abc import Iterator

import pytest
from clocks import Clock, clocked
from gating import Gated, api

from tidegate.connections import StoreClient
from tidegate.deployment import Deployment, Limits
from tidegate.lane import Breaker, Retry
from tidegate.ledger import states
from tidegate.ledger.gates import Gates
from tidegate.ledger.line import Shut, Taken
from tidegate.ledger.store import Ledger

Timed = tuple[Ledger, Clock]


@pytest.fixture
def timed(redis: StoreClient) -> Iterator[Timed]:
    """A ledger and its clock."""
    with clocked(redis) as found:
        yield found


def with_jobs(ledger: Ledger, count: int, **lane: object) -> Gated:
    """A lane with jobs in line."""
    made = Gated(ledger, api(**lane))
    for _ in range(count):
        made.put(deadline_s=1e6)
    return made


def broken(lane: Gated, calls: int = 3) -> None:
    """So many calls fail."""
    for found in [lane.take() for _ in range(calls)]:
        lane.fail(found)


BREAKER = Breaker(calls=3, failures=0.6, open_s=10.0, window_s=30.0)


def test_too_many_failures_open_the_breaker(timed: Timed) -> None:
    """From then on a claim says so, and for how long; no call is made, and none is counted."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 10, breaker=BREAKER)
    broken(lane)
    found = lane.take()
    assert found.permit is not None
    assert (found.permit.verdict, found.permit.again_s) == ("open", pytest.approx(10))
    assert (found.record.attempts, lane.in_flight()) == (0, 0)
    (main,) = Gates(ledger.redis).view([lane.lane])[0].deployments
    assert (main.breaker.why, main.breaker.open_s) == ("ProviderFailed", 10)


def test_a_few_failures_do_not(timed: Timed) -> None:
    """Below the share, before enough calls were seen, and of calls that are long ago."""
    ledger, clock = timed
    lane = with_jobs(ledger, 20, breaker=BREAKER)
    broken(lane, 2)
    clock.pass_by(31)
    broken(lane, 2)
    clock.pass_by(31)
    for outcome in ("ok", "failed", "ok", "failed", "job", "job"):
        lane.fail(lane.take(), outcome)
    assert lane.took() == "main"


def test_an_outage_after_a_good_time_is_noticed_as_soon(timed: Timed) -> None:
    """The last calls all failed: the good ones of the window before do not hold that up."""
    ledger, _ = timed
    lane = with_jobs(ledger, 60, breaker=BREAKER)
    for _ in range(40):
        lane.end(lane.take())
    broken(lane, 4)
    assert lane.took() == "main"
    broken(lane, 1)
    assert lane.took() == ""


def test_one_call_tries_it_and_the_wait_doubles(timed: Timed) -> None:
    """Whoever asks while it is under way is told to come again; a failed probe doubles the time, to ten minutes."""
    ledger, clock = timed
    lane = with_jobs(ledger, 60, breaker=BREAKER)
    broken(lane)
    for open_s in (10, 20, 40, 80, 160, 320, 600, 600):
        clock.pass_by(open_s - 0.5)
        assert lane.take().permit.verdict == "open"  # type: ignore[union-attr]
        clock.pass_by(0.6)
        probe = lane.take()
        assert probe.permit is not None
        assert probe.permit.probe
        second = lane.take().permit
        assert second is not None
        assert (second.verdict, second.again_s) == ("open", 1)
        lane.fail(probe)
    clock.pass_by(601)
    lane.end(lane.take())
    assert lane.took() == "main"
    assert lane.took() == "main"


@pytest.mark.parametrize("way", ["lapsed", "unsent"])
def test_a_probe_that_came_to_nothing_is_repeated_at_once(timed: Timed, way: str) -> None:
    """A worker that dies with it, or a guard that stops it, tells nothing of the provider."""
    ledger, clock = timed
    lane = with_jobs(ledger, 10, breaker=BREAKER)
    broken(lane)
    clock.pass_by(11)
    probe = lane.take()
    if way == "lapsed":
        ledger.apply(probe.record.id, states.hand_back(changes={}, nudge_s=5.0))
    else:
        lane.fail(probe, "")
    again = lane.take()
    assert again.permit is not None
    assert again.permit.probe


def test_calls_of_before_tell_nothing_after(timed: Timed) -> None:
    """An outage's stragglers do not shut a provider that is back."""
    ledger, clock = timed
    lane = with_jobs(ledger, 20, breaker=BREAKER)
    stragglers = [lane.take() for _ in range(6)]
    broken(lane)
    clock.pass_by(11)
    lane.end(lane.take())
    for found in stragglers:
        lane.fail(found)
    assert lane.took() == "main"


def test_a_dead_key_opens_at_once_and_for_longer(timed: Timed) -> None:
    """It will not mend itself in seconds."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 5, breaker=BREAKER)
    lane.fail(lane.take(), "down", error="AuthFailed")
    found = lane.take().permit
    assert found is not None
    assert (found.verdict, found.again_s) == ("open", pytest.approx(60))


def test_a_refusal_shuts_the_deployment_for_all(timed: Timed) -> None:
    """Until its provider's time has come; the second one in a minute halves the limit, for a minute."""
    ledger, clock = timed
    lane = with_jobs(ledger, 600, limits=Limits(requests_per_minute=60))
    lane.fail(lane.take(), "limited", heard={"retry_after_s": 7.0})
    clock.pass_by(6.9)
    assert isinstance(lane.ask(), Shut)
    clock.pass_by(0.2)
    assert effective(lane) == 60
    lane.fail(lane.take(), "limited", heard={"retry_after_s": 7.0})
    assert effective(lane) == 30
    clock.pass_by(30)
    assert effective(lane) == pytest.approx(45, abs=0.1)
    clock.pass_by(31)
    assert effective(lane) == 60


def test_refusals_of_one_moment_halve_once(timed: Timed) -> None:
    """Thirty calls that were under way when the provider began to refuse are one piece of news."""
    ledger, clock = timed
    lane = with_jobs(ledger, 30, limits=Limits(requests_per_minute=6000))
    under_way = [lane.take() for _ in range(10)]
    clock.pass_by(0.1)
    for found in under_way:
        lane.fail(found, "limited")
    assert effective(lane) == pytest.approx(3000, rel=0.01)


def test_without_a_limit_what_went_through_stands_in_for_it(timed: Timed) -> None:
    """A lane that names no limit slows down all the same when its provider refuses."""
    ledger, clock = timed
    lane = with_jobs(ledger, 700)
    for _ in range(600):
        lane.end(lane.take())
    lane.fail(lane.take(), "limited")
    assert effective(lane) == pytest.approx(300.5, abs=0.1)
    clock.pass_by(600)
    assert effective(lane) is None


def test_one_refusal_of_a_lane_that_has_just_begun_does_not_stop_it(timed: Timed) -> None:
    """Two calls in the last minute are no limit: the next one waits for seconds, not for a minute."""
    ledger, clock = timed
    lane = with_jobs(ledger, 10)
    lane.end(lane.take())
    lane.fail(lane.take(), "limited")
    clock.pass_by(1.1)
    for _ in range(2):
        lane.end(lane.take())
    assert effective(lane) == pytest.approx(150, rel=0.05)


def test_the_provider_s_word_counts_where_it_is_lower(timed: Timed) -> None:
    """Its headers name the limit: for ten minutes, then the policy's counts again."""
    ledger, clock = timed
    lane = with_jobs(ledger, 10, limits=Limits(requests_per_minute=600))
    lane.end(lane.take(), heard={"requests_limit": 120.0, "requests_left": 119.0})
    assert effective(lane) == 120
    lane.end(lane.take(), heard={"requests_limit": 5000.0})
    assert effective(lane) == 600
    lane.end(lane.take(), heard={"requests_limit": 120.0})
    clock.pass_by(601)
    assert effective(lane) == 600


def test_nothing_left_waits_for_one_call_s_share(timed: Timed) -> None:
    """An answer that says `remaining: 0` and when all is back shuts the deployment until one call fits."""
    ledger, clock = timed
    lane = with_jobs(ledger, 5, limits=Limits(requests_per_minute=600))
    lane.end(lane.take(), heard={"requests_limit": 600.0, "requests_left": 0, "requests_reset_s": 60.0})
    assert isinstance(lane.ask(), Shut)
    clock.pass_by(0.11)
    lane.fail(lane.take(), "limited", heard={"requests_left": 0, "requests_reset_s": 60.0})
    clock.pass_by(59)
    assert isinstance(lane.ask(), Shut)
    clock.pass_by(2)
    assert isinstance(lane.ask(), Taken)


def test_a_day_s_limit_is_any_24_hours(timed: Timed) -> None:
    """What was used leaves after a day, not at midnight."""
    ledger, clock = timed
    lane = with_jobs(ledger, 40, limits=Limits(requests_per_day=10, tokens_per_day=2500))
    went = []
    for _ in range(300):
        if lane.took():
            went.append(clock.now)
        clock.pass_by(900)
    for at in went:
        assert sum(at <= other < at + 86_400 for other in went) <= 10
    assert len(went) >= 30


def test_tokens_are_held_by_estimate_and_given_back(timed: Timed) -> None:
    """A call that used less than it might have makes room for the next."""
    ledger, clock = timed
    lane = Gated(ledger, api(limits=Limits(tokens_per_minute=6000)))
    for _ in range(4):
        lane.put(tokens=100, most=2400, deadline_s=1e6)
    first = lane.take()
    clock.pass_by(10)
    assert isinstance(lane.ask(), Shut)
    lane.end(first, tokens=200)
    assert isinstance(lane.ask(), Taken)
    (main,) = Gates(ledger.redis).view([lane.lane])[0].deployments
    assert main.tokens_per_minute.used == 2700


def test_a_job_larger_than_the_limit_has_the_minute_for_itself(timed: Timed) -> None:
    """It is not shut out for ever."""
    ledger, clock = timed
    lane = Gated(ledger, api(limits=Limits(tokens_per_minute=100)))
    lane.put(tokens=5000, most=100, deadline_s=1e6)
    lane.put(tokens=1, most=1, deadline_s=1e6)
    assert lane.took() == "main"
    clock.pass_by(59)
    assert lane.took() is None


def test_what_cannot_be_in_time_goes_on_to_another_lane(timed: Timed) -> None:
    """Only where there is one: else it stays in line, for limits may be lifted."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 1, limits=Limits(requests_per_minute=1))
    assert lane.took() == "main"
    lane.put("alone", deadline_s=30.0)
    assert isinstance(lane.ask(), Shut)
    ledger.apply("alone", states.cancel())
    lane.put("movable", deadline_s=30.0, lanes=("api", "spare"))
    found = lane.take().permit
    assert found is not None
    assert found.verdict == "limited"


def test_weights_hold_where_nothing_is_in_flight(timed: Timed) -> None:
    """By chance, in proportion: a quiet lane does not give all to one deployment."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 400, deployments=(Deployment(name="a", weight=3), Deployment(name="b", weight=1)))
    went: Counter[str] = Counter()
    for _ in range(400):
        found = lane.take()
        assert found.permit is not None
        went[found.permit.deployment] += 1
        lane.end(found)
    assert 240 <= went["a"] <= 350


def test_slow_and_failing_deployments_get_less(timed: Timed) -> None:
    """Before a breaker would open."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 700, deployments=[{"name": name} for name in ("slow", "fine", "bad")])
    went: Counter[str] = Counter()
    for turn in range(600):
        found = lane.take()
        assert found.permit is not None
        name = found.permit.deployment
        went[name] += 1
        if name == "bad" and turn % 3 == 0:
            lane.fail(found)
        else:
            lane.end(found, took_s=3.0 if name == "slow" else 1.0)
    assert went["fine"] > 1.5 * went["slow"]
    assert went["fine"] > 1.5 * went["bad"]


def test_a_retry_goes_to_another_deployment(timed: Timed) -> None:
    """The one that failed a job is its last choice."""
    ledger, _clock = timed
    for turn in range(10):
        lane = Gated(ledger, api(name=f"api{turn}", deployments=(Deployment(name="a"), Deployment(name="b"))))
        job = lane.put(f"job{turn}", lanes=(lane.lane.name,))
        first = lane.take()
        lane.fail(first)
        ledger.apply(job, states.release(rev=ledger.get(job).rev, nudge_s=5.0))
        second = lane.take()
        assert first.permit is not None
        assert second.permit is not None
        assert {first.permit.deployment, second.permit.deployment} == {"a", "b"}


def test_a_removed_deployment_drops_out(timed: Timed) -> None:
    """What the policy does not name gets no call, whatever the store remembers of it."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 20, deployments=(Deployment(name="a"), Deployment(name="b")))
    lane.end(lane.take())
    lane.lane = api(deployments=(Deployment(name="b"),))
    assert {lane.took() for _ in range(5)} == {"b"}


def test_the_retry_budget_is_a_share_of_first_tries(timed: Timed) -> None:
    """Ten are kept in reserve; each five first tries allow one more at a share of a fifth."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 30, retry=Retry(budget=0.2))
    assert [ledger.line.retry("api") for _ in range(11)] == [True] * 10 + [False]
    for _ in range(4):
        lane.end(lane.take())
    assert not ledger.line.retry("api")
    lane.end(lane.take())
    assert ledger.line.retry("api")
    assert not ledger.line.retry("api")


def test_a_permit_that_somebody_wrote_holds_up_nothing(timed: Timed) -> None:
    """Whatever lies in that field, the job can be moved."""
    ledger, _clock = timed
    lane = with_jobs(ledger, 4)
    for text in ("", "no json", "[1]", '{"verdict": "granted"}'):
        found = lane.take()
        ledger.redis.hset(f"tg:job:{found.record.id}", "permit", text)
        lane.end(found)


def effective(lane: Gated) -> float | None:
    """Requests a minute that count now."""
    redis = lane.ledger.redis
    gates = Gates(redis, clock=lambda: float(redis.get("test:clock") or 0))
    return gates.view([lane.lane])[0].deployments[0].requests_per_minute.effective
