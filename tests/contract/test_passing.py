"""A large job waits for tokens while smaller ones behind it go on: its own are saved up; it goes within a minute."""

from collections.abc import Iterator

import pytest
from clocks import KEY, Clock, clocked
from gating import Gated, api
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tidegate.connections import StoreClient
from tidegate.deployment import Deployment, Limits
from tidegate.ledger import states
from tidegate.ledger.line import Shut, Taken
from tidegate.ledger.store import Ledger

MOST = 6000
MINUTE_S = 60.6
Timed = tuple[Ledger, Clock]


@pytest.fixture
def timed(redis: StoreClient) -> Iterator[Timed]:
    """A ledger and its clock."""
    with clocked(redis) as found:
        yield found


def busy(ledger: Ledger, clock: Clock, **lane: object) -> Gated:
    """A lane whose tokens of the last minute are nearly all used, in small calls."""
    made = Gated(ledger, api(**{"limits": Limits(tokens_per_minute=MOST), **lane}))
    for _ in range(60):
        small(made)
        assert went(made)
        clock.pass_by(1.0)
    return made


def small(lane: Gated, job: str = "", *, tokens: int = 95, **given: object) -> str:
    """One more small job, younger than those before."""
    lane.ledger.redis.incrbyfloat(KEY, 1e-6)
    return lane.put(job, tokens=tokens, most=0, **{"deadline_s": 1e5, **given})


def large(lane: Gated, job: str = "large", *, tokens: int = 3000, **given: object) -> str:
    """One that needs half a minute's tokens."""
    return small(lane, job, tokens=tokens, **given)


def went(lane: Gated) -> str:
    """Who went, and was answered for what was estimated; '' for nobody."""
    found = lane.ask()
    if not isinstance(found, Taken):
        return ""
    assert found.permit is not None
    lane.end(found, tokens=found.permit.tokens)
    return found.record.id


def until_it_goes(lane: Gated, clock: Clock, job: str = "large", *, step_s: float = 0.5) -> tuple[float, list[str]]:
    """How long that took, and who went before."""
    began, before = clock.now, []
    while clock.now < began + 200:
        name = went(lane)
        if name == job:
            return clock.now - began, before
        before.append(name) if name else clock.pass_by(step_s)
    raise AssertionError("it starves")


def test_small_ones_pass_and_the_large_one_goes(timed: Timed) -> None:
    """Half of what becomes free goes on; the large job waits twice as long as it would, and no longer."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane)
    smalls = [small(lane) for _ in range(100)]
    waited_s, before = until_it_goes(lane, clock)
    assert 45 <= waited_s <= MINUTE_S
    assert 20 <= len(before) <= 31
    assert before == smalls[: len(before)]


def test_without_small_ones_it_waits_no_longer(timed: Timed) -> None:
    """Where nobody passes, it goes as soon as it has room."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane)
    waited_s, before = until_it_goes(lane, clock)
    assert waited_s <= 32
    assert before == []


def test_who_needs_the_whole_limit_lets_nobody_pass(timed: Timed) -> None:
    """There is nothing beside what it needs: it goes when the log is empty."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane, tokens=MOST + 5)
    small(lane)
    waited_s, before = until_it_goes(lane, clock)
    assert before == []
    assert waited_s <= MINUTE_S + 1


def test_equal_ones_keep_their_order(timed: Timed) -> None:
    """Only smaller ones pass: large ones go as they came, and small ones as they came."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    order = [large(lane, f"l{number}") for number in range(2)]
    smalls = [small(lane) for _ in range(70)]
    found: list[str] = []
    while set(order) - set(found):
        name = went(lane)
        found.append(name) if name else clock.pass_by(0.5)
        assert len(found) < 200
    assert [name for name in found if name in order] == order
    rest = [name for name in found if name not in order]
    assert rest == smalls[: len(rest)]


def test_tenants_take_turns_in_passing(timed: Timed) -> None:
    """Who passes uses up its tenant's turn, the large one's tenant's like any other's."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane)
    for _ in range(30):
        for tenant in ("acme", "other"):
            small(lane, tenant=tenant)
    _, before = until_it_goes(lane, clock)
    tenants = [ledger.get(name).tenant for name in before]
    assert abs(tenants.count("acme") - tenants.count("other")) <= 2


def test_who_is_more_urgent_does_not_wait_for_a_batch_job(timed: Timed) -> None:
    """Tokens that are saved for a batch job are not kept from interactive ones that came after it."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane, tokens=MOST, priority="9")
    assert isinstance(lane.ask(), Shut)
    clock.pass_by(2)
    quick = small(lane, priority="0")
    assert went(lane) == quick


