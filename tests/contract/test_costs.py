"""`tidegate costs`: sums by any side, copies apart, budgets; and what the router reads of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from router.budgets import Budgets
from router.policy.loader import load_policy
from tidegate.budget import Per
from tidegate.cli.main import app
from tidegate.connections import StoreClient
from tidegate.ledger.accounts import Accounts
from tidegate.settings import Settings
from tidegate.signals import BudgetLeft

POLICY = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: t, context_tokens: 4096}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8000}
budgets:
  house: {usd: 10, per: month}
  acme: {tenant: acme, usd: 1, tokens: 1000, per: day}
  each: {each: tenant, lane: far, usd: 4, per: day, hard: false}
rules:
  - {name: rich, when: {budget_left_usd: {tenant: other, over: 1}}, send: far, why: w}
  - {name: poor, when: {budget_left_usd: {lane: near, over: 1}}, send: near, why: w}
default: {send: near, why: d}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy with budgets."""
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def run(settings: Settings, redis: StoreClient, policy: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, on the session's store."""
    assert settings.broker_url is not None
    assert settings.store_url is not None
    monkeypatch.setenv("TIDEGATE_DATA", str(settings.data))
    monkeypatch.setenv("TIDEGATE_BROKER_URL", settings.broker_url.get_secret_value())
    monkeypatch.setenv("TIDEGATE_STORE_URL", settings.store_url.get_secret_value())
    monkeypatch.setenv("TIDEGATE_POLICY", str(policy))
    redis.ping()

    def command(*words: str) -> Result:
        return CliRunner().invoke(app, ["costs", *words])

    return command


def note(redis: StoreClient, line: str, sums: str, *, per: Per = Per.DAY) -> None:
    """One line of today's costs, as the scripts write it."""
    redis.hset(f"tg:costs:{per.key(redis.time()[0])}", line, sums)


def test_costs_add_up_by_any_side(run: Any, redis: StoreClient) -> None:
    """Those of copies stand apart; a line that nobody of ours wrote is passed over."""
    note(redis, "job|acme|far|rich|gpt-4o-mini", "3 2 100 200 3000000000 1000000000 0 500000000")
    note(redis, "job|zeta|near|-|t|with|bars", "1 1 10 20 0 0 250000000 0")
    note(redis, "shadow|acme|far|rich|gpt-4o-mini", "1 1 5 5 70000000 0 0 0")
    note(redis, "nonsense", "x")
    note(redis, "a|b", "1 2")
    found = json.loads(run("--json").stdout)
    assert [(row["name"], row["usd"], row["jobs"]) for row in found["rows"]] == [("far", 3.0, 2), ("near", 0.0, 1)]
    assert (found["total"]["saved_usd"], found["total"]["lost_usd"], found["total"]["unsure_usd"]) == (0.25, 1.0, 0.5)
    assert (found["shadow"]["usd"], found["shadow"]["runs"]) == (0.07, 1)
    for by, names in (("tenant", ["acme", "zeta"]), ("rule", ["rich", "-"]), ("model", ["gpt-4o-mini", "t|with|bars"])):
        assert [row["name"] for row in json.loads(run("--by", by, "--json").stdout)["rows"]] == names
    people = run()
    assert people.exit_code == 0
    assert "copies for comparison" in people.stdout
    assert "$3.00" in people.stdout


def test_days_are_asked_for_by_name(run: Any) -> None:
    """A span that ends before it begins is misuse; one of which nothing is kept is told."""
    assert "nothing ran" in run("--since", "2026-01-01", "--until", "2026-01-02").stdout
    assert run("--since", "2026-01-03", "--until", "2026-01-02").exit_code == 2
    assert run("--since", "soon").exit_code == 2
    assert run("--by", "colour").exit_code == 2


def test_budgets_tell_what_is_left(run: Any, redis: StoreClient) -> None:
    """Each account that somebody used, and those that are there from the start."""
    day, month = (per.key(redis.time()[0]) for per in (Per.DAY, Per.MONTH))
    redis.hset(f"tg:budget:house:{month}", mapping={"*:usd": 8_500_000_000, "*:usd_held": 500_000_000})
    redis.hset(f"tg:budget:acme:{day}", mapping={"*:usd": 10, "*:tokens": 1200})
    redis.hset(f"tg:budget:each:{day}", mapping={"zeta:usd": 1_000_000_000})
    found = {(one["budget"], one["account"]): one for one in json.loads(run("--budgets", "--json").stdout)}
    assert {key: one["state"] for key, one in found.items()} == {
        ("house", "*"): "warned",
        ("acme", "*"): "spent",
        ("each", "zeta"): "ok",
    }
    assert found["house", "*"]["usd"] == {"limit": 10.0, "spent": 8.5, "held": 0.5, "left": 1.0}
    assert found["acme", "*"]["tokens"]["left"] == -200
    assert "1,200 tokens" in run("--budgets").stdout


def test_a_policy_without_budgets_says_so(run: Any, policy: Path) -> None:
    """Not an empty table."""
    text = POLICY[: POLICY.index("budgets:")] + POLICY[POLICY.index("rules:") :]
    policy.write_text(text)
    assert "no budgets" in run("--budgets").stdout


def test_the_router_reads_what_is_left_for_a_tenant(redis: StoreClient, policy: Path) -> None:
    """By budget for the engine; by lane and tenant, less what is held, for conditions. Kept for a moment."""
    day, month = (per.key(redis.time()[0]) for per in (Per.DAY, Per.MONTH))
    redis.hset(f"tg:budget:house:{month}", mapping={"*:usd": 8_500_000_000, "*:usd_held": 500_000_000})
    redis.hset(f"tg:budget:each:{day}", mapping={"other:usd": 3_750_000_000})
    ready = load_policy(policy)
    budgets = Budgets(Accounts(redis))
    left = budgets.left(ready, "acme")
    assert left.budgets == {
        "house": BudgetLeft(usd=1.5),
        "acme": BudgetLeft(usd=1.0, tokens=1000),
        "each": BudgetLeft(usd=4.0),
    }
    assert left.usd == {"tenant:acme": 1.0, "tenant:other": 0.25, "lane:far": 1.0}
    redis.flushdb()
    assert budgets.left(ready, "acme") is left
    assert Budgets(Accounts(redis)).left(ready, "zeta").usd["lane:far"] == 4.0


def test_a_condition_on_a_budget_that_nobody_counts_is_warned_of(policy: Path) -> None:
    """It would never hold."""
    (told,) = [one for one in load_policy(policy).warnings if "no budget in dollars" in one]
    assert "rules[1].when.budget_left_usd: never holds: no budget in dollars counts there" in told
