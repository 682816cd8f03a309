"""Vendors' errors into ours, once, through tables. Nothing that a vendor wrote gets into a message of ours.

An error's text may quote the job, so it is read here to tell cases apart and then forgotten: a message carries a
status and a code that stands in the tables below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from tidegate.errors import (
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextOverflow,
    MalformedAnswer,
    ModelMissing,
    NetworkFailed,
    Overloaded,
    ProviderFailed,
    QuotaExhausted,
    RateLimited,
    RunError,
    RunTimedOut,
)
from workers.managed.headers import retry_after_s

IMAGE_FAULTS = (
    *("invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "invalid_image_mode"),
    *("image_too_large", "image_too_small", "image_parse_error", "image_file_too_large", "empty_image_file"),
    *("unsupported_image_media_type", "failed_to_download_image", "image_file_not_found"),
)
"""What a failed response of OpenAI's says of an image: with another one the same lane would answer."""

BY_CODE: Mapping[str, type[RunError]] = {
    "insufficient_quota": QuotaExhausted,
    "billing_hard_limit_reached": QuotaExhausted,
    "billing_not_active": QuotaExhausted,
    "context_length_exceeded": ContextOverflow,
    "exceed_context_size_error": ContextOverflow,  # llama-server
    "content_filter": ContentRefused,  # Azure
    "content_policy_violation": ContentRefused,
    "invalid_prompt": ContentRefused,  # what OpenAI's reasoning models say of a prompt against their terms
    "model_not_found": ModelMissing,
    "invalid_model": ModelMissing,  # Mistral
    "invalid_api_key": AuthFailed,
    "rate_limit_exceeded": RateLimited,
    "billing_error": QuotaExhausted,  # Anthropic, as the four that follow
    "contract_spend_limit_reached": QuotaExhausted,
    "enforced_spend_limit_reached": QuotaExhausted,
    "linked_organization_spend_limit_reached": QuotaExhausted,
    "organization_on_hold": AuthFailed,
    "RESOURCE_EXHAUSTED": RateLimited,  # Google
    "data_residency_mismatch": AuthFailed,
    "DeploymentNotFound": ModelMissing,  # Azure, as the next
    "OperationNotSupported": ModelMissing,
    "ResponsibleAIPolicyViolation": ContentRefused,
    "image_content_policy_violation": ContentRefused,
    "bio_policy": ContentRefused,
    "misalignment_policy_violation": ContentRefused,
    **dict.fromkeys(IMAGE_FAULTS, BadRequest),
}
"""The `code` or `type` of an error's body: the most exact thing that a provider says, so it is looked at first."""

BY_WORDS: Mapping[str, type[RunError]] = {
    "maximum context length": ContextOverflow,  # vLLM, which gives no code
    "context window": ContextOverflow,
    "context size": ContextOverflow,
    "prompt is too long": ContextOverflow,  # Anthropic, which says by code what kind of request it was
    "exceed context limit": ContextOverflow,
    "credit balance is too low": QuotaExhausted,
    "usage limits": QuotaExhausted,  # that the account's owner set
    "content filtering policy": ContentRefused,
    "contextwindowexceeded": ContextOverflow,  # LiteLLM, which keeps no provider's code
    "context_length_exceeded": ContextOverflow,
    "invalid model name": ModelMissing,  # LiteLLM
    "input token count": ContextOverflow,  # Gemini
}
"""What the text of a 400 says where it has no code."""

BY_STATUS: Mapping[int, type[RunError]] = {
    401: AuthFailed,
    402: QuotaExhausted,
    403: AuthFailed,
    404: ModelMissing,  # the path is fixed, so it is the lane's model or URL that is not there, not the job's fault
    408: RunTimedOut,
    409: ProviderFailed,  # a lock on their side; OpenAI's own client retries it too
    413: ContextOverflow,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
BY_CLASS: Mapping[int, type[RunError]] = {3: ProviderFailed, 4: BadRequest, 5: ProviderFailed}
"""A status that stands nowhere above, by its hundreds. We follow no redirect: it could lead a payload elsewhere."""

BY_EXCEPTION: Mapping[type[Exception], tuple[type[RunError], str]] = {
    openai.APITimeoutError: (RunTimedOut, "no answer in time"),
    openai.APIConnectionError: (NetworkFailed, "no connection to the provider"),
    openai.APIResponseValidationError: (MalformedAnswer, "the answer cannot be read"),
    httpx2.TimeoutException: (RunTimedOut, "no answer in time"),
    httpx2.DecodingError: (MalformedAnswer, "the answer cannot be decoded"),
    httpx2.TransportError: (NetworkFailed, "the connection broke"),
    TimeoutError: (RunTimedOut, "no answer in time"),
}
"""Exceptions without a status; a subclass takes the row of its nearest base."""


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """What a provider said when it did not answer."""

    status: int
    error: Mapping[str, Any] = field(default_factory=dict)
    """The `error` object of the body, as it came."""
    headers: Mapping[str, str] = field(default_factory=dict)


def translate(error: Exception) -> RunError:
    """Our error for anything that a call raised."""
    if isinstance(error, RunError):
        return error
    if isinstance(error, openai.APIStatusError):
        return rejected(rejection(error))
    row = next((BY_EXCEPTION[base] for base in type(error).__mro__ if base in BY_EXCEPTION), None)
    if row is None:
        return ProviderFailed(f"the call failed with {type(error).__name__}")
    return row[0](row[1])


def rejection(error: openai.APIStatusError) -> Rejection:
    """The parts of a vendor's exception that the tables look at."""
    return Rejection(status=error.status_code, error=_error(error.body), headers=error.response.headers)


def rejected(said: Rejection) -> RunError:
    """Our error for what a provider said: by code, then by words, then by status."""
    code = next((code for code in _codes(said.error) if code in BY_CODE), None)
    kind = BY_CODE[code] if code else _by_words(said) or _by_status(said.status)
    message = f"status {said.status}" + (f" ({code})" if code else "")
    if kind is RateLimited:
        return RateLimited(message, retry_after_s=retry_after_s(said.headers))
    return kind(message)


def _error(body: object) -> Mapping[str, Any]:
    """The error in a body. Google wraps it in a list of one."""
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    return body if isinstance(body, dict) else {}


def _codes(error: Mapping[str, Any]) -> tuple[str, ...]:
    """From the most exact: Azure's reason within, the code, the type, Google's status."""
    inner = error.get("innererror")
    said = (inner.get("code") if isinstance(inner, dict) else None, *map(error.get, ("code", "type", "status")))
    return tuple(value for value in said if isinstance(value, str))


def _by_words(said: Rejection) -> type[RunError] | None:
    text = said.error.get("message")
    if said.status not in (400, 422) or not isinstance(text, str):
        return None
    return next((kind for words, kind in BY_WORDS.items() if words in text.lower()), None)


def _by_status(status: int) -> type[RunError]:
    return BY_STATUS.get(status) or BY_CLASS.get(status // 100, ProviderFailed)
