"""Azure by deployment and version; and which server is OpenAI, which alone learns of an organisation."""

import json
import threading
from typing import Any

import pytest
from provider_lanes import KEY, a_run, ask, lane, surround
from pydantic import ValidationError

from tidegate import errors
from tidegate.errors import InvalidSettings
from tidegate.lane import Zone
from tidegate.settings import Settings
from tidegate.signals import Capability
from workers.backend import Run, open_backend
from workers.managed.completions import ChatCompletions
from workers.managed.openai import open_client
from workers.managed.openai import open_provider as open_openai
from workers.managed.openai_responses import open_provider as open_responses
from workers.standin.faults import Fault
from workers.standin.server import Running

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the shell's."""
    surround(monkeypatch)


@pytest.mark.parametrize("ending", ["", "/", "/openai", "/openai/"])
def test_azure_is_called_by_deployment_and_version(standin: Running, ending: str) -> None:
    """The model is the deployment's name, in the path; the key goes in its own header."""
    here = lane("azure", base_url=standin.url + ending, api_version="2024-10-21", model="our-gpt")
    assert ask(here).model == "stand-in:our-gpt"
    (received,) = standin.standin.received
    assert received.path == "/openai/deployments/our-gpt/chat/completions"
    sent = json.loads(received.body)
    assert sent["max_tokens"] == 256
    assert not sent.keys() & {"store", "top_k"}


def test_azure_s_filters_are_refusals(standin: Running) -> None:
    """Of the prompt, by a 400 with a reason within."""
    standin.standin.book.replace((Fault(fault="content_filter"),))
    with pytest.raises(errors.ContentRefused):
        ask(lane("azure", base_url=standin.url, api_version="1"))


def test_a_deployment_has_an_endpoint_version_model_and_key_of_its_own(
    standin: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not say is the lane's; the run says which one is meant."""
    monkeypatch.setenv("OTHER_KEY", "other")
    two = lane(
        "azure",
        base_url=standin.url,
        api_version="2024-10-21",
        deployments=[
            {"name": "one"},
            {"name": "two", "model": "second", "api_version": "2025-01-01", "key_env": "OTHER_KEY"},
        ],
    )
    backend = open_backend(two, Settings())
    try:
        for name in ("one", "two", "gone"):
            backend.answer(Run(**{**vars(a_run()), "deployment": name}), stop=threading.Event())
    finally:
        backend.close()
    paths = [received.path.split("/")[3] for received in standin.standin.received]
    assert paths == ["gpt-4o-mini", "second", "gpt-4o-mini"]


@pytest.mark.parametrize(
    ("backend", "changed", "why"),
    [
        ("azure", {"api_version": "1"}, "base_url"),
        ("azure", {"base_url": "https://x.openai.azure.com"}, "api_version"),
        ("azure", {"base_url": "https://x", "api_version": "1&x=y"}, "api_version"),
        ("azure", {"base_url": "https://x", "api_version": "1", "model": "auto"}, "auto"),
        ("azure", {"base_url": "https://x", "api_version": "1", "zone": "inside"}, "outside"),
        ("azure", {"api_version": "1", "deployments": [{"name": "eu"}]}, "deployment eu"),
        ("vertex", {}, "region"),
        ("vertex", {"region": "europe-west4", "zone": "inside"}, "outside"),
        ("vertex", {"region": "europe-west4", "model": "auto"}, "auto"),
        ("vertex", {"region": "europe-west4", "capabilities": [Capability.EMBEDDINGS]}, "embeddings"),
    ],
)
def test_a_lane_that_cannot_work_is_refused_at_check(backend: str, changed: dict[str, Any], why: str) -> None:
    """Before any job meets it, with the field that is wrong."""
    with pytest.raises(ValidationError, match=why):
        lane(backend, **{key: Zone(value) if key == "zone" else value for key, value in changed.items()})


def test_the_portal_s_whole_address_is_told_apart() -> None:
    """People copy the target URI, which has the deployment in it."""
    whole = "https://x.openai.azure.com/openai/deployments/gpt/chat/completions"
    with pytest.raises(InvalidSettings, match="endpoint alone"):
        open_backend(lane("azure", base_url=whole, api_version="1"), Settings())


# Which server is OpenAI


@pytest.mark.parametrize(
    ("url", "itself"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.example.com/v1", False),
        ("https://notapi.openai.com/v1", False),
        ("https://llm.example.com/v1", False),
    ],
)
def test_openai_is_known_by_its_address(monkeypatch: pytest.MonkeyPatch, url: str | None, *, itself: bool) -> None:
    """It alone is told what organisation is meant, and to keep nothing of chat completions."""
    own = lane("openai", base_url=url)
    client = open_client(own, own.every_deployment[0], Settings())
    assert (client.organization == "nobody-s-business") == itself
    chats: Any = open_openai(own, own.every_deployment[0], Settings())
    assert isinstance(chats._dialect, ChatCompletions)
    assert (chats._dialect.forgets, chats._dialect.beyond) == (itself, not itself)
    arguments = chats._dialect.arguments(a_run(), model="m", quirks=frozenset(), stream=False)
    assert arguments.get("store") == (False if itself else None)
    responses: Any = open_responses(own, own.every_deployment[0], Settings())
    assert responses._dialect.openai == itself


def test_no_organisation_goes_to_anybody_else(standin: Running) -> None:
    """Neither it nor a project nor an admin's key of the environment."""
    for backend in ("openai", "openai_responses"):
        ask(lane(backend, base_url=standin.url))
    ask(lane("azure", base_url=standin.url, api_version="1"))
    told = " ".join(
        f"{name}: {value}" for received in standin.standin.received for name, value in received.headers.items()
    )
    assert "nobody-s-business" not in told
    assert KEY not in told  # the stand-in leaves keys out of what it keeps
