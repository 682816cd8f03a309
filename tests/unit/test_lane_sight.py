"""A lane at a glance: whether it takes jobs and why not, from what the readers say."""

from typing import Any

import pytest

from tidegate.budget import Budget, Per
from tidegate.cli.lanetable import facts, shown
from tidegate.lane import Lane, Zone
from tidegate.ledger.accounts import Account
from tidegate.ledger.costs import Sums
from tidegate.ledger.gates import BreakerView, DeploymentView, GateView, Use
from tidegate.ledger.sight import Can, LaneSight
from tidegate.prices import NANO
from tidegate.signals import LaneLoad

LANE = Lane(name="far", zone=Zone.OUTSIDE, backend="openai", model="m", context_tokens=1000)
OPEN = BreakerView(state="open", next_probe_at=112.0, why="ProviderFailed")
FULL = Use(configured=600, effective=600, used=600)


def sight(*deployments: DeploymentView, slots: int = 4, accounts: tuple[Account, ...] = (), **gate: Any) -> LaneSight:
    """A lane outside at second 100."""
    return LaneSight(
        lane=LANE,
        load=LaneLoad(slots=slots, wait_s=0.0 if slots else None),
        gate=GateView(lane="far", gated=True, deployments=deployments or (DeploymentView(name="main"),), **gate),
        today=Sums(),
        accounts=accounts,
        now=100.0,
    )


def account(used: float, *, hard: bool = True, **budget: Any) -> Account:
    """A budget of ten dollars."""
    given = Budget.model_validate({"name": "b", "per": Per.DAY, "usd": 10.0, "hard": hard, **budget})
    return Account(budget=given, name="*", spent_nano=int(used * 10 * NANO))


@pytest.mark.parametrize(
    ("one", "can", "why"),
    [
        (sight(), Can.YES, ""),
        (sight(slots=0), Can.NO, "no worker"),
        (sight(DeploymentView(name="main", breaker=OPEN)), Can.NO, "open after ProviderFailed, tried in 12 s"),
        (
            sight(DeploymentView(name="a", breaker=OPEN), DeploymentView(name="b")),
            Can.SLOWED,
            "a open after ProviderFailed, tried in 12 s",
        ),
        (
            sight(DeploymentView(name="main", breaker=BreakerView(state="half_open", next_probe_at=99.0))),
            Can.SLOWED,
            "being tried",
        ),
        (sight(DeploymentView(name="main", closed_until=103.0)), Can.SLOWED, "asked to wait 3 s more"),
        (sight(DeploymentView(name="main", share=0.4)), Can.SLOWED, "at 40% of its limits"),
        (sight(requests_per_minute=FULL), Can.SLOWED, "requests a minute are used up"),
        (sight(in_flight=Use(configured=2, used=2)), Can.SLOWED, "concurrent calls are used up"),
        (
            sight(DeploymentView(name="a", tokens_per_day=FULL), DeploymentView(name="b", tokens_per_day=FULL)),
            Can.SLOWED,
            "tokens a day are used up",
        ),
        (sight(DeploymentView(name="a", tokens_per_day=FULL), DeploymentView(name="b")), Can.YES, ""),
        (sight(accounts=(account(1.0),)), Can.NO, "budget b is spent"),
        (sight(accounts=(account(1.0, hard=False),)), Can.YES, ""),
        (sight(accounts=(account(1.0, tenant="trial"),)), Can.YES, ""),
    ],
)
def test_a_lane_says_whether_it_takes_jobs(one: LaneSight, can: Can, why: str) -> None:
    """What stops all its jobs stops it; what stops some of them, or one tenant's, does not."""
    assert (one.can, one.why) == (can, why)


def test_figures_are_added_up_over_deployments() -> None:
    """Errors and medians by calls, the slowest p95, limits together where each has one."""
    a = DeploymentView(name="a", calls=90, error_rate=0.0, p50_s=1.0, p95_s=2.0, requests_per_minute=FULL)
    b = DeploymentView(name="b", calls=10, error_rate=1.0, p50_s=2.0, p95_s=9.0, requests_per_minute=Use(used=5))
    one = sight(a, b)
    assert (one.calls, one.error_rate, one.p50_s, one.p95_s) == (100, 0.1, 1.1, 9.0)
    assert (one.requests.configured, one.requests.used) == (None, 605)
    both = sight(a, b.model_copy(update={"requests_per_minute": Use(configured=60, effective=30, used=1)}))
    assert (both.requests.configured, both.requests.effective, both.requests.used) == (660, 630, 601)


def test_the_scarcest_budget_for_all_is_told() -> None:
    """A tenant's own is not the lane's."""
    one = sight(accounts=(account(0.5), account(0.9), account(1.0, tenant="trial")))
    assert one.left_usd == pytest.approx(1.0)
    assert sight(accounts=(account(1.0, tenant="trial"),)).left_usd is None


def test_a_lane_is_shown_and_told_whatever_is_unknown() -> None:
    """Nothing measured is a dash; JSON has the same fields for each lane."""
    bare = sight(slots=0)
    full = sight(DeploymentView(name="a", calls=3, error_rate=0.5, p50_s=0.1, p95_s=1.0), accounts=(account(0.5),))
    told = facts([bare, full])["lanes"]["far"]
    assert told["takes_jobs"] == "ok"
    assert set(facts([bare])["lanes"]["far"]) == set(told)
    assert facts([]) == {"at": None, "lanes": {}}
    for found in ([], [bare], [bare, full]):
        assert shown(found)
        assert shown(found, deployments=True)
