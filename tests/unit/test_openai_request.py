"""What a run asks of OpenAI: fields under its names, what a server will not have left out; its errors in our words."""

from typing import Any

import pytest
from openai_asked import a_run

from tidegate import errors
from tidegate.errors import RunError
from workers.managed.request import body, quirk, sdk
from workers.managed.translation import Rejection, rejected


def test_openai_itself_is_not_sent_what_it_does_not_know() -> None:
    """What only colours chance is left out there; elsewhere it goes, where the SDK keeps room for it."""
    run = a_run(top_k=3, min_p=0.5, repeat_penalty=1.5, top_p=0.5)
    fields = body(run, model="m", limit_field="max_tokens", beyond=False)
    assert fields["top_p"] == 0.5
    assert not fields.keys() & {"top_k", "min_p", "repeat_penalty", "repetition_penalty"}
    elsewhere = sdk(body(run, model="m", limit_field="max_tokens"))
    assert elsewhere["extra_body"] == {"top_k": 3, "min_p": 0.5, "repeat_penalty": 1.5, "repetition_penalty": 1.5}
    assert "top_k" not in elsewhere


def test_a_limit_is_renamed_and_not_dropped() -> None:
    """A request without a limit could cost anything."""
    fields = body(a_run(max_tokens=5), model="m", limit_field="max_tokens", quirks=frozenset({"max_tokens"}))
    assert fields["max_completion_tokens"] == 5
    assert "max_tokens" not in fields


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"code": "unsupported_parameter", "param": "max_tokens"}, "max_tokens"),
        ({"code": "unsupported_value", "param": "temperature"}, "temperature"),
        ({"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}, "max_tokens"),
        ({"code": "invalid_value", "param": "max_tokens", "message": "max_tokens is too large"}, None),
        ({"code": "unsupported_parameter", "param": "messages"}, None),
        ({"code": 7, "param": ["seed"], "message": None}, None),
        ({}, None),
    ],
)
def test_only_an_unknown_field_is_left_out(error: dict[str, Any], named: str | None) -> None:
    """A value that the server dislikes is the job's business, not a quirk of the server."""
    assert quirk(Rejection(status=400, error=error)) == named
    assert quirk(Rejection(status=500, error=error)) is None


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (302, {}, errors.ProviderFailed),
        (400, {}, errors.BadRequest),
        (400, {"type": "exceed_context_size_error", "code": 400}, errors.ContextOverflow),
        (400, {"message": "This model's maximum context length is 10 tokens"}, errors.ContextOverflow),
        (400, {"code": "content_policy_violation"}, errors.ContentRefused),
        (402, {}, errors.QuotaExhausted),
        (403, {}, errors.AuthFailed),
        (404, {"code": "model_not_found"}, errors.ModelMissing),
        (404, {}, errors.ModelMissing),
        (408, {}, errors.RunTimedOut),
        (409, {}, errors.ProviderFailed),
        (413, {}, errors.ContextOverflow),
        (422, {}, errors.BadRequest),
        (429, {"code": "insufficient_quota"}, errors.QuotaExhausted),
        (429, {"code": ["odd"], "type": 3, "message": {}}, errors.RateLimited),
        (502, {}, errors.ProviderFailed),
        (504, {}, errors.ProviderFailed),
        (520, {}, errors.ProviderFailed),
        (529, {}, errors.Overloaded),
        (999, {}, errors.ProviderFailed),
    ],
)
def test_a_status_becomes_our_error(status: int, error: dict[str, Any], kind: type[RunError]) -> None:
    """The code first, then the words, then the status."""
    assert type(rejected(Rejection(status=status, error=error))) is kind