def test_an_urgent_large_job_takes_over_what_is_saved(timed: Timed) -> None:
    """Of a batch job and an interactive one that came later the interactive one goes first, within a minute."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane, "batch", priority="9")
    assert isinstance(lane.ask(), Shut)
    clock.pass_by(2)
    large(lane, priority="0")
    waited_s, before = until_it_goes(lane, clock)
    assert before == []
    assert waited_s <= 32
    until_it_goes(lane, clock, "batch")


def test_who_waits_at_one_that_shuts_is_saved_for_at_another(timed: Timed) -> None:
    """A deployment that asks to be left alone keeps nobody waiting for what another could save up."""
    ledger, clock = timed
    each = Limits(tokens_per_minute=MOST // 2)
    lane = busy(ledger, clock, limits=Limits(), deployments=tuple(Deployment(name=name, limits=each) for name in "ab"))
    large(lane, tokens=2900)
    assert isinstance(lane.ask(), Shut)
    (held,) = [name for name in "ab" if "hold" in lane.place(name)]
    ledger.redis.hset(f"tg:gate:api@{held}", "closed_until", clock.now + 500)
    for _ in range(100):
        small(lane)
    waited_s, _ = until_it_goes(lane, clock)
    assert waited_s <= 2 * MINUTE_S + 5


def test_a_large_job_that_leaves_holds_up_nobody(timed: Timed) -> None:
    """Cancelled, or gone to another lane: what was saved for it is free at once."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    job = large(lane, tokens=MOST)
    small(lane)
    clock.pass_by(2)
    assert went(lane) == ""
    ledger.apply(job, states.cancel())
    assert went(lane)
    assert "hold" not in lane.place()


def test_who_comes_too_late_is_not_waited_for(timed: Timed) -> None:
    """Where it has no room before its deadline and no other lane, the others go on as if it were not there."""
    ledger, clock = timed
    lane = busy(ledger, clock)
    large(lane, tokens=MOST, deadline_s=20.0)
    smalls = [small(lane) for _ in range(10)]
    found = []
    for _ in range(24):
        found.append(went(lane))
        clock.pass_by(0.5)
    assert [name for name in found if name] == smalls


def test_a_limit_by_requests_lets_nobody_pass(timed: Timed) -> None:
    """Whoever is smaller needs a request like anybody: the order is as it was."""
    ledger, clock = timed
    lane = Gated(ledger, api(limits=Limits(requests_per_minute=1, tokens_per_minute=MOST)))
    first, second = large(lane, "a"), small(lane, "b")
    assert went(lane) == first
    assert went(lane) == ""
    clock.pass_by(MINUTE_S + 0.1)
    assert went(lane) == second


def test_it_waits_at_one_of_several_deployments(timed: Timed) -> None:
    """Its tokens are saved at the deployment that has them first; who passes may use the other one, too."""
    ledger, clock = timed
    each = Limits(tokens_per_minute=MOST // 2)
    deployments = (Deployment(name="a", limits=each), Deployment(name="b", limits=each))
    lane = busy(ledger, clock, limits=Limits(), deployments=deployments)
    large(lane, tokens=2000)
    for _ in range(100):
        small(lane)
    waited_s, before = until_it_goes(lane, clock)
    assert waited_s <= MINUTE_S
    assert len(before) >= 30
    assert sum("hold" in lane.place(name) for name in "ab") <= 1


SIZES = st.integers(1, MOST)


@hypothesis_settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    sizes=st.lists(SIZES, min_size=2, max_size=6),
    tiny=st.lists(st.integers(20, 400), min_size=5, max_size=20),
    step_s=st.sampled_from((0.9, 2.0, 4.0)),
    used=st.floats(0, 1),
)
@example(sizes=[26, 1, 5986], tiny=[20] * 5, step_s=0.9, used=0.75)  # settled later than the saving began
def test_nobody_starves_and_no_limit_is_exceeded(
    timed: Timed, sizes: list[int], tiny: list[int], step_s: float, used: float
) -> None:
    """Whatever is in line and keeps coming: who is first goes within a minute, and no minute has too many tokens."""
    ledger, clock = timed
    ledger.redis.flushdb()
    clock.pass_by(0.0)
    lane = Gated(ledger, api(limits=Limits(tokens_per_minute=MOST)))
    big = [small(lane, tokens=size, tenant=f"t{size % 3}") for size in sizes]
    calls: list[tuple[float, int]] = []
    first_since: dict[str, float] = {}
    turn, left = 0, set(big)
    while left:
        found = lane.ask()
        if isinstance(found, Taken):
            assert found.permit is not None
            calls.append((clock.now, found.permit.tokens))
            spent = int(found.permit.tokens * used) or 1
            lane.end(found, tokens=spent)
            calls[-1] = (clock.now, spent)
            window = [tokens for at, tokens in calls if at > clock.now - 60.0]
            assert sum(window) <= MOST
            first_since.pop(found.record.id, None)
            left.discard(found.record.id)
            if len(calls) % 2 == 0:
                small(lane, tokens=tiny[turn % len(tiny)])
                turn += 1
        else:
            saved = lane.place().get("hold", "").partition("|")[2]
            if saved:
                since = first_since.setdefault(saved, clock.now)
                assert clock.now - since <= MINUTE_S + 1 + 2 * step_s
            clock.pass_by(step_s)
