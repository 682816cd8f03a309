"""Decision and clearance: where a job may run, and the proof that its payload may leave."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tidegate.lane import Zone
from tidegate.signals import Level, Signals
from tidegate.value import Many, Name, Value


class Check(Value):
    """One condition of a rule with the value that it saw: `complexity`, wanted `simple`, saw `complex`."""

    signal: str
    wanted: JsonValue
    saw: JsonValue
    held: bool


class RuleTrace(Value):
    """One rule that was looked at, in order, and why it matched or did not."""

    rule: str
    matched: bool
    checks: Many[Check] = ()


class Decision(Value):
    """The ordered lanes that a job may take, the rule that said so, and everything it was said on."""

    v: Literal[1] = 1
    lanes: Many[Name]
    """In order of preference; empty means that the policy has no lane for this job."""
    zone: Zone
    """`outside` only when the payload is cleared to leave; every lane may then still be inside."""
    cleared: Many[Name] = ()
    """The lanes outside among `lanes`. Empty means that nothing leaves."""
    rule: str
    why: str = ""
    policy: str
    """Name and content hash of the policy: `default@3f9c…`."""
    cause: str | None = None
    """Why it was decided against the rule's wish, where it was: a guarantee, a detector's failure."""
    redacted: bool = False
    """Whether what leaves is a copy with placeholders for what was found. Lanes inside get the job as it is."""
    replaced: dict[str, int] = {}
    """How many values of each type that copy has placeholders for."""
    narrowed: Many[str] = ()
    """Entity types that an operator declared harmless, where the job may leave only because of that."""
    regions: Many[Name] | None = None
    """Where it may be computed; None: anywhere. What names no region is none of them, unless it is inside."""
    answers_at_most: Level | None = None
    """The most guarded level that an answer from outside may have; None: nobody looks."""
    overflow: Literal["enter", "hold", "leave"] | None = None
    """The job goes out by its rule's overflow, which begins with it or goes on. Older records also say that it ends."""
    shadow: Name | None = None
    """A lane on which a copy runs for comparison. It is one that the original may use, too."""
    signals: Signals
    trace: Many[RuleTrace] = ()


class Clearance(Value):
    """The proof that one sealed payload may leave, for some lanes. Only the router can sign one."""

    v: Literal[1] = 1
    job_id: str
    slot: str
    """The vault's slot that holds the payload sealed for the outside."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of that envelope: another payload in the same slot is not cleared."""
    lanes: Annotated[Many[Name], Field(min_length=1)]
    policy: str
    regions: Many[Name] | None = None
    """As in the decision: a lane may have a deployment where this payload must not be computed."""
    answers_at_most: Level | None = None
    """As in the decision: then an answer goes back to the router, and to nobody else before it has looked."""
    expires_at: float
    """Unix time in seconds, by the store's clock."""
