"""Images and embeddings: every managed backend passes images on in its API's words, and makes vectors if it can."""

import base64
import math
import threading
from typing import Any

import pytest
from backends import PEERS, PROVIDERS, Served
from managed_lanes import managed

from tidegate.errors import BadRequest, ModelMissing
from tidegate.job import Message, Params
from tidegate.lane import Zone
from tidegate.settings import load
from workers.backend import Run, open_backend
from workers.standin.server import Running

PIXELS = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(200))).decode()
URL = "https://images.example.com/tide.png"

EMBEDDING = ("openai", "openai_responses", "azure")
"""Those whose provider has embeddings by this API."""


@pytest.fixture(params=(*PROVIDERS, *PEERS))
def seeing(request: pytest.FixtureRequest) -> Any:
    """Each managed backend in turn."""
    return request.getfixturevalue(request.param)


def with_image(url: str) -> Run:
    """A question about an image."""
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    message = Message.model_validate({"role": "user", "content": parts})
    return Run(job_id="job", attempt=1, messages=(message,), params=Params(max_tokens=32), timeout_s=30.0)


@pytest.mark.parametrize(("url", "sent"), [(f"data:image/png;base64,{PIXELS}", PIXELS), (URL, URL)])
def test_an_image_is_passed_on_whole(seeing: Served, lengthy: Running, url: str, sent: str) -> None:
    """As it was given, embedded or as an address; nothing of ours fetches it."""
    assert seeing.ask(with_image(url)).text
    assert sent in lengthy.standin.received[-1].body.decode()


@pytest.mark.parametrize("called", ["openai", "openai_responses", "anthropic"])
def test_a_server_of_one_s_own_fetches_nothing(called: str, lengthy: Running) -> None:
    """A lane inside takes an image that is there, and none that would be asked of a stranger."""
    inside = managed(lengthy.url, called, zone=Zone.INSIDE)
    backend = open_backend(inside, load())
    try:
        before = len(lengthy.standin.received)
        with pytest.raises(BadRequest, match="embed it"):
            backend.answer(with_image(URL), stop=threading.Event())
        assert len(lengthy.standin.received) == before
        assert backend.answer(with_image(f"data:image/png;base64,{PIXELS}"), stop=threading.Event()).text
    finally:
        backend.close()


@pytest.mark.parametrize("called", EMBEDDING)
def test_texts_become_vectors(called: str, request: pytest.FixtureRequest) -> None:
    """One for each, in their order, and what they took."""
    served: Served = request.getfixturevalue(called)
    job = Run(job_id="job", attempt=1, messages=(), params=Params(), timeout_s=30.0, input=("one", "two", "one"))
    answer = served.ask(job)
    assert answer.embeddings is not None
    first, second, third = answer.embeddings
    assert first == third != second
    assert math.isclose(math.hypot(*first), 1.0, rel_tol=1e-3)
    assert answer.usage.prompt_tokens > 0


@pytest.mark.parametrize("called", sorted(set(PROVIDERS) - set(EMBEDDING)))
def test_who_makes_no_vectors_says_so(called: str, request: pytest.FixtureRequest) -> None:
    """Rather than answer with something else."""
    served: Served = request.getfixturevalue(called)
    job = Run(job_id="job", attempt=1, messages=(), params=Params(), timeout_s=30.0, input=("one",))
    with pytest.raises((BadRequest, ModelMissing)):
        served.ask(job)
