"""Permits for second calls on a real store: to whom, when not, and that nothing of them stays reserved."""

from typing import Any

import pytest
from gating import LEASE_S, Gated, api

from tidegate.budget import Budget, Per
from tidegate.deployment import Deployment, Limits
from tidegate.lane import Price
from tidegate.ledger import states
from tidegate.ledger.line import Taken
from tidegate.ledger.permits import accounts_of, gate_of
from tidegate.ledger.store import Ledger

TWO = (Deployment(name="east"), Deployment(name="west"))


def hedge(gated: Gated, taken: Taken, **changed: Any) -> str | None:
    """A permit for a second call."""
    given = {"fence": taken.claim.fence, "gate": gate_of(gated.lane), "lease_s": LEASE_S, **changed}
    return gated.ledger.line.hedge(gated.lane.name, taken.record.id, **given)


def flights(gated: Gated) -> dict[str, int]:
    """Calls under way at each deployment."""
    return {one.name: gated.in_flight(one.name) for one in gated.lane.every_deployment}


@pytest.fixture
def gated(ledger: Ledger) -> Gated:
    """A lane with two deployments."""
    return Gated(ledger, api(deployments=TWO, price=Price(input_usd=1.0, output_usd=1.0)))


def test_another_deployment_is_asked(gated: Gated) -> None:
    """Whichever the first call went to; both count as under way, and a lost answer is told again."""
    gated.put()
    taken = gated.take()
    assert taken.permit is not None
    second = hedge(gated, taken)
    assert {taken.permit.deployment, second} == {"east", "west"}
    assert flights(gated) == {"east": 1, "west": 1}
    assert hedge(gated, taken) == second
    assert flights(gated) == {"east": 1, "west": 1}


def test_where_there_is_one_it_is_asked_again(ledger: Ledger) -> None:
    """A second machine behind the same address may be quicker; it counts as two calls."""
    gated = Gated(ledger, api())
    gated.put()
    taken = gated.take()
    assert hedge(gated, taken) == "main"
    assert flights(gated) == {"main": 2}
    gated.end(taken, hedge="first")
    assert flights(gated) == {"main": 0}
    assert gated.place()["today_calls"] == "2"


WAYS: dict[str, tuple[Any, str, str]] = {
    "the first answers": ({"hedge": "first"}, "20", "20"),
    "the second answers": ({"hedge": "second"}, "20", "20"),
    "it was never made": ({"hedge": "unused"}, "20", "0"),
    "nobody knows": ({}, "20", "100"),
}


@pytest.mark.parametrize(("said", "first_tokens", "second_tokens"), WAYS.values(), ids=WAYS.keys())
def test_both_are_settled(gated: Gated, said: Any, first_tokens: str, second_tokens: str) -> None:
    """The one that was cut off counts like the one that answered; where nobody knows, its estimate stands."""
    gated.put(tokens=10, most=90)
    taken = gated.take()
    second = hedge(gated, taken)
    assert taken.permit is not None
    gated.end(taken, usd=0.5, **said)
    first = gated.place(taken.permit.deployment)
    other = gated.place(second)
    assert (first["today_tokens"], other["today_tokens"]) == (first_tokens, second_tokens)
    assert (first["minute_tokens"], other["minute_tokens"]) == (first_tokens, second_tokens)
    assert flights(gated) == {"east": 0, "west": 0}


def test_only_the_one_that_answered_is_judged(gated: Gated) -> None:
    """A call that was cut off says nothing of its deployment's pace; the first one's failure says what it says."""
    gated.put()
    taken = gated.take()
    second = hedge(gated, taken)
    assert taken.permit is not None
    gated.end(taken, hedge="second", took_s=0.25)
    assert "took_s" not in gated.place(taken.permit.deployment)
    assert float(gated.place(second)["took_s"]) == 0.25


EXITS: dict[str, Any] = {
    "handed back": lambda it: states.hand_back(fence=it.fence, changes={}, nudge_s=5),
    "lapsed": lambda it: states.hand_back(rev=it.rev, changes={}, nudge_s=5),
    "cancelled": lambda _: states.cancel(),
    "expired": lambda it: states.expire(rev=it.rev),
}


