"""Google Vertex AI: where its models are called, and how tokens are had, kept and renewed."""

import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from provider_lanes import a_run, ask, lane, surround

from tidegate import errors
from tidegate.errors import InvalidSettings, RunError
from tidegate.lane import Lane
from tidegate.settings import Settings
from workers.backend import open_backend
from workers.managed import google_access
from workers.managed.completions import ChatCompletions
from workers.managed.responses import Responses
from workers.managed.vertex import open_provider as open_vertex
from workers.standin.faults import Fault
from workers.standin.server import Running

PLACE = "v1/projects/p/locations/europe-west4"

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the shell's."""
    surround(monkeypatch)


@pytest.fixture(scope="module")
def private_key() -> str:
    """Of a service account."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture
def google(standin: Running, private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account's file, whose tokens the stand-in gives."""
    path = tmp_path / "google.json"
    path.write_text(account(standin.url, private_key))
    monkeypatch.setenv("PROVIDER_KEY", str(path))
    return path


def account(url: str, private_key: str, **changed: Any) -> str:
    """A service account as Google hands it out."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "p",
            "private_key_id": "1",
            "private_key": private_key,
            "client_email": "tester@p.iam.gserviceaccount.com",
            "token_uri": f"{url}/token",
            **changed,
        }
    )


def vertex(standin: Running, **changed: Any) -> Lane:
    """A lane at Google, as far as the stand-in is."""
    given = {"base_url": f"{standin.url}/{PLACE}/endpoints/openapi", "model": "google/gemini-2.5-flash"}
    return lane("vertex", **given | changed)


def test_google_s_models_are_chatted_with(standin: Running, google: Path) -> None:
    """By the address for all publishers."""
    assert ask(vertex(standin)).model == "stand-in:google/gemini-2.5-flash"
    assert standin.standin.received[-1].path == f"/{PLACE}/endpoints/openapi/chat/completions"


def test_openai_s_models_at_google_speak_responses(standin: Running, google: Path) -> None:
    """By the address that the SDK's own provider is made for."""
    ask(vertex(standin, base_url=f"{standin.url}/{PLACE}/publishers/openai/v1", model="gpt-5"))
    assert standin.standin.received[-1].path == f"/{PLACE}/publishers/openai/v1/responses"


@pytest.mark.parametrize(
    ("model", "region", "url"),
    [
        (
            "google/gemini-2.5-flash",
            "europe-west4",
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/endpoints/openapi/",
        ),
        (
            "meta/llama-4",
            "global",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi/",
        ),
        (
            "gpt-5",
            "us-central1",
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/openai/v1/",
        ),
    ],
)
def test_the_region_says_where_it_is_computed(
    monkeypatch: pytest.MonkeyPatch, model: str, region: str, url: str
) -> None:
    """With the project of the environment; nothing stands in for a region."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    own = lane("vertex", model=model, region=region)
    provider: Any = open_vertex(own, own.every_deployment[0], Settings())
    assert str(provider._client.base_url) == url
    assert isinstance(provider._dialect, ChatCompletions if "/" in model else Responses)


@pytest.mark.parametrize(
    ("project", "changed", "why"),
    [
        ("", {"region": "europe-west4"}, "GOOGLE_CLOUD_PROJECT"),
        ("../x", {"region": "europe-west4"}, "GOOGLE_CLOUD_PROJECT"),
        ("p", {"region": "Europe.West"}, "location"),
        ("p", {"base_url": "http://europe-west4-aiplatform.googleapis.com/v1"}, "tokens"),
        ("p", {"base_url": "https://user:pw@example.com/v1"}, "tokens"),
        ("p", {"base_url": "europe-west4"}, "URL"),
    ],
)
def test_an_address_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, project: str, changed: dict[str, Any], why: str
) -> None:
    """With what to do; a token goes nowhere unencrypted at Google."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    with pytest.raises(InvalidSettings, match=why):
        open_backend(lane("vertex", model="google/m", **changed), Settings())


