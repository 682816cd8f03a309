"""What a run costs, and what it may cost at most: the lane's own price, else the table that ships with genai-prices.

Only arithmetic: the table comes with the package and nothing is fetched. What may be spent is `budget`'s business.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tidegate.deployment import Deployment
from tidegate.lane import Lane, Zone
from tidegate.price import Price, Priced
from tidegate.result import Usage

NANO = 1_000_000_000
"""Costs are added up as whole billionths of a dollar: sums of floats would not add up."""

PROVIDER_IDS: Mapping[str, str] = {
    "openai": "openai",
    "openai_responses": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "vertex": "google",
}
"""A lane's `backend` -> whose prices hold where it has no `base_url`. A new adapter is one line here."""

OF_ONE_PROVIDER = frozenset({"azure", "vertex"})
"""Backends of one provider only: every address of theirs is an account or a region of that provider."""

TABLE_DATES: Mapping[str, str] = {"0.2.3": "2026-11-10"}
"""genai-prices' versions with their day of release: the package does not tell. A test holds it against uv.lock."""

_FREE = Priced(source="own machine")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run cost, and by which price."""

    usd: float
    priced: Priced


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most so much for a token, in billionths of a dollar: what a job is held to before it runs."""

    input_nano: float
    output_nano: float

    def nano(self, *, prompt_tokens: int, completion_tokens: int) -> int:
        """At most so much for one call."""
        return math.ceil(prompt_tokens * self.input_nano + completion_tokens * self.output_nano)


def cost(lane: Lane, usage: Usage, *, model: str, deployment: Deployment | None = None) -> Cost | None:
    """The price of one run, or None where it is not known. `model` is the answer's own name for itself."""
    price = _own_price(lane, deployment)
    if price is None and _is_free(lane):
        return Cost(usd=0.0, priced=_FREE)
    if not usage.counted:
        return None  # no call reads and writes nothing: the provider did not say, and a guess would read as free
    if price:
        usd = price.cost_usd(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
        )
        return Cost(usd=usd, priced=Priced(source="lane", date=price.as_of))
    # The dated name that answered is the more exact; what was ordered, the more certain.
    listed = (_listed(lane, deployment, name, usage) for name in (model, _ordered(lane, deployment)))
    found, table = next((one for one in listed if one is not None), None), _table()
    return Cost(usd=found.usd, priced=table) if found and table else None


def cost_usd(lane: Lane, usage: Usage, *, model: str) -> float | None:
    """The same as a number only."""
    found = cost(lane, usage, model=model)
    return None if found is None else found.usd


def rate(lane: Lane, deployment: Deployment | None = None) -> Rate | None:
    """What a token may cost at most on a lane; None where nobody knows."""
    price = _own_price(lane, deployment)
    if price:
        return Rate(input_nano=price.input_usd * 1000, output_nano=price.output_usd * 1000)
    if _is_free(lane):
        return Rate(input_nano=0.0, output_nano=0.0)
    found = [_listed(lane, deployment, _ordered(lane, deployment), usage) for usage in _samples(lane.context_tokens)]
    known = [one for one in found if one is not None]
    if not known:
        return None
    return Rate(
        input_nano=max(one.input_usd / one.usage.prompt_tokens for one in known) * NANO,
        output_nano=max(one.output_usd / one.usage.completion_tokens for one in known) * NANO,
    )


def dearest(lane: Lane) -> Rate:
    """The highest of its deployments' rates: which one will be called is not known before. Zero where none is known."""
    known = [found for one in lane.every_deployment if (found := rate(lane, one))]
    return Rate(
        input_nano=max((one.input_nano for one in known), default=0.0),
        output_nano=max((one.output_nano for one in known), default=0.0),
    )


def unpriced(lane: Lane) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each deployment of a lane whose price nobody knows: where to say so, and what to do."""
    given = {one.name: index for index, one in enumerate(lane.deployments)}
    for deployment in lane.every_deployment:
        if rate(lane, deployment) is None:
            index = given.get(deployment.name)
            path: tuple[str | int, ...] = () if index is None else ("deployments", index)
            yield (*path, "model"), _unpriced(lane, deployment)


def _unpriced(lane: Lane, deployment: Deployment) -> str:
    where = deployment.base_url or f"the provider of backend {lane.backend}"
    why = "is not installed here" if _table() is None else f"knows none for this model at {where}"
    return (
        f"no price is known: genai-prices {why}; "
        "give the lane `price: {input_usd: …, output_usd: …}`, in USD for a million tokens"
    )


def _own_price(lane: Lane, deployment: Deployment | None) -> Price | None:
    return (deployment.price if deployment else None) or lane.price


def _is_free(lane: Lane) -> bool:
    """An own machine sends no bill, and a rehearsal calls nobody."""
    return lane.zone is Zone.INSIDE or lane.backend == "noop"


def _ordered(lane: Lane, deployment: Deployment | None) -> str:
    return (deployment.model if deployment else None) or lane.model


def _samples(context_tokens: int) -> tuple[Usage, ...]:
    """A short prompt and the longest: some providers charge more for a token of a long one."""
    return tuple(Usage(prompt_tokens=length, completion_tokens=1000) for length in (1000, max(context_tokens, 1000)))


@dataclass(frozen=True, kw_only=True)
class _Listed:
    usage: Usage
    input_usd: float
    output_usd: float

    @property
    def usd(self) -> float:
        return self.input_usd + self.output_usd


def _listed(lane: Lane, deployment: Deployment | None, model: str, usage: Usage) -> _Listed | None:
    """The table's price at this lane's provider."""
    whose = _whose(lane, deployment)
    if whose is None:
        return None
    try:
        from genai_prices import Usage as Tokens  # noqa: PLC0415 - an extra, and not needed inside
        from genai_prices import calc_price  # noqa: PLC0415
    except ImportError:
        return None
    counted: dict[str, Any] = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}
    if usage.cached_tokens:
        counted["cache_read_tokens"] = min(usage.cached_tokens, usage.prompt_tokens)
    try:
        found = calc_price(Tokens(**counted), model, **whose)
    except (LookupError, ValueError):
        return None
    return _Listed(usage=usage, input_usd=float(found.input_price), output_usd=float(found.output_price))


def _whose(lane: Lane, deployment: Deployment | None) -> dict[str, Any] | None:
    """Whose prices hold: told by the address where there is one. Another provider's for the same model are a guess."""
    url = (deployment.base_url if deployment else None) or lane.base_url
    provider = PROVIDER_IDS.get(lane.backend)
    if url is not None and lane.backend not in OF_ONE_PROVIDER:
        return {"provider_api_url": url}
    return None if provider is None else {"provider_id": provider}


@lru_cache(maxsize=1)
def _table() -> Priced | None:
    """The table that is installed."""
    try:
        installed = version("genai-prices")
    except PackageNotFoundError:
        return None
    return Priced(source=f"genai-prices {installed}", date=TABLE_DATES.get(installed))
