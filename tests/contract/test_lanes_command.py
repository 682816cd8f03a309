"""`tidegate lanes` on a real store: empty, with lanes at work, and with none; as a table, as JSON, and as a check."""

import json
from pathlib import Path
from typing import Any

import pytest
from doubles import KEYS
from gating import SHARING
from pydantic import SecretStr
from typer.testing import CliRunner

from tidegate.cli.main import app
from tidegate.connections import StoreClient
from tidegate.ledger.census import Census, Presence
from tidegate.settings import Settings

POLICY = """\
version: 1
name: seen
lanes:
  near: {zone: inside, backend: noop, model: noop, context_tokens: 4096}
  far:
    zone: outside
    backend: openai
    model: m
    context_tokens: 4096
    price: {input_usd: 1, output_usd: 2}
    limits: {requests_per_minute: 600}
    deployments: [{name: eu, region: eu, key_env: EU_KEY}, {name: us, key_env: US_KEY}]
budgets:
  all: {per: day, usd: 5}
default: {send: near, why: for the test}
"""


@pytest.fixture
def env(settings: Settings, redis: StoreClient, tmp_path: Path) -> dict[str, str]:
    """What the command needs to find the store and the policy."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    urls = {"BROKER_URL": settings.broker_url, "STORE_URL": settings.store_url}
    plain = {name: value.get_secret_value() for name, value in urls.items() if isinstance(value, SecretStr)}
    given = {**plain, "DATA": str(settings.data), "POLICY": str(policy)}
    return {**{f"TIDEGATE_{name}": value for name, value in given.items()}, "COLUMNS": "240"}


def type_(*words: str, env: dict[str, str]) -> tuple[int, str]:
    """What it said, and its exit code."""
    found = CliRunner().invoke(app, ["lanes", *words], env=env)
    return getattr(found.exception, "exit_code", found.exit_code), f"{found.output}{found.exception or ''}"


def lanes(*words: str, env: dict[str, str]) -> dict[str, Any]:
    """The lanes, by name."""
    code, said = type_("--json", *words, env=env)
    assert code == 0, said
    told: dict[str, Any] = json.loads(said)["lanes"]
    return told


def test_an_empty_store_shows_each_lane(env: dict[str, str]) -> None:
    """Nobody has done anything: no worker, nothing spent, limits unused, and exit 0 but for the check."""
    found = lanes(env=env)
    assert list(found) == ["near", "far"]
    assert {one["why"] for one in found.values()} == {"no worker"}
    assert found["far"]["requests_per_minute"] == {"configured": 600.0, "effective": 600.0, "used": 0.0}
    assert (found["far"]["left_usd"], found["near"]["left_usd"]) == (5.0, None)
    assert [one["name"] for one in found["far"]["gate"]["deployments"]] == ["eu", "us"]
    code, said = type_("--deployments", env=env)
    assert (code, "far@eu" in said, "0/600" in said, "$5.00" in said) == (0, True, True, True)
    assert type_("--check", env=env)[0] == 1


def test_a_lane_that_somebody_serves_takes_jobs(env: dict[str, str], redis: StoreClient) -> None:
    """Then the check passes for it, and for it alone where it is asked for."""
    Census(redis).report(Presence(name="w@h.1", role="worker", lanes={"near": 2}))
    assert lanes("near", env=env)["near"]["takes_jobs"] == "ok"
    assert type_("--check", "near", env=env)[0] == 0
    assert type_("--check", env=env)[0] == 1


def test_batches_are_shown_with_their_lanes(env: dict[str, str], redis: StoreClient) -> None:
    """One under way and one that is over; those of other lanes are left out."""
    now = redis.time()[0]
    for name, lane, state in (("b1", "far", "sent"), ("b2", "far", "done"), ("b3", "gone", "sent")):
        redis.hset(f"tg:batch:{name}", mapping=_batch(name, lane, state, now))
        redis.zadd("tg:batches", {name: now})
    code, said = type_("--batches", env=env)
    assert (code, "b1" in said, "done: settled" in said, "b3" in said) == (0, True, True, False)
    code, said = type_("--batches", "--json", env=env)
    assert {one["id"] for one in json.loads(said)["batches"]} == {"b1", "b2"}


def _batch(name: str, lane: str, state: str, now: int) -> dict[str, str]:
    over = {"outcome": "settled", "done_at": str(now), "succeeded": "2"} if state == "done" else {}
    return {
        "id": name,
        "lane": lane,
        "state": state,
        "jobs": "3",
        "formed_at": str(now - 60),
        "until": str(now + 60),
        **over,
    }


def test_misuse_and_a_store_that_is_away_are_told_in_a_line(env: dict[str, str], tmp_path: Path) -> None:
    """Exit 2 for a lane that is none and for a broken policy, 1 for no store; never a traceback."""
    code, said = type_("fra", env=env)
    assert (code, "there is: near, far" in said) == (2, True)
    (tmp_path / "broken.yaml").write_text("lanes: {near: {zone: nowhere}}")
    assert type_(env={**env, "TIDEGATE_POLICY": str(tmp_path / "broken.yaml")})[0] == 2
    away = {**env, "TIDEGATE_BROKER_URL": "redis://127.0.0.1:1/0", "TIDEGATE_STORE_URL": "redis://127.0.0.1:1/1"}
    for words in ((), ("--watch",)):
        code, said = type_(*words, env={**away, "TIDEGATE_STORE_TIMEOUT_S": "0.2"})
        assert code == 1
        assert "Traceback" not in said


def test_no_key_is_told(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the provider's, and not the store's."""
    monkeypatch.setenv("EU_KEY", "sk-canary-of-lanes")
    said = type_("--json", env=env)[1] + type_("--deployments", env=env)[1]
    assert "sk-canary" not in said
    assert not [key for key in KEYS.values() if str(key) in said]


def test_lanes_that_share_limits_say_so(env: dict[str, str], tmp_path: Path) -> None:
    """In a line under the table, for one lane as for all; in JSON by name."""
    (tmp_path / "policy.yaml").write_text(SHARING)
    assert "prod is one limit for small, large@a" in type_("small", env=env)[1]
    assert json.loads(type_("--json", env=env)[1])["shared_limits"] == {"prod": ["small", "large@a"]}
    found = lanes(env=env)
    assert found["small"]["gate"]["shared"] == "prod"
    assert [one["shared"] for one in found["large"]["gate"]["deployments"]] == ["prod", None]
