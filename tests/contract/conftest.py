"""The backends that keep one contract. To add one: a fixture that yields a `Served`, and its name in BACKENDS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_server as server
import pytest
from backends import BACKENDS, CANARY, CERTAIN, REAL, Served
from ggufs import HERMES, with_template

from tidegate.lane import Lane, Zone
from tidegate.settings import load
from workers.backend import open_backend
from workers.standin.faults import Fault, When
from workers.standin.server import running


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
def openai() -> Iterator[Served]:
    """OpenAI's client against the stand-in, which is told what is too long for it."""
    lengthy = (When(contains=text) for text in ("word word word", CANARY * 2))
    faults = [Fault(fault="context_too_long", times="forever", when=when) for when in lengthy]
    with pytest.MonkeyPatch.context() as patch, running(faults=faults) as standin:
        patch.setenv("CONTRACT_KEY", "any")  # a name of its own: it is set until the last test
        yield from _served(
            Lane(
                name="openai-small",
                zone=Zone.OUTSIDE,
                backend="openai",
                model="gpt-4o-mini",
                key_env="CONTRACT_KEY",
                base_url=standin.url,
                context_tokens=512,
            )
        )


@pytest.fixture(scope="session")
def anthropic() -> Iterator[Served]:
    """Anthropic's client against the stand-in, which is as strict as Anthropic with what it is sent."""
    lengthy = (When(contains=text) for text in ("word word word", CANARY * 2))
    faults = [Fault(fault="context_too_long", times="forever", when=when) for when in lengthy]
    with pytest.MonkeyPatch.context() as patch, running(faults=faults) as standin:
        patch.setenv("CONTRACT_ANTHROPIC_KEY", "any")
        yield from _served(
            Lane(
                name="anthropic-small",
                zone=Zone.OUTSIDE,
                backend="anthropic",
                model="claude-haiku-4-5",
                key_env="CONTRACT_ANTHROPIC_KEY",
                base_url=standin.url,
                context_tokens=512,
            )
        )


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


def _served(lane: Lane) -> Iterator[Served]:
    backend = open_backend(lane, load())
    try:
        yield Served(backend, lane)
    finally:
        backend.close()
