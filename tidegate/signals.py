"""Signals: measured facts about a job and the system, on which rules decide. No text is ever in one."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tidegate.value import Many, Value


class Level(StrEnum):
    """How sensitive a job is, from harmless to guarded. `unknown` means that nobody could tell."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    RESTRICTED = "restricted"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Order by how guarded a job must be; what cannot be judged is guarded like the worst."""
        return list(Level).index(self)

    @property
    def sensitive(self) -> bool:
        """Whether a job of this level must stay inside. Everything not known to be harmless must."""
        return self not in (Level.PUBLIC, Level.INTERNAL)


class Band(StrEnum):
    """How hard a job is. `unknown` is a class of its own: lack of evidence is not simplicity."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    UNKNOWN = "unknown"


class Capability(StrEnum):
    """What a job needs of a lane, and what a lane declares."""

    JSON = "json"
    TOOLS = "tools"
    VISION = "vision"
    LONG_CONTEXT = "long_context"
    EMBEDDINGS = "embeddings"
    """Texts into vectors. A local lane that declares it does nothing else."""


class Finding(Value):
    """One detected span, without the span's text."""

    type: str
    score: Annotated[float, Field(ge=0, le=1)]
    detector: str
    view: str = "as_written"
    """Which reading of the text showed it: `as_written`, `plain`, `base64`, …"""


class Coverage(Value):
    """What was looked at, and what could not be. No text is in it."""

    chars: Annotated[int, Field(ge=0)] = 0
    """How much text there was, before any reading of it."""
    views: Many[str] = ()
    """The readings that were looked at, each once."""
    skipped: Many[str] = ()
    """What nobody could look at, in the words of the cause: `image: binary`."""


class Sensitivity(Value):
    """What the detectors said together, and why when it is `unknown`."""

    level: Level
    findings: Many[Finding] = ()
    cause: str | None = None
    because: str | None = None
    """What made the level: a type, or a combination of types with its reason and place. Never a job's text."""
    coverage: Coverage | None = None
    """None where nobody looked, as in a case that states its level."""
    least: Level | None = None
    """What the producer or the conversation asks for at least: no policy may narrow it."""

    @property
    def types(self) -> tuple[str, ...]:
        """The entity types that were found, each once, sorted."""
        return tuple(sorted({finding.type for finding in self.findings}))


class Complexity(Value):
    """A band, the score behind it (None where nothing could be measured) and the evidence by name."""

    band: Band
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    evidence: dict[str, float] = {}


class LaneLoad(Value):
    """How busy a lane is, by the ledger's counts."""

    queued: int = 0
    running: int = 0
    waiting: int = 0
    slots: int = 0
    service_s: float | None = None
    oldest_s: float = 0.0
    wait_s: float | None = None
    """The estimated wait before a new job starts; None where nobody serves the lane."""


class BudgetLeft(Value):
    """What is left of one budget for this job's tenant, of what was not spent yet; what runs hold is still in it."""

    usd: float | None = None
    """None where the budget limits no dollars. Below zero where more was spent than expected."""
    tokens: int | None = None
    """None where the budget limits no tokens."""


class Signals(Value):
    """Everything the rules may look at."""

    sensitivity: Sensitivity
    complexity: Complexity
    tokens: Annotated[int, Field(ge=0)]
    """Estimated prompt tokens."""
    max_tokens: Annotated[int, Field(ge=0)]
    """Tokens that the job may produce at most."""
    needs: Many[Capability] = ()
    tenant: str = "default"
    latency: str = "interactive"
    task: str | None = None
    """What kind of work the producer says it is."""
    load: dict[str, LaneLoad] = {}
    """How busy each lane is; a lane that is not in here was not measured."""
    minute: Annotated[int, Field(ge=0, lt=7 * 24 * 60)] | None = None
    """The minute of the week in UTC: 0 is Monday, midnight. None: the clock was not read."""
    draw: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """A number in [0, 1) that stays the same for a job, or for a conversation: it decides a split."""
    overflowing: Many[str] = ()
    """The rules that are in overflow now."""
    budget_left_usd: dict[str, float] = {}
    """By `lane:NAME` or `tenant:NAME`; what is not in here was not measured."""
    budgets: dict[str, BudgetLeft] = {}
    """By the budget's name; one that is not in here was not measured, and nothing is done about it here."""
