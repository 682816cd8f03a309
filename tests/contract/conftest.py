"""The backends that keep one contract. To add one: a fixture that yields a `Served`, and its name in BACKENDS."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import google_credentials as google
import litellm_proxy
import llama_server as server
import pytest
from backends import ANTHROPIC_LACKS, BACKENDS, CANARY, CERTAIN, REAL, RESPONSES_LACK, Served
from ggufs import HERMES, with_template
from managed_lanes import managed, peer

from tidegate.lane import Lane, Zone
from tidegate.settings import load
from workers.backend import open_backend
from workers.managed.backend import PROVIDERS
from workers.standin.faults import Fault, When
from workers.standin.server import Running, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pass over what a gateway cannot be held to."""
    for item in items:
        called = getattr(getattr(item, "callspec", None), "params", {}).get("served")
        plain = item.name.replace(f"[{called}]", "").replace(f"[{called}-", "[")
        why = litellm_proxy.APART.get((called, plain))
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def model_with_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model with a chat template that has a place for tools."""
    return with_template(HERMES, tmp_path_factory.mktemp("models") / "tools.gguf")


@pytest.fixture(scope="session")
def llama_cpp(model_with_tools: Path) -> Iterator[Served]:
    """The local engine."""
    yield from _served(
        Lane(
            name="local-small",
            zone=Zone.INSIDE,
            backend="llama_cpp",
            model=str(model_with_tools),
            context_tokens=server.CONTEXT_TOKENS,
            concurrency=server.SLOTS,
        )
    )


@pytest.fixture(scope="session")
def llama_server(model_with_tools: Path) -> Iterator[Served]:
    """OpenAI's client against llama.cpp's own server with the same model: a lane inside."""
    with server.running(model_with_tools) as url:
        yield from _served(
            Lane(
                name="own-server",
                zone=Zone.INSIDE,
                backend="openai",
                model="auto",
                base_url=url,
                context_tokens=server.CONTEXT_TOKENS,
                concurrency=server.SLOTS,
            )
        )


@pytest.fixture(scope="session")
def lengthy() -> Iterator[Running]:
    """The stand-in, which is told what is too long for it."""
    import_module(PROVIDERS["anthropic"])  # its SDK takes seconds, which are no test's to wait for
    texts = (When(contains=text) for text in ("word word word", CANARY * 2))
    faults = [Fault(fault="context_too_long", times="forever", when=when) for when in texts]
    with pytest.MonkeyPatch.context() as patch, running(faults=faults, record=True) as standin:
        patch.setenv("CONTRACT_KEY", "any")  # a name of its own: it is set until the last test
        patch.setenv("CONTRACT_CREDENTIALS", google.credentials(f"{standin.url}/token"))
        yield standin


@pytest.fixture(scope="session")
def openai(lengthy: Running) -> Iterator[Served]:
    """Chat completions."""
    yield from _served(managed(lengthy.url, "openai"))


@pytest.fixture(scope="session")
def openai_responses(lengthy: Running) -> Iterator[Served]:
    """The Responses API."""
    yield from _served(managed(lengthy.url, "openai_responses"), lacks=RESPONSES_LACK)


@pytest.fixture(scope="session")
def azure(lengthy: Running) -> Iterator[Served]:
    """Azure by deployment and version."""
    yield from _served(managed(lengthy.url, "azure"))


@pytest.fixture(scope="session")
def vertex(lengthy: Running) -> Iterator[Served]:
    """Google's own models and those of other publishers."""
    yield from _served(managed(lengthy.url, "vertex"))


@pytest.fixture(scope="session")
def vertex_openai(lengthy: Running) -> Iterator[Served]:
    """OpenAI's models at Google."""
    yield from _served(managed(lengthy.url, "vertex_openai"), lacks=RESPONSES_LACK)


@pytest.fixture(scope="session")
def anthropic(lengthy: Running) -> Iterator[Served]:
    """Anthropic's messages: the stand-in is as strict as Anthropic with what it is sent."""
    yield from _served(managed(lengthy.url, "anthropic"), lacks=ANTHROPIC_LACKS)


@pytest.fixture(scope="session")
def litellm(lengthy: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """LiteLLM's proxy before the stand-in."""
    with pytest.MonkeyPatch.context() as patch, litellm_proxy.running(lengthy.url, tmp_path_factory.mktemp("l")) as url:
        patch.setenv("CONTRACT_LITELLM_KEY", litellm_proxy.KEY)
        yield url


@pytest.fixture(scope="session")
def litellm_openai(litellm: str) -> Iterator[Served]:
    """Chat completions, passed on."""
    yield from _served(peer(litellm, "openai", model="chat"))


@pytest.fixture(scope="session")
def litellm_claude(litellm: str) -> Iterator[Served]:
    """Chat completions that become Anthropic's messages on the way."""
    yield from _served(peer(litellm, "openai", model="claude"))


@pytest.fixture(scope="session")
def litellm_responses(litellm: str) -> Iterator[Served]:
    """Responses, passed on."""
    yield from _served(peer(litellm, "openai_responses", model="chat"), lacks=RESPONSES_LACK)


@pytest.fixture(scope="session")
def litellm_bridged(litellm: str) -> Iterator[Served]:
    """Responses that become Anthropic's messages on the way."""
    yield from _served(peer(litellm, "openai_responses", model="bridged"), lacks=RESPONSES_LACK)


@pytest.fixture(scope="session")
def litellm_messages(litellm: str) -> Iterator[Served]:
    """Anthropic's messages, passed on."""
    yield from _served(peer(litellm, "anthropic", model="claude"), lacks=ANTHROPIC_LACKS)


@pytest.fixture(scope="session")
def litellm_azure(litellm: str) -> Iterator[Served]:
    """Azure's paths and header."""
    yield from _served(peer(litellm, "azure", model="chat"))


@pytest.fixture(scope="session", params=BACKENDS)
def served(request: pytest.FixtureRequest) -> Any:
    """Each backend in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session", params=REAL)
def real(request: pytest.FixtureRequest) -> Any:
    """Each backend with a model behind it, in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session", params=CERTAIN)
def certain(request: pytest.FixtureRequest) -> Any:
    """Each backend that makes a call where it must, in turn."""
    return request.getfixturevalue(request.param)


def _served(lane: Lane, *, lacks: frozenset[str] = frozenset()) -> Iterator[Served]:
    backend = open_backend(lane, load())
    try:
        yield Served(backend, lane, lacks)
    finally:
        backend.close()
