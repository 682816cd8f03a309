"""Budgets: how they are written, what they mean for a job, and what becomes of one that cannot be paid."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.engine import decide
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.purse import cheapest_outside
from tidegate.budget import Budget, Per
from tidegate.budgets import read_budgets
from tidegate.errors import BudgetExhausted, InvalidDocument, InvalidSettings, Reason
from tidegate.lane import Retry, Zone
from tidegate.ledger.permits import Permit
from tidegate.result import Usage
from tidegate.savings import saved_usd
from tidegate.settings import load
from tidegate.signals import Band, BudgetLeft, Capability, Complexity, Level, Sensitivity, Signals
from workers import failures, gates
from workers.allowances import Allowances
from workers.app import lanes_of
from workers.failures import Action

LANES = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: t, context_tokens: 4096, chars_per_token: 2.0}
  far: {zone: outside, backend: openai, model: m, context_tokens: 8000, price: {input_usd: 10, output_usd: 100}}
  sea: {zone: outside, backend: openai, model: m, context_tokens: 90000, price: {input_usd: 1, output_usd: 2}}
"""
RULES = """\
rules:
  - {name: both, when: {complexity: simple}, send: [far, near], why: w}
  - {name: out, send: [far, sea], why: w}
default: {send: near, why: d}
"""


def written(folder: Path, budgets: str = "", lanes: str = LANES) -> Path:
    """A policy with these budgets."""
    path = folder / "p.yaml"
    path.write_text(lanes + (f"budgets:\n{budgets}" if budgets else "") + RULES)
    return path


def problems_of(folder: Path, budgets: str, lanes: str = LANES) -> list[str]:
    """What is wrong, without the file's name."""
    with pytest.raises(InvalidDocument) as caught:
        load_policy(written(folder, budgets, lanes))
    return [problem.partition(".yaml:")[2] for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        ("  a: {per: day}\n", "7:3: budgets.a: give usd, tokens, or both: without either it limits nothing"),
        ("  a: {usd: 5}\n", "7:3: budgets.a.per: is missing"),
        ("  a: {usd: 5, per: week}\n", "7:20: budgets.a.per: should be 'day' or 'month'"),
        ("  a: {usd: 5$, per: day}\n", "7:12: budgets.a.usd: should be a valid number without a unit: write 5"),
        ("  a: {usd: 0, per: day}\n", "7:12: budgets.a.usd: should be greater than 0"),
        ("  a: {usd: -1, per: day}\n", "7:12: budgets.a.usd: should be greater than 0"),
        ("  a: {tokens: 1.5, per: day}\n", "7:15: budgets.a.tokens: should be a valid integer"),
        ("  a: {usd: 5, per: day, lane: fra}\n", "7:31: budgets.a.lane: no such lane; did you mean 'far'?"),
        ("  a: {usd: 5, per: day, lane: [far, se]}\n", "7:37: budgets.a.lane[1]: no such lane; did you mean 'sea'?"),
        ("  a: {usd: 5, per: day, lane: near}\n", "7:31: budgets.a.lane: is inside, and no budget holds up"),
        ("  a: {usd: 5, per: day, hrad: true}\n", "7:25: budgets.a.hrad: unknown field; did you mean 'hard'?"),
        ("  a: {usd: 5, per: day, each: lane}\n", "7:31: budgets.a.each: should be 'tenant'"),
        ("  a: {usd: 5, per: day, warn_at: 80}\n", "7:34: budgets.a.warn_at: should be less than or equal to 1"),
        ("  a: {usd: 5, per: day, name: b}\n", "7:25: budgets.a.name: unknown field"),
        ("  'a b': {usd: 5, per: day}\n", "7:3: budgets.a b"),
        ("  [a]\n", "6:1: budgets"),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path: Path, budgets: str, said: str) -> None:
    """For routers; workers are told the same of what they read."""
    found = problems_of(tmp_path, budgets)
    assert any(said in problem for problem in found), found
    with pytest.raises(InvalidDocument):
        read_budgets(tmp_path / "p.yaml")


