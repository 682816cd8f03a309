"""The cost of a run: the lane's price, the table that ships, nothing inside, and None where nobody knows."""

import re
import socket
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import ValidationError

from tidegate.deployment import Deployment
from tidegate.lane import Lane, Zone
from tidegate.price import Price
from tidegate.prices import NANO, TABLE_DATES, Rate, cost, cost_usd, dearest, rate, unpriced
from tidegate.result import Usage

USAGE = Usage(prompt_tokens=1_000_000, completion_tokens=100_000)


def lane(**changed: object) -> Lane:
    """A lane at OpenAI, but for what is changed."""
    given = {"name": "far", "zone": Zone.OUTSIDE, "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8192}
    return Lane.model_validate({**given, **changed})


def test_the_lanes_price_comes_first() -> None:
    """Operators know their contract better than any table does."""
    ours = lane(price=Price(input_usd=2.0, output_usd=10.0))
    assert cost_usd(ours, USAGE, model="gpt-4o-mini") == pytest.approx(3.0)


def test_the_table_knows_openais_models() -> None:
    """A lane without a price is priced by the table, dated names included."""
    listed = cost_usd(lane(), USAGE, model="gpt-4o-mini-2024-07-18")
    assert listed == cost_usd(lane(), USAGE, model="gpt-4o-mini")
    assert listed is not None
    assert 0.01 < listed < 10


def test_a_stand_in_costs_what_it_stands_for() -> None:
    """Where the answer's name is unknown the lane's model is what was ordered."""
    assert cost_usd(lane(), USAGE, model="stand-in:gpt-4o-mini") == cost_usd(lane(), USAGE, model="gpt-4o-mini")


def test_inside_costs_nothing_unless_the_lane_says_so() -> None:
    """An own machine sends no bill; who wants to count it gives the lane a price."""
    assert cost_usd(lane(zone=Zone.INSIDE, base_url="http://127.0.0.1:8080"), USAGE, model="gpt-4o") == 0.0
    assert cost_usd(lane(zone=Zone.INSIDE), Usage(), model="any") == 0.0
    priced = lane(zone=Zone.INSIDE, price=Price(input_usd=1.0, output_usd=0.0))
    assert cost_usd(priced, USAGE, model="any") == pytest.approx(1.0)


def test_an_unknown_model_has_no_price() -> None:
    """None is not nothing: a budget must not take it for free."""
    assert cost_usd(lane(model="nobodys-model"), USAGE, model="nobodys-model") is None


def test_another_providers_price_is_no_price() -> None:
    """The same model elsewhere may cost something else."""
    assert cost_usd(lane(base_url="https://llm.example.com/v1"), USAGE, model="gpt-4o-mini") is None
    assert cost_usd(lane(base_url="https://api.openai.com/v1"), USAGE, model="gpt-4o-mini") is not None


@pytest.mark.parametrize("price", [None, Price(input_usd=1.0, output_usd=1.0)])
def test_tokens_that_nobody_counted_have_no_price(price: Price | None) -> None:
    """Servers that count no tokens must not look free."""
    assert cost_usd(lane(price=price), Usage(), model="gpt-4o-mini") is None


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table comes with the package: a price works without a network."""
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a price went to the network"))
    assert cost_usd(lane(), USAGE, model="gpt-4o") is not None


def test_what_was_cached_costs_less() -> None:
    """By the lane's word, and by the table; a cache that costs more is no cache."""
    cached = Usage(prompt_tokens=1_000_000, completion_tokens=0, cached_tokens=400_000)
    ours = lane(price=Price(input_usd=2.0, output_usd=10.0, cached_input_usd=0.5))
    assert cost_usd(ours, cached, model="m") == pytest.approx(0.6 * 2.0 + 0.4 * 0.5)
    listed, whole = cost_usd(lane(), cached, model="gpt-4o-mini"), cost_usd(lane(), USAGE, model="gpt-4o-mini")
    assert listed is not None
    assert whole is not None
    assert 0 < listed < whole
    with pytest.raises(ValidationError, match="no provider charges more"):
        Price(input_usd=1.0, output_usd=1.0, cached_input_usd=2.0)


def test_each_cost_says_by_which_price() -> None:
    """The lane's with its day, or the table with its version and date."""
    dated = cost(lane(price=Price(input_usd=1.0, output_usd=1.0, as_of="2026-11-01")), USAGE, model="m")
    assert dated is not None
    assert (dated.priced.source, dated.priced.date) == ("lane", "2026-11-01")
    listed = cost(lane(), USAGE, model="gpt-4o-mini")
    assert listed is not None
    assert listed.priced.source == f"genai-prices {version('genai-prices')}"
    assert listed.priced.date == TABLE_DATES[version("genai-prices")]


def test_the_tables_dates_are_those_of_the_lock() -> None:
    """A new version of the table needs its date here: costs without one say less than they promise."""
    lock = (Path(__file__).resolve().parents[2] / "uv.lock").read_text()
    found = re.search(r'name = "genai-prices"\nversion = "([^"]+)"[\s\S]*?upload-time = "(\d{4}-\d\d-\d\d)', lock)
    assert found is not None
    assert TABLE_DATES.get(found[1]) == found[2]


@pytest.mark.parametrize(
    ("backend", "model", "url"),
    [
        ("openai", "gpt-4.1", None),
        ("openai", "gpt-4.1", "https://api.openai.com/v1"),
        ("azure", "gpt-4o", "https://ours.openai.azure.com"),
        ("anthropic", "claude-sonnet-4-5", None),
        ("vertex", "gemini-2.5-pro", None),
    ],
)
def test_each_providers_models_are_priced(backend: str, model: str, url: str | None) -> None:
    """By the provider's own table; the highest tier is what a job is held to."""
    there = lane(model=model, context_tokens=1_000_000).model_copy(update={"backend": backend, "base_url": url})
    most, spent = rate(there), cost(there, USAGE, model=model)
    assert most is not None
    assert spent is not None
    assert spent.usd * NANO <= most.nano(prompt_tokens=1_000_000, completion_tokens=100_000) + 1


def test_a_deployment_may_cost_something_else() -> None:
    """Its own price, or that of its own model; the dearest stands for the lane."""
    ours = lane(
        deployments=(
            Deployment(name="a"),
            Deployment(name="b", model="gpt-4.1"),
            Deployment(name="c", price=Price(input_usd=50.0, output_usd=0.0)),
        )
    )
    a, b, c = (rate(ours, one) for one in ours.every_deployment)
    assert a is not None
    assert b is not None
    assert c is not None
    assert a.input_nano < b.input_nano < c.input_nano
    assert dearest(ours) == Rate(input_nano=c.input_nano, output_nano=b.output_nano)
    assert list(unpriced(ours)) == []


def test_a_rehearsal_costs_nothing() -> None:
    """Outside, too: nobody is called."""
    noop = lane(backend="noop", model="noop")
    assert cost_usd(noop, Usage(), model="noop") == 0.0
    assert list(unpriced(noop)) == []
