"""Lane: a named place to run, with a queue of its own."""

from collections.abc import Collection
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate import hosts
from tidegate.deployment import MAIN, ApiVersion, Deployment, KeyEnv, Limits
from tidegate.names import lane_queue
from tidegate.price import Price
from tidegate.signals import Capability
from tidegate.value import Many, Name, Value


class Zone(StrEnum):
    """Own machines, or somebody else's."""

    INSIDE = "inside"
    OUTSIDE = "outside"


class Retry(Value):
    """How often a lane tries a job, and how long it waits in between: exponential, with full jitter."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    base_s: Annotated[float, Field(gt=0)] = 1.0
    cap_s: Annotated[float, Field(gt=0)] = 60.0
    budget: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Retries over all workers, as a share of the lane's first tries: an outage must not be multiplied."""


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


class Breaker(Value):
    """When a deployment that fails is left alone, by all workers alike, and when it is tried again."""

    failures: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of the last calls that failed."""
    calls: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many calls must have been seen before that share says anything."""
    window_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long a call counts."""
    open_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    """How long it is left alone before one call tries it; doubled each time that fails, up to ten minutes."""


BATCHED_BACKENDS = frozenset({"openai", "openai_responses", "azure", "anthropic"})
"""Those whose provider has an API for batches."""


class Batch(Value):
    """Jobs of latency `batch` are sent through the provider's batch API, where their deadline allows."""

    window_s: Annotated[float, Field(ge=1, le=7 * 86_400)] = 43_200.0
    """How long the provider may take; what it did not answer by then is called at the full price.

    A job whose deadline leaves less than that and `collect_s` is called at once. Half a day: jobs have a day unless
    they say otherwise.
    """
    most_jobs: Annotated[int, Field(ge=1, le=50_000)] = 1000
    """Of one batch; more jobs make more batches."""
    collect_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long jobs are collected before a batch goes that is not full."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """What lines ask for, where it is not the lane's model: Azure's batches want a deployment of their own kind."""
    price_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """What a token costs there, as a share of the lane's price."""


SOMEBODY_ELSES = frozenset({"azure", "vertex"})
"""Backends that call one provider, and no server of one's own."""


