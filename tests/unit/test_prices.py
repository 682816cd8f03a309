"""The cost of a run: the lane's price, the table that ships, nothing inside, and None where nobody knows."""

import socket

import pytest

from tidegate.lane import Lane, Zone
from tidegate.price import Price
from tidegate.prices import cost_usd
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
