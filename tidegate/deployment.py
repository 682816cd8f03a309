"""Deployment: one of the places where a lane's calls can go, with a key, a region and limits of its own."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from tidegate.price import Price
from tidegate.value import Name, Value

Count = Annotated[int, Field(ge=1)]


def _bare(name: object) -> object:
    """`${OPENAI_API_KEY}` means the name, as people are used to write it."""
    return name[2:-1] if isinstance(name, str) and name.startswith("${") and name.endswith("}") else name


KeyEnv = Annotated[str, BeforeValidator(_bare), Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of the environment variable that holds a provider's key, or `${NAME}`; never the key."""

ApiVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,40}$")]

MAIN = "main"
"""What the only deployment of a lane is called that names none."""


class Limits(Value):
    """What a provider lets through, over all workers together. What is not given is not limited."""

    shared: Name | None = None
    """All lanes and deployments whose limits carry this name have them together, as those of one key have."""
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    """Read and written; a call is held to its estimate, and settled by what it used."""
    requests_per_day: Count | None = None
    tokens_per_day: Count | None = None
    concurrent: Count | None = None
    """Calls in flight."""


class Deployment(Value):
    """One endpoint, account or key of a lane. What it does not say is the lane's."""

    name: Name
    base_url: str | None = None
    model: Annotated[str, Field(min_length=1)] | None = None
    key_env: KeyEnv | None = None
    api_version: ApiVersion | None = None
    """Azure's, such as `2024-10-21`."""
    region: Name | None = None
    """Where the provider computes, such as `eu`: a policy may keep jobs in some regions."""
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Its share of the calls beside the others'."""
    limits: Limits = Limits()
    price: Price | None = None
    """Where it costs something else than the lane's others."""
