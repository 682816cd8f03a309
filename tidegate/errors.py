"""Every error that a caller can meet, and the reason codes of dead letters.

TidegateError                 anything of ours
├── Misuse                    the caller can mend it: exit code 2
│   ├── InvalidJob            a job that breaks the contract, told by field
│   ├── InvalidDocument       a YAML file with errors, told by file:line:col
│   ├── InvalidSettings       a setting that is wrong or missing
│   ├── IdempotencyConflict   the same idempotency key came with another job
│   ├── UnknownJob            no job of that id is on record
│   └── MissingExtra          an optional dependency is not installed
├── Unavailable               a part is not there or does not answer
│   ├── StoreUnavailable      the ledger's store cannot be reached
│   ├── BrokerUnavailable     the wake-up could not be sent; the job is safe in the ledger
│   ├── SubmitRefused         there is no room for another job now; it says when to try again
│   ├── StorageFull           the store or the data folder has no room
│   └── PolicyUnavailable     no router here knows which policy is in force
├── ResultTimeout             the job had not ended when the caller stopped waiting
├── JobFailed                 the job ended without a result: dead, cancelled or expired
├── SealBroken                an envelope that this process cannot or must not open
├── Conflict                  the ledger refused a transition: somebody else was first
└── RunError                  one run of a job failed; the failure table says what follows
    ├── RateLimited           the provider asks to come back later
    ├── Overloaded            the provider or the engine has no room now
    ├── NetworkFailed         no connection, or it broke
    ├── RunTimedOut           no answer within the lane's time
    ├── MalformedAnswer       an answer that makes no sense
    ├── EngineCrashed         the local engine died under the job
    ├── ProviderFailed        the provider failed on its side (5xx)
    ├── BadRequest            the provider refuses the request as such (4xx)
    ├── AuthFailed            the provider's key is missing, wrong or not allowed
    ├── QuotaExhausted        the account has no credit left
    ├── LaneOpen              the lane's deployments are left alone after failures
    ├── BudgetExhausted       a hard budget has no room for the job
    ├── AnswerForbidden       the policy forbids what the answer carries
    ├── ContentRefused        the provider or the model declines the content
    ├── ContextOverflow       the prompt does not fit the model
    ├── SchemaInvalid         the answer breaks the promised schema
    ├── ModelMissing          the lane's model is not there
    │   └── NoMemory          it is, and there is no room for it now
    ├── NoClearance           the guard stopped a payload that was not cleared
    └── PayloadMissing        the payload expired or cannot be opened

No message of a RunError carries text of a job: they go on record and into logs.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a job is a dead letter. Operators filter by these; they never change."""

    MAX_ATTEMPTS = "max_attempts"
    TIMEOUT = "timeout"
    POISON = "poison"
    NO_CLEARANCE = "no_clearance"
    POLICY_DENIED = "policy_denied"
    PROVIDER_DOWN = "provider_down"
    ANSWER_FORBIDDEN = "answer_forbidden"
    OVERLOADED = "overloaded"
    BUDGET_EXHAUSTED = "budget_exhausted"
    PROVIDER_4XX = "provider_4xx"
    PROVIDER_AUTH = "provider_auth"
    QUOTA_EXHAUSTED = "quota_exhausted"
    CONTENT_REFUSED = "content_refused"
    CONTEXT_OVERFLOW = "context_overflow"
    SCHEMA_INVALID = "schema_invalid"
    MALFORMED = "malformed"
    ROUTING_FAILED = "routing_failed"
    MODEL_MISSING = "model_missing"
    PAYLOAD_MISSING = "payload_missing"
    EXPIRED = "expired"
    MANUAL = "manual"


class TidegateError(Exception):
    """Anything of ours."""

    exit_code = 1

    refusal: str | None = None
    """What it is counted as, where nobody honest causes it: see `ledger/refusals.py`."""


class Misuse(TidegateError):
    """The caller can mend it."""

    exit_code = 2


class InvalidJob(Misuse):
    """A job that breaks the contract."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("the job is malformed: " + "; ".join(problems))


class InvalidDocument(Misuse):
    """A YAML file with errors, each as `file:line:col: what, expected, hint`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class InvalidSettings(Misuse):
    """A setting that is wrong or missing."""


class IdempotencyConflict(Misuse):
    """The same idempotency key came with another job."""


