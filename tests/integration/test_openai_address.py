"""Where the OpenAI backend calls, with which key, and what of the environment it does not let in."""

import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from loopback import say, saying
from openai_asked import KEY, a_run, ask, completion, lane, surround

from tidegate import errors
from tidegate.errors import InvalidSettings
from tidegate.lane import Zone
from tidegate.settings import Settings
from workers.backend import open_backend
from workers.managed.openai import open_provider
from workers.standin.server import Running

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing of the shell's."""
    surround(monkeypatch)


def test_openai_itself_gets_its_new_name_of_the_limit() -> None:
    """OpenAI's newer models know max_completion_tokens only; other servers know max_tokens."""
    for url, field in ((None, "max_completion_tokens"), ("https://llm.example.com/v1", "max_tokens")):
        own = lane(base_url=url)
        provider: Any = open_provider(own, own.every_deployment[0], Settings())
        assert provider._dialect.limit_field == field


def test_nobody_there_is_a_network_failure() -> None:
    """A refused connection can pass."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.NetworkFailed):
        ask(f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_the_url_may_be_written_as_people_do(standin: Running, ending: str) -> None:
    """With and without `/v1`, with and without a slash."""
    ask(standin.url + ending)
    assert standin.standin.received[0].path == "/v1/chat/completions"


def test_the_settings_say_where_a_lane_calls_that_does_not(standin: Running) -> None:
    """One setting points every managed lane at a gateway or a stand-in."""
    backend = open_backend(lane(), Settings(openai_base_url=standin.url))
    try:
        assert backend.answer(a_run(), stop=threading.Event()).model == "stand-in:gpt-4o-mini"
    finally:
        backend.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"zone": Zone.INSIDE},
        {"zone": Zone.INSIDE, "base_url": "https://api.openai.com/v1", "public_host_is_ours": True},
        {"base_url": "ftp://127.0.0.1/v1"},
        {"base_url": "127.0.0.1:8080"},
    ],
)
def test_a_lane_that_could_call_the_wrong_place_is_refused(changed: dict[str, Any]) -> None:
    """A lane inside names its own server itself: no setting and no default may choose for it."""
    with pytest.raises(InvalidSettings, match="far"):
        open_backend(lane(**changed), Settings(openai_base_url="https://llm.example.com/v1"))


def test_no_key_says_what_to_do(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named; nothing was sent."""
    with pytest.raises(errors.AuthFailed, match="environment variable PROVIDER_KEY"):
        ask(standin.url, key_env="PROVIDER_KEY")
    monkeypatch.setenv("PROVIDER_KEY", " ")
    with pytest.raises(errors.AuthFailed):
        ask(standin.url, key_env="PROVIDER_KEY")
    monkeypatch.setenv("PROVIDER_KEY", "broken\nkey")
    with pytest.raises(errors.AuthFailed) as caught:
        ask(standin.url, key_env="PROVIDER_KEY")
    assert "broken" not in str(caught.value)
    assert standin.standin.calls == 0


def test_keys_go_only_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane's own key; OpenAI's by default; and an own server without a key learns no provider's."""
    monkeypatch.setenv("PROVIDER_KEY", "lane-key")
    seen: list[str] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        seen.append(it.headers["authorization"])
        say(it, 200, completion())

    with saying(reply) as url:
        ask(url)
        ask(url, key_env="PROVIDER_KEY")
        ask(url, zone=Zone.INSIDE)
        ask(url, zone=Zone.INSIDE, key_env="PROVIDER_KEY")
    assert seen == [f"Bearer {KEY}", "Bearer lane-key", "Bearer none", "Bearer lane-key"]


def test_a_new_key_is_used_without_a_restart(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is read for every call."""
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(errors.AuthFailed):
            backend.answer(a_run(), stop=threading.Event())
        monkeypatch.setenv("OPENAI_API_KEY", "new")
        backend.answer(a_run(), stop=threading.Event())
    finally:
        backend.close()


def test_the_key_shows_nowhere(standin: Running) -> None:
    """Not in how the backend looks in a traceback."""
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        backend.answer(a_run(), stop=threading.Event())
        assert KEY not in repr(backend) + repr(vars(backend))
    finally:
        backend.close()


def test_a_redirect_is_not_followed(standin: Running) -> None:
    """A server must not be able to send a payload on to another one."""
    target = f"{standin.url}/v1/chat/completions"
    with saying(lambda it: say(it, 307, {}, location=target)) as url, pytest.raises(errors.ProviderFailed):
        ask(url, zone=Zone.INSIDE)
    assert standin.standin.calls == 0


def test_a_lane_inside_uses_no_proxy(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is somebody else's machine: a lane outside takes it, a lane inside never does."""
    proxied: list[str] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        proxied.append(it.path)
        say(it, 200, completion())

    with saying(reply) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.removesuffix("/v1"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        ask(standin.url, zone=Zone.INSIDE)
        assert (proxied, standin.standin.calls) == ([], 1)
        ask("http://llm.example.com/v1")
        assert proxied == ["http://llm.example.com/v1/chat/completions"]
