"""Providers' keys in a whole installation: rotated under load, refused where foreign, and found in no place but one.

The provider is a server in this process that takes the keys it is told to.
"""

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from tidegate import connections
from tidegate.client import Client
from tidegate.job import Job
from tidegate.keys import flower_password
from tidegate.lanes import read_lanes
from tidegate.ledger.states import State
from tidegate.providerkeys import desk
from tidegate.runtime.installation import Installation
from tidegate.settings import Settings, load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FIRST, SECOND, BY_VARIABLE = "sk-canary-first-5f3a9c", "sk-canary-second-77b01e", "sk-canary-variable-d0e4"
POLICY = """\
version: 1
name: keyed
lanes:
  near: {zone: inside, backend: noop, model: noop-5ms, context_tokens: 4096, concurrency: 2}
  far: {zone: outside, backend: openai, model: m, base_url: "URL", key_env: FAR_KEY, context_tokens: 4096,
        concurrency: 4, price: {input_usd: 1, output_usd: 1}}
  other: {zone: outside, backend: openai, model: m, base_url: "URL", key_env: OTHER_KEY, context_tokens: 4096,
          concurrency: 2, price: {input_usd: 1, output_usd: 1}}
rules:
  - {name: far-ones, when: {tenant: traveller}, send: far, why: for the test}
  - {name: other-ones, when: {tenant: pilgrim}, send: other, why: for the test}
default: {send: near, why: for the test}
"""


@dataclass
class Provider:
    """A server that knows which keys are good."""

    good: set[str]
    seen: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    url: str = ""

    @contextmanager
    def running(self) -> Iterator["Provider"]:
        """Until the test is over."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                key = self.headers["authorization"].removeprefix("Bearer ")
                provider.seen[key] += 1
                provider.refused[key] += key not in provider.good
                status, body = (200, ANSWER) if key in provider.good else (401, {"error": {"message": "wrong key"}})
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


ANSWER = {
    "id": "a",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@dataclass
class Site:
    """An installation of the environment `staging`, its provider, and what an operator types there."""

    settings: Settings
    installation: Installation
    provider: Provider
    client: Client

    def types(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command as an operator does, who has no key in the environment."""
        env = {name: value for name, value in os.environ.items() if name != "OTHER_KEY"}
        given = {"DATA": self.settings.data, "POLICY": self.settings.policy_file, "ENVIRONMENT": "staging"}
        env |= {f"TIDEGATE_{name}": str(value) for name, value in given.items()} | {"COLUMNS": "200"}
        command = [sys.executable, "-P", "-m", "tidegate", *words]
        return subprocess.run(command, env=env, input=stdin, capture_output=True, text=True, timeout=120, check=False)

    def asks(self, tenant: str) -> str:
        """One job for a lane outside; how it ended."""
        job_id = self.client.submit(Job(text="How far is the moon?", tenant=tenant))
        *_, end = self.client.stream_states(job_id, timeout_s=150)  # with a refused key a lane is shut for a minute
        record = self.client.record(job_id)
        return f"{end} {record.lane} {record.attempts} {record.cause or ''}".strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One lane's key lies in the folder, the other's is a variable, as it is with those who began that way."""
    data = tmp_path_factory.mktemp("keyed")
    policy = data / "policy.yaml"
    with Provider(good={FIRST, BY_VARIABLE}).running() as provider, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTHER_KEY", BY_VARIABLE)
        policy.write_text(POLICY.replace("URL", provider.url))
        settings = load(data=data / "data", policy=policy, environment="staging", flower_port=0, nudge_s=2.0)
        desk.put(settings, "FAR_KEY", FIRST)
        installation = Installation(settings, read_lanes(policy))
        try:
            installation.start()
            installation.wait_ready(timeout_s=200)
            yield Site(installation.settings, installation, provider, Client(installation.settings))
        finally:
            installation.stop()


def test_no_stand_in_where_a_key_lies_in_the_folder(site: Site) -> None:
    """Both lanes call the provider, each with its own key."""
    assert site.installation.standin_url is None
    assert (site.asks("traveller"), site.asks("pilgrim")) == ("succeeded far 1", "succeeded other 1")
    assert set(site.provider.seen) == {FIRST, BY_VARIABLE}


def test_a_key_is_rotated_under_load_and_no_job_notices(site: Site) -> None:
    """The old one is refused from the moment that the new one was set: what is in flight goes on with the new one."""
    jobs: list[str] = []
    stop = threading.Event()

    def produce() -> None:
        while not stop.wait(0.02):
            text = f"How far is moon {len(jobs)}?"  # each its own: identical ones would share a call
            jobs.append(site.client.submit(Job(text=text, tenant="traveller")))

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        site.provider.good |= {SECOND}
        rotated = site.types("keys", "provider", "set", "FAR_KEY", stdin=SECOND + "\n")
        assert rotated.returncode == 0, rotated.stderr
        site.provider.good -= {FIRST}
        while site.provider.seen[SECOND] < 20:
            assert producer.is_alive()
            stop.wait(0.02)
    finally:
        stop.set()
        producer.join()
    for job in jobs:
        site.client.result(job, timeout_s=60)
    attempts = {site.client.record(job).attempts for job in jobs}
    assert attempts == {1}
    assert site.provider.refused[SECOND] == 0


def test_no_key_is_anywhere_but_in_its_place(site: Site) -> None:
    """Process list, environments, logs, store, Flower, and what commands print: the variable's is seen by who calls."""
    site.provider.good |= {FIRST, SECOND}
    site.asks("traveller"), site.asks("pilgrim")
    supervisor = site.installation._process
    assert supervisor is not None
    family = {"supervisor": psutil.Process(supervisor.pid)}
    for child in family["supervisor"].children(recursive=True):
        family[_role(child)] = child
    assert {"router", "worker inside", "worker outside", "janitor", "flower", "store"} <= set(family)
    environments = {role: " ".join(f"{k}={v}" for k, v in one.environ().items()) for role, one in family.items()}
    assert {role for role, text in environments.items() if BY_VARIABLE in text} == {"supervisor", "worker outside"}
    said = [site.types(*words) for words in COMMANDS]
    places = {
        "environments": [text for role, text in environments.items() if role not in ("supervisor", "worker outside")],
        "arguments": [" ".join(one.cmdline()) for one in psutil.process_iter(["cmdline"]) if _readable(one)],
        "logs": [path.read_text(errors="replace") for path in (site.settings.data / "logs").iterdir()],
        "supervisor's file": [(site.settings.data / "run" / "supervisor.conf").read_text()],
        "store": _kept(site.settings),
        "Flower": _pages(site),
        "commands": [one.stdout + one.stderr for one in said],
        "register": [(site.settings.data / "providers" / "register").read_text()],
    }
    assert all(contents for contents in places.values())
    keys = (FIRST, SECOND, BY_VARIABLE)
    found = [place for place, contents in places.items() for text in contents if any(key in text for key in keys)]
    assert found == []
    environments_of_the_folder = [text for text in environments.values() if FIRST in text or SECOND in text]
    assert environments_of_the_folder == []


