"""`tidegate policy apply`, `history` and `rollback` as an operator meets them, on a real store."""

import json
from pathlib import Path

import pytest
from doubles import KEYS
from test_policy_live import BROKEN, FAILS, OTHER, POLICY, written
from typer.testing import CliRunner, Result

from router import cli
from tidegate import connections
from tidegate.connections import StoreClient
from tidegate.ledger.census import Census, Presence
from tidegate.settings import Settings


@pytest.fixture(autouse=True)
def _installation(redis: StoreClient, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the shell, pointing to an empty store."""
    where = connections.addresses(settings)
    variables = {"data": str(tmp_path / "data"), "broker_url": where.broker, "store_url": where.store, **KEYS}
    for name, value in variables.items():
        monkeypatch.setenv(f"TIDEGATE_{name.upper()}", value)
    monkeypatch.setattr("router.policy.registry.desk.FOLLOWED_S", 0.05)


def policy(*arguments: str) -> Result:
    """Run `tidegate policy …`."""
    return CliRunner().invoke(cli.app, ["policy", *arguments])


def test_apply_says_what_it_came_to(redis: StoreClient, tmp_path: Path) -> None:
    """The version in force, who follows, and the lanes that nobody serves; for machines too."""
    Census(redis).report(Presence(name="router@a", role="router"))
    Census(redis).report(Presence(name="w", role="worker", zone="inside", lanes={"near": 1}))
    done = policy("apply", str(written(tmp_path, OTHER)), "--note", "the new machine")
    assert done.exit_code == 0
    assert "#1 applied: ward@" in done.stdout
    assert "0 of 1 routers follow; not yet: router@a" in done.stdout
    assert "warning: lane also: no running worker serves it" in done.stdout
    told = json.loads(policy("apply", str(written(tmp_path, POLICY)), "--json").stdout)
    assert (told["applied"], told["entry"], told["routers"], told["followed"]) == (True, 2, ["router@a"], [])
    assert [lane["lane"] for lane in told["unserved"]] == ["also"]


@pytest.mark.parametrize(("text", "said"), [(BROKEN, "did you mean 'send'?"), (FAILS, "expected near, got also")])
def test_a_refusal_tells_everything(tmp_path: Path, text: str, said: str) -> None:
    """Exit code 1, each problem with its place and line, and nothing changed."""
    path = written(tmp_path, text)
    refused = policy("apply", str(path))
    assert refused.exit_code == 1
    assert said in refused.stdout
    assert f"{path}:" in refused.stdout
    assert "nothing was changed" in refused.stdout
    machine = policy("apply", str(path), "--json")
    assert (machine.exit_code, json.loads(machine.stdout)["applied"]) == (1, False)


def test_the_history_tells_who_when_what_and_why(tmp_path: Path) -> None:
    """As a table, with the entry that is in force, and as JSON lines."""
    assert "the configured file is in force" in policy("history").stdout
    policy("apply", str(written(tmp_path, OTHER)), "--note", "the new machine")
    policy("apply", str(written(tmp_path, FAILS)))
    policy("apply", str(written(tmp_path, POLICY)))
    assert policy("rollback", "--note", "too slow").exit_code == 0
    entries = [json.loads(line) for line in policy("history", "--json").stdout.splitlines()]
    assert [entry["kind"] for entry in entries] == ["applied", "refused", "applied", "rolled_back"]
    assert [entry["in_force"] for entry in entries] == [False, False, False, True]
    assert (entries[3]["restores"], entries[3]["note"]) == (1, "too slow")
    assert "expected near, got also" in entries[1]["problems"][0]
    assert "@" in entries[0]["by"]
    assert entries[3]["version"] == entries[0]["version"]


@pytest.mark.parametrize(
    "arguments",
    [("apply",), ("apply", "/no/such/file"), ("rollback",), ("rollback", "ward@ffffffffffff")],
    ids=" ".join,
)
def test_misuse_ends_with_two(arguments: tuple[str, ...]) -> None:
    """No file, and nothing to roll back to."""
    assert policy(*arguments).exit_code == 2


def test_a_store_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In words, with exit code 1."""
    monkeypatch.setenv("TIDEGATE_STORE_URL", "redis://127.0.0.1:1/1")
    monkeypatch.setenv("TIDEGATE_STORE_TIMEOUT_S", "0.2")
    result = policy("apply", str(written(tmp_path, OTHER)))
    assert (result.exit_code, "the store does not answer" in result.stderr) == (1, True)
