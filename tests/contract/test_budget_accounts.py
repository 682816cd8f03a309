"""Budgets on a real store: what is held, settled and refused, against a model; the ledger's moves carry it all."""

import json
from typing import Any

import pytest
from gating import Gated, api
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tidegate.budget import Budget, Per
from tidegate.connections import StoreClient
from tidegate.errors import Reason
from tidegate.ledger import states
from tidegate.ledger.accounts import Account, Accounts
from tidegate.ledger.line import Taken
from tidegate.ledger.permits import Settled, accounts_of, gate_of
from tidegate.ledger.scripts import lua_of
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger
from tidegate.price import Price

PRICE = Price(input_usd=100.0, output_usd=1000.0)
"""A prompt of 10 tokens and an answer of 90 come to 0.091 USD."""
LANE = api(price=PRICE)
JOB_NANO = 91_000_000
JOB_USD = JOB_NANO / 1e9


def budget(name: str = "house", **given: Any) -> Budget:
    """A budget for the day."""
    return Budget(**{"name": name, "per": Per.DAY, **given})


class Spending(Gated):
    """A gated lane with budgets."""

    budgets: tuple[Budget, ...] = ()

    def ask(self, **given: Any) -> Any:
        """What a worker is told."""
        gate = gate_of(self.lane, accounts=accounts_of(self.lane, self.budgets))
        claim = states.claim(worker="w", lease_s=15.0)
        return self.ledger.line.take(self.lane.name, zone=self.lane.zone, claim=claim, gate=gate, **given)

    def account(self, name: str = "*", which: int = 0) -> Account:
        """What the store holds of one."""
        return Accounts(self.ledger.redis).of([(self.budgets[which], name)])[0]


@pytest.fixture
def spend(ledger: Ledger) -> Any:
    """A lane with some budgets."""

    def made(*budgets: Budget) -> Spending:
        spending = Spending(ledger=ledger, lane=LANE)
        spending.budgets = budgets
        return spending

    return made


def test_an_estimate_is_held_and_settled_by_what_was_spent(spend: Any) -> None:
    """While a run lasts its estimate is held; at its end that is given back, and the cost is spent."""
    lane = spend(budget(usd=1.0, tokens=1000))
    lane.put()
    taken = lane.take()
    held = lane.account()
    assert (held.held_nano, held.held_tokens, held.spent_nano, held.spent_tokens) == (JOB_NANO, 100, 0, 0)
    lane.end(taken, usd=0.02, tokens=30)
    after = lane.account()
    assert (after.held_nano, after.held_tokens, after.spent_nano, after.spent_tokens) == (0, 0, 20_000_000, 30)
    assert lane.ledger.get(taken.record.id).spent_nano == 20_000_000


def test_a_worker_that_died_may_have_spent_its_estimate(spend: Any) -> None:
    """Its lease lapses, the estimate stands, and the next run holds one of its own: they add up."""
    lane = spend(budget(usd=1.0))
    job_id = lane.put()
    lane.take()
    lane.ledger.apply(job_id, states.hand_back(rev=lane.ledger.get(job_id).rev, changes={}, nudge_s=1.0))
    assert (lane.account().held_nano, lane.account().spent_nano) == (0, JOB_NANO)
    lane.end(lane.take(), usd=0.01)
    assert lane.account().spent_nano == JOB_NANO + 10_000_000
    assert lane.ledger.get(job_id).spent_nano == JOB_NANO + 10_000_000


@pytest.mark.parametrize("move", [states.cancel(), None])
def test_who_cancels_or_comes_too_late_pays_the_estimate(spend: Any, move: states.Move | None) -> None:
    """Nobody knows what a call came to that nobody waited for."""
    lane = spend(budget(usd=1.0))
    job_id = lane.put()
    lane.take()
    lane.ledger.apply(job_id, move or states.expire(rev=lane.ledger.get(job_id).rev))
    assert (lane.account().held_nano, lane.account().spent_nano) == (0, JOB_NANO)


def test_a_hard_budget_lets_no_job_through_that_it_could_not_pay(spend: Any) -> None:
    """Room for two: the third is told so, and whether somebody may yet give back."""
    lane = spend(budget(usd=2.5 * JOB_USD))
    for _ in range(4):
        lane.put()
    first, second = lane.take(), lane.take()
    third = lane.take().permit
    assert third is not None
    assert (third.verdict, third.account, third.lent) == ("budget", "house", True)
    lane.end(first, usd=JOB_USD)
    lane.end(second, usd=JOB_USD)
    fourth = lane.take().permit
    assert fourth is not None
    assert (fourth.verdict, fourth.lent) == ("budget", False)
    assert 0 < (fourth.again_s or 0) <= 86_400
    assert lane.account().spent_nano == 2 * JOB_NANO


def test_a_soft_budget_counts_and_refuses_nobody(spend: Any) -> None:
    """It warns; jobs go on."""
    lane = spend(budget(usd=0.01, hard=False))
    lane.put()
    lane.end(lane.take(), usd=0.5)
    lane.put()
    assert lane.take().permit.verdict == "granted"
    assert lane.account().left_usd == pytest.approx(0.01 - 0.5)