class UnknownJob(Misuse):
    """No job of that id is on record."""


class MissingExtra(Misuse):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, *, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra '{extra}': pip install 'tidegate[{extra}]'")


class Unavailable(TidegateError):
    """A part is not there or does not answer."""


class StoreUnavailable(Unavailable):
    """The ledger's store cannot be reached."""


class BrokerUnavailable(Unavailable):
    """The wake-up could not be sent; the job is safe in the ledger."""


class SubmitRefused(Unavailable):
    """There is no room for another job now; it says when to try again. Nothing was put on record."""

    def __init__(self, message: str, *, limit: str, retry_after_s: float, accepted: tuple[str, ...] = ()) -> None:
        self.limit = limit
        """Which limit: `open`, `tenant`, `wait` or `memory`."""
        self.retry_after_s = retry_after_s
        self.accepted = accepted
        """With `submit_many`: the ids of the jobs before, which are on record."""
        super().__init__(message)


class StorageFull(Unavailable):
    """The store or the data folder has no room."""


class PolicyUnavailable(Unavailable):
    """No router here knows which policy is in force."""


class ResultTimeout(TidegateError):
    """The job had not ended when the caller stopped waiting."""


class JobFailed(TidegateError):
    """The job ended without a result."""

    def __init__(self, job_id: str, *, state: str, reason: str | None, cause: str | None) -> None:
        self.job_id, self.state, self.reason, self.cause = job_id, state, reason, cause
        super().__init__(f"job {job_id} is {state}" + (f" ({reason})" if reason else "") + _tail(cause))


class SealBroken(TidegateError):
    """An envelope that this process cannot or must not open."""

    def __init__(self, message: str, *, refusal: str | None = None) -> None:
        self.refusal = refusal
        super().__init__(message)


class Conflict(TidegateError):
    """The ledger refused a transition: somebody else was first."""


class RunError(TidegateError):
    """One run of a job failed."""


class RateLimited(RunError):
    """The provider asks to come back later."""

    def __init__(self, message: str = "rate limited", *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class Overloaded(RunError):
    """The provider or the engine has no room now."""


class NetworkFailed(RunError):
    """No connection, or it broke."""


class RunTimedOut(RunError):
    """No answer within the lane's time."""


class MalformedAnswer(RunError):
    """An answer that makes no sense."""


class EngineCrashed(RunError):
    """The local engine died under the job."""


class ProviderFailed(RunError):
    """The provider failed on its side."""


class BadRequest(RunError):
    """The provider refuses the request as such."""


class AuthFailed(RunError):
    """The provider's key is missing, wrong or not allowed."""


class QuotaExhausted(RunError):
    """The account has no credit left."""


class LaneOpen(RunError):
    """The lane's deployments are left alone after failures: its breaker is open."""

    def __init__(self, message: str = "the breaker is open", *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class BudgetExhausted(RunError):
    """A hard budget has no room for the job."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        """None where waiting helps nobody."""
        super().__init__(message)


class AnswerForbidden(RunError):
    """The policy forbids what the answer carries, or nobody can tell what it allows."""

    def __init__(self, message: str, *, refusal: str | None = None) -> None:
        self.refusal = refusal
        super().__init__(message)


class ContentRefused(RunError):
    """The provider or the model declines the content."""


class ContextOverflow(RunError):
    """The prompt does not fit the model."""


class SchemaInvalid(RunError):
    """The answer breaks the promised schema."""

    def __init__(self, message: str = "the answer breaks the promised schema", *, tokens: int | None = None) -> None:
        self.tokens = tokens
        """What was read and written for nothing, where it is known."""
        super().__init__(message)


class ModelMissing(RunError):
    """The lane's model is not there."""


class NoMemory(ModelMissing):
    """The lane's model is there, and there is no room for it now."""


class NoClearance(RunError):
    """The guard stopped a payload that was not cleared."""

    def __init__(self, message: str, *, refusal: str = "no_clearance") -> None:
        self.refusal = refusal
        super().__init__(message)


class PayloadMissing(RunError):
    """The payload expired or cannot be opened."""

    def __init__(self, message: str, *, refusal: str | None = None) -> None:
        self.refusal = refusal
        super().__init__(message)


def _tail(cause: str | None) -> str:
    return f": {cause}" if cause else ""
