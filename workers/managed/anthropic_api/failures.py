"""Anthropic's errors into ours: the kinds that are its own, and then the tables that all providers share."""

import json
from collections.abc import Mapping
from typing import Any

import anthropic

from tidegate.errors import MalformedAnswer, NetworkFailed, RunError, RunTimedOut
from workers.managed.chat import told as told_by_code
from workers.managed.translation import Rejection, rejected, translate

STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What an error is called -> the status that it would have come with, where it came without one."""


def failure_of(error: Exception) -> RunError:
    """Our error for anything that a call raised."""
    if isinstance(error, anthropic.APIStatusError):
        return rejected(rejection(error))
    for kind, ours, words in KINDS:
        if isinstance(error, kind):
            return ours(words)
    return translate(error)


KINDS: tuple[tuple[type[Exception], type[RunError], str], ...] = (
    (anthropic.APITimeoutError, RunTimedOut, "no answer in time"),
    (anthropic.APIConnectionError, NetworkFailed, "no connection to the provider"),
    (anthropic.APIResponseValidationError, MalformedAnswer, "the answer cannot be read"),
)
"""The SDK's exceptions without a status, the more exact first."""


def rejection(error: anthropic.APIStatusError) -> Rejection:
    """The parts of the SDK's exception that the tables look at."""
    return Rejection(status=error.status_code, error=_error(error.body), headers=error.response.headers)


def told(body: Any) -> RunError:
    """Our error for an error's body that came without a status: in mid-stream, in a batch, or with 200."""
    error = _error(body)
    status = STATUSES.get(str(error.get("type")))
    return rejected(Rejection(status=status, error=error)) if status else told_by_code(error)


def raise_told_error(content: bytes) -> None:
    """A body that came with status 200 and is an error."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        raise told(body)


def _error(body: Any) -> Mapping[str, Any]:
    """The `error` object of a body, with the code among its details where there is one."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return {}
    details = error.get("details")
    return {**error, "code": details["error_code"]} if isinstance(details, dict) and "error_code" in details else error