def test_each_tenant_has_an_account_of_its_own(spend: Any) -> None:
    """Who has spent his share holds up nobody else."""
    lane = spend(budget(each="tenant", usd=1.5 * JOB_USD))
    for tenant in ("acme", "acme", "zeta"):
        lane.put(tenant=tenant)
    verdicts = {}
    for _ in range(3):
        taken = lane.take()
        verdicts.setdefault(taken.record.tenant, []).append(taken.permit.verdict)
    assert verdicts == {"acme": ["granted", "budget"], "zeta": ["granted"]}
    assert lane.account("acme").held_nano == lane.account("zeta").held_nano == JOB_NANO


def test_only_jobs_of_its_tenants_and_lanes_count(spend: Any) -> None:
    """A budget of somebody else, or of another lane, knows nothing of the run."""
    others = (budget("other", tenant="zeta", usd=0.001), budget("elsewhere", lane="sea", usd=0.001))
    lane = spend(budget(usd=9.0), *others)
    lane.put(tenant="acme")
    assert lane.take().permit.verdict == "granted"
    assert [lane.account(which=which).held_nano for which in range(3)] == [JOB_NANO, 0, 0]


def test_all_budgets_must_have_room(spend: Any) -> None:
    """One that is spent is enough, and nothing is held on the others."""
    lane = spend(budget(usd=9.0), budget("small", tokens=50))
    lane.put()
    assert lane.take().permit.account == "small"
    assert lane.account().held_nano == 0


def test_a_budget_never_holds_up_a_lane_inside(ledger: Ledger) -> None:
    """Not even where a worker was told of a hard one that names it."""
    inside = LANE.model_copy(update={"zone": "inside", "name": "near"})
    hard = budget(lane="near", usd=0.001)
    assert [account["hard"] for account in accounts_of(inside, [hard])] == [False]


