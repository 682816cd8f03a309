"""Servers of one's own that speak as OpenAI's do: their model is found, and they are asked only what they know."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from loopback import say, saying
from openai_asked import CANARY, ask, completion, surround

from tidegate import errors
from tidegate.lane import Zone
from tidegate.result import Usage

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing of the shell's."""
    surround(monkeypatch)


def serving(*models: str, asked: list[dict[str, Any]]) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server with these models, which notes what it is asked."""

    def reply(handler: Any) -> None:
        if handler.path == "/v1/models":
            say(handler, 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in models]})
        else:
            asked.append(json.loads(handler.asked))
            say(handler, 200, completion(usage=None))

    return reply


def test_the_model_of_a_server_with_one_is_found() -> None:
    """`model: auto` saves copying a path or an alias; what the server says of itself is asked once."""
    asked: list[dict[str, Any]] = []
    with saying(serving("/models/some-7b.gguf", asked=asked)) as url:
        assert ask(url, zone=Zone.INSIDE, model="auto").text == "fine"
    assert asked[0]["model"] == "/models/some-7b.gguf"


@pytest.mark.parametrize("models", [(), ("a", "b")])
def test_a_server_with_none_or_several_models_must_be_told(models: tuple[str, ...]) -> None:
    """Nobody guesses which one was meant."""
    with saying(serving(*models, asked=[])) as url, pytest.raises(errors.ModelMissing, match="must name one"):
        ask(url, zone=Zone.INSIDE, model="auto")


def test_a_server_that_refuses_what_we_added_is_asked_without_it() -> None:
    """Log-probabilities and the usage of a stream are wishes of ours: the job does not fail for them."""
    asked: list[dict[str, Any]] = []

    def reply(handler: Any) -> None:
        fields = json.loads(handler.asked)
        asked.append(fields)
        for name in ("logprobs", "stream_options"):
            if name in fields:
                say(handler, 400, {"error": {"message": f"{name} is not for this server: {CANARY}"}})
                return
        say(handler, 200, completion(usage=None))

    pieces: list[str] = []
    with saying(reply) as url:
        answer = ask(url, zone=Zone.INSIDE, on_text=pieces.append)
    assert (answer.text, answer.usage, answer.confidence) == ("fine", Usage(), None)
    assert pieces == ["fine"]
    assert set(asked[-1]) & {"logprobs", "top_logprobs", "stream_options"} == set()