class Lane(Value):
    """A zone, a backend, a model, a price, a capacity. E.g. `local-small`, `openai-large`."""

    name: Name
    zone: Zone
    backend: Literal["llama_cpp", "openai", "openai_responses", "azure", "vertex", "anthropic", "noop"]
    model: Annotated[str, Field(min_length=1)]
    base_url: str | None = None
    """Where calls go; None means the provider's own address. An `azure` backend's endpoint."""
    public_host_is_ours: bool = False
    """Of a lane inside whose base_url is a public host name or address: true confirms that the machine is yours."""
    key_env: KeyEnv | None = None
    """The name of the environment variable that holds the provider's key, or `${NAME}`; never the key."""
    api_version: ApiVersion | None = None
    """Of an `azure` backend: such as `2024-10-21`."""
    region: Name | None = None
    """Where the provider computes, such as `eu`: a policy may keep jobs in some regions. A `vertex` backend calls the
    Google Cloud location of this name where it has no base_url."""
    limits: Limits = Limits()
    """Of the lane as a whole, over all workers; each deployment may have its own beside them."""
    deployments: Annotated[Many[Deployment], Field(max_length=64)] = ()
    """Several endpoints, accounts or keys that share the lane's work; none means the lane's own only."""
    breaker: Breaker = Breaker()
    batch: Batch | None = None
    """None: every job is a call of its own."""
    join: Literal["never", "deterministic", "always"] | None = None
    """Whether identical jobs of a tenant that are in flight share one call; `deterministic`: at temperature 0 only.

    Not given: `deterministic` outside, where calls cost money, and `never` inside.
    """
    hedge_after_s: Annotated[float, Field(gt=0)] | None = None
    """An interactive job without a first token by then is asked of a second deployment too; the first answer counts."""
    connect_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    first_token_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """How long a provider may be silent before its first byte; None: as long as the whole may take."""
    context_tokens: Annotated[int, Field(ge=64)]
    chars_per_token: Annotated[float, Field(gt=0, le=10)] = 4.0
    """For the estimate of tokens before a tokenizer has seen the text; about 4 for English."""
    price: Price | None = None
    """Overrides the price table; a lane inside costs nothing where none is given."""
    capabilities: Many[Capability] = ()
    repair: bool = True
    """Whether an answer that breaks its promised form is asked for once more. Of managed lanes only."""
    max_answer_chars: Annotated[int, Field(ge=1, le=16_000_000)] = 1_000_000
    """What a provider says beyond this is no answer: a bound on what one job may put into the store."""
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
    def _batch_can_be_had(self) -> Self:
        if self.batch is not None and (self.zone is Zone.INSIDE or self.backend not in BATCHED_BACKENDS):
            known = " or ".join(sorted(BATCHED_BACKENDS))
            raise ValueError(f"batch: only a lane outside with backend {known} has a provider that takes batches")
        return self

    @model_validator(mode="after")
    def _provider_can_be_called(self) -> Self:
        if self.backend not in SOMEBODY_ELSES:
            return self
        if self.zone is not Zone.OUTSIDE:
            raise ValueError(f"an {self.backend} backend runs at a provider's: its zone is outside")
        for one in self.every_deployment:
            where = f"deployment {one.name}: " if self.deployments else ""
            if (one.model or self.model) == "auto":
                raise ValueError(f"{where}model auto asks a server for its models, which {self.backend} does not tell")
            if self.backend == "azure" and (one.base_url is None or one.api_version is None):
                raise ValueError(f"{where}an azure backend needs base_url (its endpoint) and api_version")
            if self.backend == "vertex" and one.base_url is None and one.region is None:
                raise ValueError(f"{where}a vertex backend needs a region, such as europe-west4, or a base_url")
        if self.backend == "vertex" and Capability.EMBEDDINGS in self.capabilities:
            raise ValueError("a vertex backend makes no embeddings: Google offers none by this API")
        return self

    @model_validator(mode="after")
    def _hedge_comes_in_time(self) -> Self:
        if self.hedge_after_s is None:
            return self
        if self.backend in ("llama_cpp", "noop"):
            raise ValueError("hedge_after_s: only a lane that calls a server can ask a second one")
        if self.hedge_after_s >= min(self.timeout_s, self.first_token_s or self.timeout_s):
            raise ValueError("hedge_after_s must be less than first_token_s and timeout_s: after those nobody waits")
        return self

    @model_validator(mode="after")
    def _inside_is_ours(self) -> Self:
        urls = (self.base_url, *(deployment.base_url for deployment in self.deployments))
        public = [url for url in urls if url is not None and hosts.is_public(url)]
        if self.zone is not Zone.INSIDE or not public:
            return self
        if not self.public_host_is_ours:
            raise ValueError("base_url is a public host: for a lane inside, confirm public_host_is_ours: true")
        if not all(url.strip().lower().startswith("https:") for url in public):
            raise ValueError("base_url is a public host: what must not leave goes there by https alone")
        return self

    @model_validator(mode="after")
    def _deployments_differ(self) -> Self:
        names = [deployment.name for deployment in self.deployments]
        if len(set(names)) < len(names):
            raise ValueError("deployments: each needs a name of its own")
        again = [one.name for one in self.deployments if one.limits.shared and one.limits.shared == self.limits.shared]
        if again:
            raise ValueError(f"deployment {again[0]}: the lane's own limits are shared as {self.limits.shared} already")
        return self

    @cached_property
    def every_deployment(self) -> tuple[Deployment, ...]:
        """Where its calls can go, each with all that is the lane's where it says nothing."""
        own = {name: getattr(self, name) for name in ("base_url", "model", "key_env", "api_version", "region")}
        given = self.deployments or (Deployment(name=MAIN),)
        return tuple(
            one.model_copy(update={name: value for name, value in own.items() if getattr(one, name) is None})
            for one in given
        )

    def deployment(self, name: str | None) -> Deployment | None:
        """That of a name; None where it has gone, or nobody says which."""
        return next((one for one in self.every_deployment if one.name == name), None)

    def deployments_in(self, regions: Collection[str] | None) -> tuple[Deployment, ...]:
        """Those that may compute a job that has to stay in some regions; None: it may be computed anywhere.

        Outside, an address without a region may compute anywhere, so it is none of them. Inside, it is our own machine.
        """
        if regions is None:
            return self.every_deployment
        ours = self.zone is Zone.INSIDE
        return tuple(one for one in self.every_deployment if one.region in regions or (ours and one.region is None))

    @property
    def joins(self) -> str:
        """Which jobs share calls: `always`, `deterministic` or none."""
        join = self.join or ("deterministic" if self.zone is Zone.OUTSIDE else "never")
        return "" if join == "never" else join

    @property
    def queue(self) -> str:
        """The broker's queue of this lane."""
        return lane_queue(self.name)
