"""Lane: a named place to run, with a queue of its own."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tidegate import hosts
from tidegate.names import lane_queue
from tidegate.signals import Capability
from tidegate.value import Many, Name, Value


class Zone(StrEnum):
    """Own machines, or somebody else's."""

    INSIDE = "inside"
    OUTSIDE = "outside"


class Price(Value):
    """What a million tokens cost, in USD."""

    input_usd: Annotated[float, Field(ge=0)]
    output_usd: Annotated[float, Field(ge=0)]

    def cost_usd(self, *, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of one call."""
        return (prompt_tokens * self.input_usd + completion_tokens * self.output_usd) / 1_000_000


class Retry(Value):
    """How often a lane tries a job, and how long it waits in between: exponential, with full jitter."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    base_s: Annotated[float, Field(gt=0)] = 1.0
    cap_s: Annotated[float, Field(gt=0)] = 60.0


class Engine(Value):
    """How a lane's llama.cpp computes. What is not given follows from the model and the machine."""

    kv_tokens: Annotated[int, Field(ge=64)] | None = None
    """The memory of all jobs together, in tokens; None means `context_tokens` for each of `concurrency` jobs."""
    step_tokens: Annotated[int, Field(ge=16, le=8192)] = 256
    """How many tokens are computed at once at most: more reads long prompts faster, and takes memory."""
    prefixes: Annotated[int, Field(ge=0, le=64)] = 0
    """How many beginnings of prompts are kept for the same tenant's next job; never of a job that may be personal."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """None means the CPUs that the process may use, fewer for a small model."""
    n_gpu_layers: Annotated[int, Field(ge=-1, le=10_000)] | None = None
    """Layers on the GPU: -1 is all. A number that cannot be had is an error; None takes all where there is a GPU."""
    main_gpu: Annotated[int, Field(ge=0, le=63)] = 0
    tensor_split: Annotated[Many[Annotated[float, Field(ge=0)]], Field(max_length=64)] = ()
    """The share of each GPU, e.g. `[3, 1]`; empty leaves it to llama.cpp."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """How exactly the memory is kept: q8_0 halves it, q4_0 takes a bit more than a quarter."""
    mmap: bool = True
    """Read weights as they are needed, and share them between processes; false copies them into memory first."""
    confidence: bool = True
    """Whether results say how sure the model was: it costs a pass over the vocabulary for each token."""

    @model_validator(mode="after")
    def _kv_type_can_be_had(self) -> Self:
        if self.kv_type != "f16" and self.flash_attention == "off":
            raise ValueError(f"kv_type {self.kv_type} needs flash_attention: leave it at auto, or take f16")
        return self


def _bare(name: object) -> object:
    """`${OPENAI_API_KEY}` means the name, as people are used to write it."""
    return name[2:-1] if isinstance(name, str) and name.startswith("${") and name.endswith("}") else name


class Lane(Value):
    """A zone, a backend, a model, a price, a capacity. E.g. `local-small`, `openai-large`."""

    name: Name
    zone: Zone
    backend: Literal["llama_cpp", "openai", "noop"]
    model: Annotated[str, Field(min_length=1)]
    base_url: str | None = None
    """Where an `openai` backend calls; None means the provider's own address."""
    public_host_is_ours: bool = False
    """Of a lane inside whose base_url is a public host name or address: true confirms that the machine is yours."""
    key_env: Annotated[str, BeforeValidator(_bare), Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The name of the environment variable that holds the provider's key, or `${NAME}`; never the key."""
    context_tokens: Annotated[int, Field(ge=64)]
    chars_per_token: Annotated[float, Field(gt=0, le=10)] = 4.0
    """For the estimate of tokens before a tokenizer has seen the text; about 4 for English."""
    price: Price | None = None
    """Overrides the price table; a lane inside costs nothing where none is given."""
    capabilities: Many[Capability] = ()
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 1
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    retry: Retry = Retry()
    engine: Engine | None = None
    """Of a `llama_cpp` backend only."""

    @model_validator(mode="after")
    def _zone_fits_backend(self) -> Self:
        if self.backend == "llama_cpp" and self.zone is not Zone.INSIDE:
            raise ValueError("a llama_cpp backend runs here: its zone is inside")
        if self.engine is not None and self.backend != "llama_cpp":
            raise ValueError("engine says how llama.cpp computes here: only a llama_cpp backend has one")
        return self

    @model_validator(mode="after")
    def _inside_is_ours(self) -> Self:
        if self.zone is not Zone.INSIDE or self.base_url is None or not hosts.is_public(self.base_url):
            return self
        if not self.public_host_is_ours:
            raise ValueError("base_url is a public host: for a lane inside, confirm public_host_is_ours: true")
        if not self.base_url.strip().lower().startswith("https:"):
            raise ValueError("base_url is a public host: what must not leave goes there by https alone")
        return self

    @property
    def queue(self) -> str:
        """The broker's queue of this lane."""
        return lane_queue(self.name)
