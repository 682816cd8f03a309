"""Price: what a million tokens cost, as an operator writes it, and where a cost was looked up."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from tidegate.value import Value

Usd = Annotated[float, Field(ge=0, le=1_000_000)]
Day = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
"""A date, such as `2026-11-01`."""


class Price(Value):
    """What a million tokens cost, in USD."""

    input_usd: Usd
    output_usd: Usd
    cached_input_usd: Usd | None = None
    """For what the provider still had in its cache; the price of other input where not given."""
    as_of: Day | None = None
    """The day of the contract or the list that says so: it is put on record with each cost."""

    @model_validator(mode="after")
    def _cache_is_cheaper(self) -> Self:
        # A job is held to its price without a cache: were the cache dearer, it could cost more than was reserved.
        if self.cached_input_usd is not None and self.cached_input_usd > self.input_usd:
            raise ValueError("cached_input_usd is more than input_usd: no provider charges more for what it has cached")
        return self

    def cost_usd(self, *, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
        """The price of one call. `cached_tokens` are part of the prompt's."""
        cached = min(cached_tokens, prompt_tokens)
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        spent = (prompt_tokens - cached) * self.input_usd + cached * cached_usd + completion_tokens * self.output_usd
        return spent / 1_000_000


class Priced(Value):
    """Where a price comes from, and of which day it is."""

    source: str
    """`lane`, where its operator gave it; `genai-prices 0.2.3`, the table and its version; `own machine`."""
    date: Day | None = None
    """The day of the price or of the table; None where nobody said."""