COMMANDS = (
    ("keys", "provider", "list"),
    ("keys", "provider", "list", "--json"),
    ("keys", "list", "--json"),
    ("doctor", "--json"),
    ("status", "--json"),
)


def test_another_environments_key_is_refused_and_never_sent(site: Site) -> None:
    """Production's key came into staging's folder by a copy: no call is made with it, and the job says why."""
    production = site.settings.model_copy(update={"environment": "production"})
    desk.put(production, "FAR_KEY", "sk-production")
    site.provider.good |= {"sk-production"}
    file = site.settings.data / "providers" / "staging" / "FAR_KEY"
    file.write_text("sk-production\n")
    listed = site.types("keys", "provider", "list")
    assert listed.returncode == 1
    assert "registered for production" in listed.stdout.replace("\n", " ")
    said = ""
    for _ in range(50):  # within the second in which the file is looked at again
        said = site.asks("traveller")
        if not said.startswith(State.SUCCEEDED):
            break
    assert said.startswith("dead far 1 AuthFailed on far")
    assert "registered for production, and this is staging" in said
    assert site.provider.seen["sk-production"] == 0
    assert site.types("keys", "provider", "set", "FAR_KEY", stdin=SECOND).returncode == 0
    while not said.startswith(State.SUCCEEDED):
        said = site.asks("traveller")


def _role(process: psutil.Process) -> str:
    words = process.cmdline()
    if "tidegate" in words:
        after = words[words.index("tidegate") + 1 :]
        return " ".join(word for word in after if word != "--zone")
    return "store" if any("redis" in word or "valkey" in word for word in words[:1]) else process.name()


def _readable(process: psutil.Process) -> bool:
    try:
        return bool(process.cmdline())
    except psutil.Error:
        return False


def _kept(settings: Settings) -> list[str]:
    """The store's own files: each command that changed it, as it came."""
    where = connections.addresses(settings)
    connections.connect(where.store, timeout_s=5).ping()
    files: list[Path] = [path for path in (settings.data / "store").rglob("*") if path.is_file()]
    return [path.read_bytes().decode("latin-1") for path in files]


def _pages(site: Site) -> list[str]:
    workers = list(json.loads(_page(site, "/api/workers?refresh=1")))
    paths = ("/", "/workers", "/tasks", "/api/tasks?limit=100", *(f"/worker/{name}" for name in workers))
    return [_page(site, path) for path in paths]


def _page(site: Site, path: str) -> str:
    login = f"{site.settings.flower_user}:{flower_password(site.settings)}".encode()
    headers = {"authorization": "Basic " + base64.b64encode(login).decode()}
    request = urllib.request.Request(site.installation.flower_url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        content: bytes = response.read()
    return content.decode(errors="replace")
