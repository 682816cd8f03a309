"""How LiteLLM's proxy tells failures, in no stand-in's words: each ends in an error of ours. See bin/test-peers."""

import threading

import litellm_proxy
import pytest
from backends import run
from managed_lanes import peer

from tidegate.errors import ContextOverflow, ModelMissing, ProviderFailed, RateLimited, RunError
from tidegate.job import Params
from tidegate.result import Answer
from tidegate.settings import load
from workers.backend import Run, open_backend

pytestmark = pytest.mark.skipif(litellm_proxy.COMMAND is None, reason="bin/test-peers runs these")


def ask(url: str, backend: str, *, model: str, job: Run | None = None) -> Answer:
    """One answer of the proxy."""
    opened = open_backend(peer(url, backend, model=model), load())
    try:
        return opened.answer(job or run(), stop=threading.Event())
    finally:
        opened.close()


@pytest.mark.parametrize("backend", ["openai", "azure", "anthropic"])
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("limited", RateLimited),
        ("broken", ProviderFailed),
        ("long", ContextOverflow),
        ("nobody-has-this", ModelMissing),
    ],
)
def test_its_failures_are_ours(litellm: str, backend: str, model: str, kind: type[RunError]) -> None:
    """By status, and by words where it has no code."""
    with pytest.raises(RunError) as caught:
        ask(litellm, backend, model=model)
    assert type(caught.value) is kind


def test_a_model_that_it_lacks_is_missing_by_responses_too(litellm: str) -> None:
    """A name that nobody serves is the lane's trouble, and the next lane's chance."""
    with pytest.raises(ModelMissing):
        ask(litellm, "openai_responses", model="nobody-has-this")


@pytest.mark.parametrize("backend", ["openai", "azure"])
def test_its_embeddings_are_read(litellm: str, backend: str) -> None:
    """A vector for each text."""
    job = Run(job_id="job", attempt=1, messages=(), params=Params(), timeout_s=30.0, input=("one", "two"))
    answer = ask(litellm, backend, model="embed", job=job)
    assert answer.embeddings is not None
    assert len(answer.embeddings) == 2
    assert answer.usage.prompt_tokens > 0
