"""What a run cost: the lane's own price, else the table that ships with genai-prices, else nobody knows.

Only arithmetic: the table comes with the package and nothing is fetched. Budgets live elsewhere.
"""

from genai_prices import Usage as Tokens
from genai_prices import calc_price

from tidegate.lane import Lane, Zone
from tidegate.result import Usage


def cost_usd(lane: Lane, usage: Usage, *, model: str) -> float | None:
    """The price of one run on a lane, or None where it is not known. `model` is the answer's own name for itself."""
    if usage == Usage() and (lane.zone is Zone.OUTSIDE or lane.price):
        return None  # no call reads and writes nothing: the provider did not say, and a guess would read as free
    if lane.price:
        return lane.price.cost_usd(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)
    if lane.zone is Zone.INSIDE:
        return 0.0
    # The dated name that answered is the more exact; the lane's name is what was ordered.
    costs = (_listed_usd(lane, usage, model=name) for name in (model, lane.model))
    return next((cost for cost in costs if cost is not None), None)


def _listed_usd(lane: Lane, usage: Usage, *, model: str) -> float | None:
    """The table's price at this lane's provider. Another provider's price for the same model would be a guess."""
    tokens = Tokens(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)
    try:
        if lane.base_url is None:
            return float(calc_price(tokens, model, provider_id="openai").total_price)
        return float(calc_price(tokens, model, provider_api_url=lane.base_url).total_price)
    except (LookupError, ValueError):
        return None
