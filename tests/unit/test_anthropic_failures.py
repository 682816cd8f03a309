"""Anthropic's errors in our words: by status and kind, by code, and without any sense."""

from typing import Any

import pytest

from tidegate.errors import (
    AuthFailed,
    BadRequest,
    ContentRefused,
    ContextOverflow,
    ModelMissing,
    Overloaded,
    ProviderFailed,
    QuotaExhausted,
    RateLimited,
    RunError,
)
from workers.managed.anthropic_api.failures import told
from workers.managed.translation import Rejection, rejected


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (401, "authentication_error", "invalid x-api-key", AuthFailed),
        (403, "permission_error", "no", AuthFailed),
        (402, "billing_error", "no", QuotaExhausted),
        (404, "not_found_error", "model: claude-x", ModelMissing),
        (413, "request_too_large", "Request exceeds the maximum size", ContextOverflow),
        (429, "rate_limit_error", "slow down", RateLimited),
        (500, "api_error", "oops", ProviderFailed),
        (504, "timeout_error", "late", ProviderFailed),
        (529, "overloaded_error", "Overloaded", Overloaded),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextOverflow),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
            ContextOverflow,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", QuotaExhausted),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", QuotaExhausted),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ContentRefused),
        (400, "invalid_request_error", "messages: roles must alternate", BadRequest),
    ],
)
def test_errors_are_translated(status: int, kind: str, message: str, expected: type[RunError]) -> None:
    """By status and kind where they came with one, by kind where they did not; none of their words is kept."""
    error = {"type": kind, "message": f"{message} canary"}
    found = rejected(Rejection(status=status, error=error))
    assert type(found) is expected
    assert "canary" not in str(found)
    assert type(told({"type": "error", "error": error})) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("enforced_spend_limit_reached", QuotaExhausted),
        ("contract_spend_limit_reached", QuotaExhausted),
        ("ramp_limit_exceeded", RateLimited),
    ],
)
def test_a_code_among_the_details_is_the_more_exact(code: str, expected: type[RunError]) -> None:
    """A spend limit comes as a 429, and no waiting helps."""
    error = {"type": "rate_limit_error", "message": "x", "details": {"error_code": code}}
    assert type(told({"error": error})) is expected


@pytest.mark.parametrize("body_", [None, "text", {}, {"error": None}, {"error": "x"}, {"error": {"type": 5}}, [1]])
def test_an_error_without_sense_is_the_providers(body_: Any) -> None:
    """Whatever came: a retry may help."""
    assert isinstance(told(body_), ProviderFailed)
