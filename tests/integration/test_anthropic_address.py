"""Where the Anthropic backend calls, with which key, and what of the environment it does not let in."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from anthropic_asked import KEY, a_run, ask, lane, message, surround
from loopback import say, saying

from tidegate import errors
from tidegate.errors import InvalidSettings
from tidegate.job import Params
from tidegate.lane import Zone
from tidegate.settings import Settings
from workers.backend import Run, open_backend
from workers.standin.server import Running

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of ours, and nothing of the shell's."""
    surround(monkeypatch)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/messages"])
def test_the_url_may_be_written_as_people_do(standin: Running, ending: str) -> None:
    """With and without `/v1`, with and without a slash."""
    ask(standin.url + ending)
    assert standin.standin.received[0].path == "/v1/messages"


def test_the_settings_say_where_a_lane_calls_that_does_not(standin: Running) -> None:
    """One setting points every lane at a gateway or a stand-in."""
    backend = open_backend(lane(), Settings(anthropic_base_url=standin.url))
    try:
        assert backend.answer(a_run(), stop=threading.Event()).model == "stand-in:claude-haiku-4-5"
    finally:
        backend.close()


def seen_by(asks: Callable[[str], Any]) -> list[dict[str, str]]:
    """The headers of what was asked."""
    seen: list[dict[str, str]] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        seen.append({name.lower(): value for name, value in it.headers.items()})
        say(it, 200, message())

    with saying(reply) as url:
        asks(url)
    return seen


def test_keys_go_only_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane's own key; Anthropic's by default; and an own server without a key learns no provider's."""
    monkeypatch.setenv("LANE_KEY", "lane-key")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Mine: a-secret-header")

    def asks(url: str) -> None:
        ask(url)
        ask(url, key_env="LANE_KEY")
        ask(url, zone=Zone.INSIDE)
        ask(url, zone=Zone.INSIDE, key_env="LANE_KEY")

    seen = seen_by(asks)
    keys = [f"Bearer {KEY}", "Bearer lane-key", "Bearer none", "Bearer lane-key"]
    assert [headers["authorization"] for headers in seen] == keys
    assert not any("x-api-key" in headers or "x-mine" in headers for headers in seen)


def test_headers_of_the_environment_go_to_its_own_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway for all may want one; a lane's own address gets none."""
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Mine: a-header")

    def asks(url: str) -> None:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url.removesuffix("/v1"))
        ask(None)
        ask(url)

    assert [headers.get("x-mine") for headers in seen_by(asks)] == ["a-header", None]


def test_a_profile_of_the_sdk_chooses_nothing(standin: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A file on the machine could name another address and another account: it is not looked at."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.json").write_text('{"base_url": "http://127.0.0.1:1"}')
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "default")
    assert ask(standin.url).text


def test_no_key_says_what_to_do(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, nothing was sent, and a new key needs no restart."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    backend = open_backend(lane(base_url=standin.url), Settings())
    try:
        with pytest.raises(errors.AuthFailed, match="environment variable ANTHROPIC_API_KEY"):
            backend.answer(a_run(), stop=threading.Event())
        assert standin.standin.received == []
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-new")
        assert backend.answer(a_run(), stop=threading.Event()).text
        assert "sk-new" not in repr(vars(backend))
    finally:
        backend.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"zone": Zone.INSIDE},
        {"zone": Zone.INSIDE, "base_url": "https://api.anthropic.com/v1", "public_host_is_ours": True},
        {"base_url": "ftp://127.0.0.1/v1"},
        {"base_url": "127.0.0.1:8080"},
    ],
)
def test_a_lane_that_could_call_the_wrong_place_is_refused(changed: dict[str, Any]) -> None:
    """A lane inside names its own server itself: no setting and no default may choose for it."""
    with pytest.raises(InvalidSettings, match="sea"):
        open_backend(lane(**changed), Settings(anthropic_base_url="https://llm.example.com/v1"))


def test_deployments_have_keys_and_models_of_their_own(standin: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's deployment is the one that is called."""
    monkeypatch.setenv("SECOND_KEY", "second")
    several = [
        {"name": "first", "base_url": standin.url},
        {"name": "second", "base_url": standin.url, "model": "claude-opus-4-1", "key_env": "SECOND_KEY"},
    ]
    backend = open_backend(lane(deployments=several), Settings())
    run = Run(job_id="j", attempt=1, messages=a_run().messages, params=Params(), timeout_s=5, deployment="second")
    try:
        assert backend.answer(run, stop=threading.Event()).model == "stand-in:claude-opus-4-1"
    finally:
        backend.close()


def test_the_only_model_of_an_own_server_is_found() -> None:
    """`model: auto` asks once."""
    asked: list[str] = []

    def reply(it: BaseHTTPRequestHandler) -> None:
        asked.append(it.path)
        say(it, 200, message() if it.command == "POST" else {"data": [{"id": "mine", "type": "model"}]})

    with saying(reply) as url:
        assert ask(url, a_run(), a_run(), zone=Zone.INSIDE, model="auto").text == "fine"
    assert [path.partition("?")[0] for path in asked] == ["/v1/models", "/v1/messages", "/v1/messages"]