def test_a_lane_inside_may_be_counted_and_is_never_held_up(tmp_path: Path) -> None:
    """`hard: false` counts it."""
    path = written(tmp_path, "  a: {tokens: 5, per: day, lane: near, hard: false}\n")
    (budget,) = load_policy(path).budgets
    assert budget.covers(load_policy(path).lanes["near"])


def test_budgets_of_other_files_are_included(tmp_path: Path) -> None:
    """As lanes are; a second one of the same name is an error, and one that is no mapping is not passed over."""
    (tmp_path / "b.yaml").write_text("version: 1\nbudgets:\n  a: {usd: 5, per: day}\n")
    path = written(tmp_path, lanes=LANES.replace("version: 1", "version: 1\ninclude: b.yaml"))
    assert [one.name for one in load_policy(path).budgets] == list(read_budgets(path)) == ["a"]
    (tmp_path / "b.yaml").write_text("version: 1\nbudgets: [a]\n")
    with pytest.raises(InvalidDocument, match="budgets: should be a mapping"):
        read_budgets(path)
    (tmp_path / "b.yaml").write_text("version: 1\nbudgets:\n  a: {usd: 5, per: day}\n")
    path.write_text(path.read_text() + "budgets:\n  a: {usd: 6, per: day}\n")
    with pytest.raises(InvalidDocument, match=r"there is such a budget in .*b\.yaml on line 3"):
        load_policy(path)


def test_a_lane_outside_whose_price_nobody_knows_is_refused(tmp_path: Path) -> None:
    """No budget could be kept: with the place, and what to do. A deployment of another model counts as well."""
    unknown = LANES.replace(", price: {input_usd: 10, output_usd: 100}", "")
    (told,) = problems_of(tmp_path, "", unknown)
    assert told.startswith("4:48: lanes.far.model: no price is known")
    assert "give the lane `price: {input_usd: …, output_usd: …}`" in told
    loopback = unknown.replace("model: m", "model: gpt-4o-mini, base_url: http://127.0.0.1:8000/v1", 1)
    assert "knows none for this model at http://127.0.0.1:8000/v1" in problems_of(tmp_path, "", loopback)[0]
    known = unknown.replace("model: m,", "model: gpt-4o-mini,", 1)
    load_policy(written(tmp_path, lanes=known))
    two = known.replace("gpt-4o-mini,", "gpt-4o-mini, deployments: [{name: a}, {name: b, model: unheard-of}],", 1)
    assert "lanes.far.deployments[1].model: no price is known" in problems_of(tmp_path, "", two)[0]


def signals(**changed: Any) -> Signals:
    """A harmless job of 1000 tokens that may write 1000: 0.11 USD at far, 0.003 at sea."""
    return Signals(
        **{
            "sensitivity": Sensitivity(level=Level.PUBLIC),
            "complexity": Complexity(band=Band.SIMPLE),
            "tokens": 1000,
            "max_tokens": 1000,
            "tenant": "acme",
            **changed,
        }
    )


HARD = Complexity(band=Band.COMPLEX)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """A hard budget for far, one for everything by tenant, and a soft one."""
    return load_policy(
        written(
            tmp_path,
            "  far: {lane: far, usd: 5, per: day}\n  zeta: {tenant: zeta, tokens: 9000, per: day}\n"
            "  soft: {usd: 50, per: month, hard: false}\n",
        )
    )


def test_a_job_is_spared_a_lane_that_it_cannot_pay_for(policy: Policy) -> None:
    """Its next lane, with the budget and the sums in the cause."""
    found = decide(policy, signals(budgets={"far": BudgetLeft(usd=0.05)}))
    assert found.lanes == ("near",)
    assert found.cause == "far: budget far has 0.0500 USD left, the job may cost 0.1100"
    assert decide(policy, signals(budgets={"far": BudgetLeft(usd=0.12)})).lanes == ("far", "near")
    other = decide(policy, signals(complexity=HARD, budgets={"far": BudgetLeft(usd=-1.0)}))
    assert (other.lanes, other.zone) == (("sea",), Zone.OUTSIDE)