@pytest.mark.parametrize("move", EXITS.values(), ids=EXITS.keys())
def test_nothing_stays_reserved(gated: Gated, move: Any) -> None:
    """However a run ends that had two calls under way."""
    gated.put()
    taken = gated.take()
    assert hedge(gated, taken) is not None
    gated.ledger.apply(taken.record.id, move(taken.claim))
    assert flights(gated) == {"east": 0, "west": 0}
    assert gated.ledger.get(taken.record.id).permit is None


def test_a_renewal_keeps_both(gated: Gated, ledger: Ledger) -> None:
    """Calls of a run that lives do not count as lost."""
    gated.put()
    taken = gated.take()
    assert hedge(gated, taken, lease_s=0.001) is not None
    gated.ledger.apply(taken.record.id, states.renew(fence=taken.claim.fence, lease_s=1000.0))
    for one in ("east", "west"):
        (_, lost_at), *_ = ledger.redis.zrange(f"tg:gate:api@{one}/flight", 0, -1, withscores=True)
        assert lost_at > ledger.now() + 1000


def test_whose_run_is_over_gets_none(gated: Gated) -> None:
    """Nor who holds an old fence, or asks for a job that another lane has."""
    gated.put()
    taken = gated.take()
    assert hedge(gated, taken, fence=taken.claim.fence + 1) is None
    gated.end(taken)
    assert hedge(gated, taken) is None
    assert gated.ledger.line.hedge("api", "no-such-job", fence=1, gate=gate_of(gated.lane), lease_s=1.0) is None
    assert flights(gated) == {"east": 0, "west": 0}


def test_a_limit_counts_both(ledger: Ledger) -> None:
    """Where the other has no room there is no second call: nobody waits for one."""
    full = (Deployment(name="east"), Deployment(name="west", limits=Limits(concurrent=1)))
    gated = Gated(ledger, api(deployments=full))
    names = []
    for _ in range(4):
        gated.put()
        taken = gated.take()
        assert taken.permit is not None
        names.append(taken.permit.deployment)
    assert names.count("west") == 1
    assert taken.permit.deployment == "east"
    assert hedge(gated, taken) is None
    whole = Gated(ledger, api(name="whole", limits=Limits(concurrent=1), deployments=TWO))
    whole.put("another")
    assert hedge(whole, whole.take()) is None


def test_a_deployment_that_is_left_alone_gets_no_second_call(gated: Gated) -> None:
    """Nor does a second call try whether it is back."""
    gated.put()
    taken = gated.take()
    assert taken.permit is not None
    other = {"east": "west", "west": "east"}[taken.permit.deployment]
    redis = gated.ledger.redis
    redis.hset(f"tg:gate:api@{other}", mapping={"open_until": gated.ledger.now() + 60, "opened": 1})
    verdicts = {hedge(gated, taken)}
    redis.hset(f"tg:gate:api@{other}", mapping={"open_until": gated.ledger.now() - 1})
    verdicts.add(hedge(gated, taken))
    assert verdicts == {None}


def test_a_budget_holds_both(gated: Gated) -> None:
    """What two calls may cost is held; where there is no room for the second, it is not made."""
    budget = Budget(name="all", usd=0.00015, per=Per.DAY, hard=True)
    gate = gate_of(gated.lane, accounts=accounts_of(gated.lane, [budget]))
    gated.put(tokens=10, most=90)  # 100 tokens at a dollar a million: one fits, two do not
    claim = states.claim(worker="w", lease_s=LEASE_S)
    taken = gated.ledger.line.take("api", zone=gated.lane.zone, claim=claim, gate=gate)
    assert isinstance(taken, Taken)
    assert hedge(gated, taken, gate=gate) is None
    roomy = gate_of(gated.lane, accounts=accounts_of(gated.lane, [budget.model_copy(update={"usd": 0.001})]))
    assert hedge(gated, taken, gate=roomy) is not None
    (key,) = gated.ledger.redis.scan_iter("tg:budget:*")
    held = {name.decode(): value.decode() for name, value in gated.ledger.redis.hgetall(key).items()}
    assert held["*:usd_held"] == "200000"  # billionths
    gated.end(taken, usd=0.00002, hedge="first")
    held = {name.decode(): value.decode() for name, value in gated.ledger.redis.hgetall(key).items()}
    assert (held["*:usd_held"], held["*:usd"]) == ("0", "40000")
