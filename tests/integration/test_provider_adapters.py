"""What the adapters of OpenAI's SDK send, to whom and with which key: Responses, Azure and Vertex."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from tidegate import errors
from tidegate.errors import InvalidSettings, RunError
from tidegate.job import Message, Params
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from tidegate.signals import Capability
from workers.backend import Run, open_backend
from workers.managed import google_access
from workers.managed.completions import ChatCompletions
from workers.managed.openai import open_client
from workers.managed.openai import open_provider as open_openai
from workers.managed.openai_responses import open_provider as open_responses
from workers.managed.responses import Responses
from workers.managed.responses.request import LEAST_TOKENS, body
from workers.managed.vertex import open_provider as open_vertex
from workers.standin.faults import Fault
from workers.standin.server import Running, running

KEY = "very-secret-key"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}
BARE = {"type": "function", "function": {"name": "wait", "strict": True}}
PLACE = "v1/projects/p/locations/europe-west4"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def private_key() -> str:
    """Of a service account."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of ours, and of everything that an SDK would pick up by itself something that must go nowhere."""
    monkeypatch.setenv("PROVIDER_KEY", KEY)
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.setenv(name, "nobody-s-business")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://nowhere.invalid")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_VERSION", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def standin() -> Iterator[Running]:
    """A stand-in that keeps what it receives."""
    with running(record=True) as up:
        yield up


def lane(backend: str, **changed: Any) -> Lane:
    """A lane outside."""
    given = {"name": "far", "zone": Zone.OUTSIDE, "model": "gpt-4o-mini", "context_tokens": 8192}
    return Lane.model_validate({**given, "key_env": "PROVIDER_KEY", "backend": backend, **changed})


def a_run(*messages: dict[str, Any], timeout_s: float = 10.0, **params: Any) -> Run:
    """One run."""
    turns = tuple(map(Message.model_validate, messages or ({"role": "user", "content": "hello"},)))
    return Run(job_id="job-1", attempt=1, messages=turns, params=Params.model_validate(params), timeout_s=timeout_s)


def ask(lane: Lane, run: Run | None = None) -> Answer:
    """One answer."""
    backend = open_backend(lane, Settings())
    try:
        return backend.answer(run or a_run(), stop=threading.Event())
    finally:
        backend.close()


# The Responses API


def test_all_of_a_conversation_is_sent_as_items(standin: Running) -> None:
    """Turns, images, calls and their results; the parameters under its own names; and nothing is kept."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}
    run = a_run(
        {"role": "system", "content": [{"text": "be"}, {"text": "brief"}]},
        {"role": "user", "content": [{"type": "text", "text": "what is it?"}, image]},
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "user", "content": "and now?"},
        max_tokens=99,
        temperature=0.5,
        top_p=0.25,
        response_format={"type": "json_schema", "json_schema": {"name": "found", "schema": SCHEMA}},
        tools=[TOOL, BARE],
        tool_choice="auto",
        parallel_tool_calls=False,
        logprobs=True,
        top_logprobs=3,
        seed=7,
        frequency_penalty=0.5,
        top_k=3,
    )
    ask(lane("openai_responses", base_url=standin.url), run)
    (received,) = standin.standin.received
    assert received.path == "/v1/responses"
    assert received.headers["idempotency-key"] == "job-1"
    assert json.loads(received.body) == {
        "model": "gpt-4o-mini",
        "input": [
            {"role": "system", "content": "be\nbrief"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "what is it?"},
                    {"type": "input_image", "image_url": PNG, "detail": "low"},
                ],
            },
            {"role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
            {"role": "user", "content": "and now?"},
        ],
        "max_output_tokens": 99,
        "temperature": 0.5,
        "top_p": 0.25,
        "text": {"format": {"type": "json_schema", "name": "found", "schema": SCHEMA, "strict": True}},
        "tools": [
            {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": False},
            {"type": "function", "name": "wait", "parameters": {"type": "object", "properties": {}}, "strict": True},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
        "store": False,
    }


@pytest.mark.parametrize("field", ["stop", "logit_bias", "stop_tokens"])
def test_what_the_api_lacks_is_told_before_anything_is_sent(standin: Running, field: str) -> None:
    """By the job's own name of it."""
    given = {"stop": ("END",), "logit_bias": {"5": 1.0}, "stop_tokens": (5,)}[field]
    with pytest.raises(errors.BadRequest, match=rf"params\.{field}:"):
        ask(lane("openai_responses", base_url=standin.url), a_run(**{field: given}))
    assert standin.standin.received == []


@pytest.mark.parametrize("param", ["temperature", "top_p", "text", "parallel_tool_calls", "include"])
def test_a_field_that_a_model_will_not_have_is_left_out_from_then_on(standin: Running, param: str) -> None:
    """As with chat completions: once refused, never sent again; the promise is held to all the same."""
    standin.standin.book.replace((Fault(fault="unsupported_parameter", param=param, times="forever"),))
    asked = a_run(
        top_p=0.5,
        tools=[TOOL],
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}},
    )
    zone = {"zone": Zone.INSIDE} if param == "include" else {}
    backend = open_backend(lane("openai_responses", base_url=standin.url, **zone), Settings())
    try:
        for _ in range(2):
            try:
                backend.answer(asked, stop=threading.Event())
            except errors.SchemaInvalid:
                assert param == "text"
    finally:
        backend.close()
    assert [param in json.loads(received.body) for received in standin.standin.received] == [True, False, False]


def test_what_must_be_forgotten_is_never_asked_without() -> None:
    """Whatever a server has against `store: false`."""
    for quirks in (frozenset[str](), frozenset({"temperature", "top_p", "text", "include", "parallel_tool_calls"})):
        assert body(a_run(), model="m", quirks=quirks)["store"] is False


def test_openai_itself_writes_sixteen_tokens_at_least() -> None:
    """It refuses less; others do not."""
    assert body(a_run(max_tokens=5), model="m", openai=True)["max_output_tokens"] == LEAST_TOKENS
    assert body(a_run(max_tokens=5), model="m")["max_output_tokens"] == 5


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


# Azure


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


# Vertex


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
        access = backend._first._access
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
    backend: Any = open_backend(vertex(standin), Settings())
    try:
        backend.answer(a_run(), stop=threading.Event())
        access = backend._first._access
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


def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When tokens were asked for."""
    given: list[float] = []
    renewed = google_access.Access._renewed

    def counting(access: google_access.Access) -> RunError | None:
        given.append(time.monotonic())
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
        assert time.monotonic() - before < 10