def test_where_all_lanes_of_a_rule_are_too_dear_the_shelter_takes_the_job(policy: Policy) -> None:
    """Inside; and where it does not fit there, the letter says that money was missing."""
    spent = {"far": BudgetLeft(usd=0.0), "zeta": BudgetLeft(tokens=10)}
    found = decide(policy, signals(tenant="zeta", complexity=HARD, budgets=spent))
    assert (found.lanes, found.zone) == (("near",), Zone.INSIDE)
    long = decide(policy, signals(tenant="zeta", tokens=5000, complexity=HARD, budgets=spent))
    assert long.lanes == ()
    assert (long.cause or "").startswith(Reason.BUDGET_EXHAUSTED.value)


def test_somebody_elses_budget_and_one_that_was_not_measured_change_nothing(policy: Policy) -> None:
    """What a run may really spend is decided where it begins."""
    assert decide(policy, signals(budgets={"zeta": BudgetLeft(tokens=0)})).lanes == ("far", "near")
    assert decide(policy, signals(budgets={"gone": BudgetLeft(usd=0.0)})).lanes == ("far", "near")
    assert decide(policy, signals()).lanes == ("far", "near")


def test_a_soft_budget_that_is_spent_puts_lanes_inside_first(policy: Policy) -> None:
    """And says so; nothing is taken away."""
    found = decide(policy, signals(budgets={"soft": BudgetLeft(usd=-0.5)}))
    assert found.lanes == ("near", "far")
    assert found.cause == "budget soft is spent: lanes inside go first"
    out = decide(policy, signals(complexity=HARD, budgets={"soft": BudgetLeft(usd=0.0)}))
    assert (out.lanes, out.cause) == (("far", "sea"), "budget soft is spent")


@given(
    left=st.dictionaries(
        st.sampled_from(["far", "zeta", "soft"]),
        st.builds(BudgetLeft, usd=st.none() | st.floats(-5, 5), tokens=st.none() | st.integers(-5, 99999)),
    ),
    tokens=st.integers(0, 9000),
    level=st.sampled_from(Level),
    tenant=st.sampled_from(["acme", "zeta"]),
)
def test_a_budget_never_adds_a_lane_outside_nor_takes_one_inside(
    tmp_path_factory: pytest.TempPathFactory, left: dict[str, BudgetLeft], tokens: int, level: Level, tenant: str
) -> None:
    """Whatever is left."""
    ready = _shared(tmp_path_factory)
    job = signals(tokens=tokens, tenant=tenant, sensitivity=Sensitivity(level=level))
    before, after = decide(ready, job), decide(ready, job.model_copy(update={"budgets": left}))
    assert set(after.cleared) <= set(before.cleared)
    assert {lane for lane in before.lanes if lane == "near"} <= set(after.lanes)


_MADE: list[Policy] = []


def _shared(folders: pytest.TempPathFactory) -> Policy:
    if not _MADE:
        budgets = "  far: {lane: far, usd: 5, per: day}\n  zeta: {tenant: zeta, tokens: 9000, per: day}\n"
        path = written(folders.mktemp("p"), budgets + "  soft: {usd: 50, per: month, hard: false}\n")
        _MADE.append(load_policy(path))
    return _MADE[0]


def test_what_a_job_would_have_cost_outside(policy: Policy) -> None:
    """At the cheapest lane outside that holds it and can do what it needs; tokens converted by characters."""
    found = cheapest_outside(policy, signals())
    assert found is not None
    assert found.lane == "sea"
    usage = Usage(prompt_tokens=2_000_000, completion_tokens=1_000_000)
    assert saved_usd(found.to_json(), usage, lane=policy.lanes["near"]) == pytest.approx((2 * 1 + 1 * 2) / 2)
    assert cheapest_outside(policy, signals(needs=(Capability.VISION,))) is None
    assert saved_usd(None, usage, lane=policy.lanes["near"]) is None
    assert saved_usd("{}", usage, lane=policy.lanes["near"]) is None