def test_a_token_serves_many_calls_and_is_renewed_before_it_ends(
    standin: Running, google: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request to the token server for all calls at once, and the next when a token has minutes left."""
    given = counted(monkeypatch)
    backend: Any = open_backend(vertex(standin), Settings())
    try:
        threads = [threading.Thread(target=lambda: backend.answer(a_run(), stop=threading.Event())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(given) == 1
        (access,) = set(given)
        access._credentials.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
        backend.answer(a_run(), stop=threading.Event())
        assert len(given) == 2
    finally:
        backend.close()
    assert standin.standin.calls == 9


def test_a_token_that_still_holds_is_used_where_no_new_one_is_had(
    standin: Running, google: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token server that is down for a minute stops nobody."""
    given = counted(monkeypatch)
    backend: Any = open_backend(vertex(standin), Settings())
    try:
        backend.answer(a_run(), stop=threading.Event())
        (access,) = set(given)
        access._credentials.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
        google.unlink()
        backend.answer(a_run(), stop=threading.Event())
        access._credentials.expiry = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=1)
        with pytest.raises(errors.AuthFailed, match="PROVIDER_KEY"):
            backend.answer(a_run(), stop=threading.Event())
    finally:
        backend.close()


def test_a_token_that_google_refuses_is_not_tried_again(
    standin: Running, google: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call gets another one, from the credentials that lie there by then."""
    given = counted(monkeypatch)
    backend = open_backend(vertex(standin), Settings())
    standin.standin.book.replace((Fault(fault="unauthorized"),))
    try:
        with pytest.raises(errors.AuthFailed):
            backend.answer(a_run(), stop=threading.Event())
        backend.answer(a_run(), stop=threading.Event())
    finally:
        backend.close()
    assert len(given) == 2


def counted(monkeypatch: pytest.MonkeyPatch) -> list[google_access.Access]:
    """Who asked for a token, each time."""
    given: list[google_access.Access] = []
    renewed = google_access.Access._renewed

    def counting(access: google_access.Access) -> RunError | None:
        given.append(access)
        return renewed(access)

    monkeypatch.setattr(google_access.Access, "_renewed", counting)
    return given


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (lambda url, key: account(url, "no key"), errors.AuthFailed),
        (lambda url, key: account(url, key, type="pigeon"), errors.AuthFailed),
        (lambda url, key: "{}", errors.AuthFailed),
        (lambda url, key: "{", errors.AuthFailed),
        (lambda url, key: '{"type": 7}', errors.AuthFailed),
        (lambda url, key: account("http://127.0.0.1:9", key), errors.NetworkFailed),
        (lambda url, key: account(f"{url}/nowhere", key), errors.AuthFailed),
        (lambda url, key: account(url, key, token_uri=f"{url}/health"), errors.AuthFailed),
    ],
)
def test_bad_credentials_are_told_without_a_word_of_them(
    standin: Running, google: Path, private_key: str, made: Callable[[str, str], str], kind: type[RunError]
) -> None:
    """And nothing of the job is sent."""
    google.write_text(made(standin.url, private_key))
    with pytest.raises(RunError) as caught:
        ask(vertex(standin))
    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "PRIVATE" not in str(caught.value)
    assert "tester" not in str(caught.value)
    assert standin.standin.calls == 0


def test_credentials_may_stand_in_the_variable_itself(
    standin: Running, private_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some platforms hand secrets out."""
    monkeypatch.setenv("PROVIDER_KEY", account(standin.url, private_key))
    ask(vertex(standin))
    assert standin.standin.calls == 1


def test_without_a_key_google_s_own_search_finds_them(
    standin: Running, google: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GOOGLE_APPLICATION_CREDENTIALS, as everywhere at Google."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google))
    ask(vertex(standin, key_env=None))
    assert standin.standin.calls == 1


def test_a_token_server_that_hangs_ends_the_run_in_its_time(
    google: Path, private_key: str, standin: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And holds up no close."""
    monkeypatch.setattr(google_access, "TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        google.write_text(account(f"http://127.0.0.1:{deaf.getsockname()[1]}", private_key))
        before = time.monotonic()
        with pytest.raises(errors.RunTimedOut):
            ask(vertex(standin), a_run(timeout_s=0.3))
        assert time.monotonic() - before < 25