def test_numbers_of_somebody_else_refuse_and_do_not_break(spend: Any) -> None:
    """What lies in an account and is no number counts as all that there was, where the router reads it."""
    lane = spend(budget(usd=1.0))
    lane.ledger.redis.hset(f"tg:budget:house:{Per.DAY.key(lane.ledger.now())}", "*:usd", "lots")
    account = lane.account()
    assert (account.readable, account.left_usd, account.free_usd, account.used) == (False, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("broken", ["a number", "the account", "the costs", "the permit"])
def test_what_somebody_else_wrote_keeps_no_job_from_moving(spend: Any, broken: str) -> None:
    """A run ends whatever lies in accounts and permits; a budget that cannot be read lets nothing out."""
    lane = spend(budget(usd=1.0))
    store, day = lane.ledger.redis, Per.DAY.key(lane.ledger.now())
    lane.put()
    taken = lane.take()
    if broken == "a number":
        store.hset(f"tg:budget:house:{day}", mapping={"*:usd": "lots", "*:usd_held": "x"})
    if broken == "the account":
        store.set(f"tg:budget:house:{day}", "no hash")
    if broken == "the costs":
        store.set(f"tg:costs:{day}", "no hash")
    if broken == "the permit":
        permit = json.loads(taken.record.permit)
        permit["accounts"] = [["tg:policy:current", "x", 9], ["tg:ended", "x", 9], 7, "y", [None, None]]
        store.hset(f"tg:job:{taken.record.id}", "permit", json.dumps(permit))
    lane.end(taken, usd=0.01)
    assert lane.ledger.get(taken.record.id).state.ended
    assert not store.exists("tg:policy:current")
    assert not store.hexists("tg:ended", "x:usd")
    lane.put()
    verdict = lane.take().permit.verdict
    assert verdict == ("budget" if broken in {"a number", "the account"} else "granted")


def test_accounts_go_some_time_after_their_period(spend: Any) -> None:
    """A month that nobody asks for any more leaves nothing behind."""
    lane = spend(budget(usd=1.0), budget("long", per=Per.MONTH, usd=1.0))
    lane.put()
    lane.end(lane.take())
    for which, days in ((0, 37), (1, 68)):
        one = lane.budgets[which]
        ttl = lane.ledger.redis.ttl(f"tg:budget:{one.name}:{one.per.key(lane.ledger.now())}")
        assert 34 * 86_400 < ttl < days * 86_400


@settings(max_examples=60)
@given(at=st.floats(0, 4_102_444_800), per=st.sampled_from(Per))
def test_a_period_is_the_same_in_the_store_and_here(store_server: Any, at: float, per: Per) -> None:
    """Leap years and ends of months included: who reads an account finds what a run has written."""
    import redis as client  # noqa: PLC0415 - the one test that calls a part of a script by itself

    with client.Redis.from_url(store_server.store_url) as store:
        script = lua_of("budget.lua") + "local key, ends = period_of(ARGV[1], tonumber(ARGV[2]))\nreturn {key, ends}"
        key, ends = store.eval(script, 0, per.value, repr(at))
    assert (key.decode(), float(ends)) == (per.key(at), per.end(at))


class Budgeted(RuleBasedStateMachine):
    """Runs in any order, with budgets that come to their end: nothing leaks, nothing is overspent."""

    redis: StoreClient
    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushdb()
        self.lane = Spending(ledger=Ledger(self.redis), lane=LANE)
        self.lane.budgets = (
            budget(usd=6 * JOB_USD, tokens=5000),
            budget("each", each="tenant", usd=3 * JOB_USD),
            budget("soft", usd=0.001, hard=False),
        )
        self.held: dict[str, int] = {}
        self.spent: dict[str, int] = {"acme": 0, "zeta": 0}

    @rule(target=runs, tenant=st.sampled_from(["acme", "zeta"]))
    def begin(self, tenant: str) -> Taken | None:
        """One more job comes, and is taken at once."""
        self.lane.put(tenant=tenant)
        taken = self.lane.take()
        mine = sum(nano for job, nano in self.held.items() if job.startswith(tenant)) + self.spent[tenant]
        whole = sum(self.held.values()) + sum(self.spent.values())
        fits = whole + JOB_NANO <= 6 * JOB_NANO and mine + JOB_NANO <= 3 * JOB_NANO
        assert (taken.permit is not None and taken.permit.verdict == "granted") is fits
        if not fits:
            self.lane.ledger.apply(taken.record.id, states.cancel())
            return None
        self.held[f"{tenant}:{taken.record.id}"] = JOB_NANO
        return taken

    @rule(run=consumes(runs), share=st.sampled_from([0.0, 0.3, 1.0]))
    def finish(self, run: Taken | None, share: float) -> None:
        """It is answered, for the estimate or less."""
        if run is not None and self._gone(run):
            nano = round(JOB_NANO * share)
            self.lane.end(run, usd=nano / 1e9, tokens=round(100 * share))
            self.spent[run.record.tenant] += nano

    @rule(run=consumes(runs))
    def fail(self, run: Taken | None) -> None:
        """It fails unpaid."""
        if run is not None and self._gone(run):
            self.lane.fail(run, "job", error="BadRequest")  # no failure of the provider: its breaker stays shut

    @rule(run=consumes(runs))
    def lapse(self, run: Taken | None) -> None:
        """Its worker dies, and the job is given up."""
        if run is not None and self._gone(run):
            self.lane.ledger.apply(run.record.id, states.cancel())
            self.spent[run.record.tenant] += JOB_NANO

    def _gone(self, run: Taken) -> bool:
        return self.held.pop(f"{run.record.tenant}:{run.record.id}", None) is not None

    @invariant()
    def adds_up(self) -> None:
        """Each account is what the model says, and no hard one is above its limit."""
        house, each, soft = self.lane.budgets
        whole = Accounts(self.redis).of([(house, "*"), (soft, "*"), (each, "acme"), (each, "zeta")])
        for account, tenants in zip(whole, (("acme", "zeta"), ("acme", "zeta"), ("acme",), ("zeta",)), strict=True):
            held = sum(nano for job, nano in self.held.items() if job.startswith(tenants))
            assert account.held_nano == held
            assert account.spent_nano == sum(self.spent[tenant] for tenant in tenants)
            if account.budget.hard:
                assert account.free_usd is not None
                assert account.free_usd >= -1e-9


def test_budgets_add_up_in_any_order(redis: StoreClient) -> None:
    """See Budgeted."""
    Budgeted.redis = redis
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415 - after the store is there

    run_state_machine_as_test(Budgeted, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))


def test_what_runs_came_to_is_counted_by_day_lane_rule_and_model(spend: Any) -> None:
    """For `tidegate costs`: those that failed and were paid for apart, copies apart."""
    lane = spend()
    lane.put()
    lane.end(lane.take(), usd=0.02, prompt=10, completion=20)
    lane.put()
    lane.fail(lane.take())
    (line,) = lane.ledger.redis.hgetall(f"tg:costs:{Per.DAY.key(lane.ledger.now())}").items()
    assert json.loads(json.dumps([part.decode() for part in line])) == ["job|acme|api|-|m", "2 1 10 20 20000000 0 0 0"]


@pytest.mark.parametrize("ending", ["approved", "forbidden"])
def test_an_answer_that_a_router_looks_at_is_counted_once(spend: Any, ending: str) -> None:
    """When the run ends, whatever becomes of the answer: it was paid for."""
    lane = spend()
    job = lane.put()
    taken = lane.take()
    said = Settled(outcome="ok", tokens=30, usd=0.02, took_s=0.1, prompt=10, completion=20)
    move = states.answer(fence=taken.claim.fence, slot="s", nudge_s=5.0, changes={}, note={}, settled=said)
    applied = lane.ledger.apply(job, move)
    if ending == "approved":
        lane.ledger.apply(job, states.approve(rev=applied.rev, slot="r", note={}))
    else:
        forbidden = states.die(
            reason=Reason.ANSWER_FORBIDDEN, cause="c", sources=frozenset({State.ACCEPTED}), rev=applied.rev
        )
        lane.ledger.apply(job, forbidden)
    (sums,) = lane.ledger.redis.hgetall(f"tg:costs:{Per.DAY.key(lane.ledger.now())}").values()
    assert sums == b"1 1 10 20 20000000 0 0 0"