AROUND: dict[str, Any] = {
    "tries": 1, "lane_index": 0, "retry": Retry(), "random_unit": 0.5, "held": 0, "time_left_s": 500.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("why", "latency", "lanes", "time_left_s", "outcome"),
    [
        ("spent", "interactive", ("far", "near"), 500.0, (Action.NEXT_LANE, 0.0)),
        ("held", "interactive", ("far", "near"), 500.0, (Action.NEXT_LANE, 0.0)),
        ("spent", "interactive", ("far",), 500.0, (Action.DEAD, 0.0)),
        ("held", "interactive", ("far",), 500.0, (Action.PAUSE, 6.0)),
        ("held", "interactive", ("far",), 3.0, (Action.DEAD, 0.0)),
        ("spent", "batch", ("far",), 500.0, (Action.PAUSE, 130.0)),
        ("spent", "batch", ("far",), 90.0, (Action.DEAD, 0.0)),
    ],
)
def test_what_becomes_of_a_job_that_its_budget_cannot_pay(
    why: str, latency: str, lanes: tuple[str, ...], time_left_s: float, outcome: tuple[Action, float]
) -> None:
    """Elsewhere if it can; else it waits for what others give back, or (in no hurry) for the next period; else dead."""
    permit = Permit(verdict="budget", account="house", lent=why == "held", again_s=100.0)
    error = gates.refusal(permit, latency=latency)
    assert isinstance(error, BudgetExhausted)
    found = failures.decide(error, lanes=lanes, **{**AROUND, "time_left_s": time_left_s})
    assert (found.action, found.delay_s) == outcome
    if found.action is Action.DEAD:
        assert found.reason is Reason.BUDGET_EXHAUSTED


def test_who_waits_for_the_next_month_looks_now_and_then() -> None:
    """Somebody may have raised the budget."""
    error = BudgetExhausted("spent", retry_after_s=800_000.0)
    found = failures.decide(error, lanes=("far",), **{**AROUND, "time_left_s": 1_000_000.0})
    assert (found.action, found.delay_s) == (Action.PAUSE, 3600.0)


def test_periods_end_at_midnight_and_on_the_first() -> None:
    """In UTC, leap years included."""
    assert (Per.DAY.key(0.0), Per.DAY.end(0.0)) == ("19700101", 86_400.0)
    leap = 1_709_164_799.9  # 2024-02-28 23:59:59.9
    assert (Per.MONTH.key(leap), Per.DAY.key(leap)) == ("202402", "20240228")
    assert Per.MONTH.end(leap) - leap == pytest.approx(86_400.1)


def test_a_budget_may_be_one_for_each_of_some_tenants() -> None:
    """Each has an account from the start."""
    found = Budget(name="a", tenant=("acme", "zeta"), each="tenant", per=Per.DAY, usd=1.0)
    assert (found.always, found.account("acme"), found.concerns("other")) == (("acme", "zeta"), "acme", False)


def test_a_worker_does_not_serve_a_lane_whose_price_nobody_knows(tmp_path: Path) -> None:
    """Its operator may never have run a check."""
    path = written(tmp_path, lanes=LANES.replace(", price: {input_usd: 1, output_usd: 2}", ""))
    with pytest.raises(InvalidSettings, match=r"lanes\.sea\.model: no price is known"):
        lanes_of(load(policy=path), zone=Zone.OUTSIDE)
    assert list(lanes_of(load(policy=path), zone=Zone.OUTSIDE, only=("far",))) == ["far"]
    assert list(lanes_of(load(policy=path), zone=Zone.INSIDE)) == ["near"]


def test_a_worker_follows_the_files_budgets(tmp_path: Path) -> None:
    """A change counts from the next take on; a file that cannot be read leaves those that were."""
    path = written(tmp_path, "  a: {usd: 5, per: day}\n")
    lane = load_policy(path).lanes["far"]
    allowances = Allowances(lambda: read_budgets(path))
    assert '"usd":5000000000' in allowances.gates.of(lane)
    written(tmp_path, "  a: {usd: 7, per: day, tenant: [acme, zeta]}\n")
    allowances.look()
    assert '"usd":7000000000' in allowances.gates.of(lane)
    assert '"tenants":["acme","zeta"]' in allowances.gates.of(lane)
    written(tmp_path, "  a: {usd: -7, per: day}\n")
    allowances.look()
    assert '"usd":7000000000' in allowances.gates.of(lane)
    with pytest.raises(InvalidDocument):
        Allowances(lambda: read_budgets(path))
