"""`tidegate models` against a hub on the loopback that speaks as much of the Hub's API as a pull needs."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tidegate.errors import Misuse, StorageFull, Unavailable
from tidegate.settings import Settings, load
from workers.models.catalogue import known
from workers.models.hub import Wanted, pull

pytestmark = pytest.mark.integration

REPO, FILE, COMMIT = "acme/tiny-gguf", "tiny-q8_0.gguf", "c" * 40
TOKEN = "hf_invented_token_of_this_test"


def gguf_bytes(*, size: int = 300_000) -> bytes:
    """The head of a model with a context of 512 tokens, and noise for its weights."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entries = (
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("llama.context_length") + struct.pack("<II", 4, 512),
        text("general.license") + struct.pack("<I", 8) + text("apache-2.0"),
    )
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries)
    return head + os.urandom(size - len(head))


@dataclass
class Hub:
    """What the hub serves, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    url: str = ""
    store_url: str = ""
    etag: str | None = None
    cuts: list[int] = field(default_factory=list)
    """How many bytes each of the next transfers sends before its connection breaks."""
    error: tuple[int, str] | None = None
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def ranges(self) -> list[str]:
        """The Range of each transfer that carried one."""
        return [headers["range"] for _, path, headers in self.requests if "/store/" in path and "range" in headers]


class Handler(BaseHTTPRequestHandler):
    """HEAD and GET of /{repo}/resolve/{revision}/{file}; GET is redirected to a store, as on the real hub."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Answer like GET, without a body."""
        self._serve()

    def do_GET(self) -> None:
        """Answer."""
        self._serve()

    def handle(self) -> None:
        """A client that hangs up is no error of the server."""
        with suppress(ConnectionError):
            super().handle()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, {key.lower(): value for key, value in self.headers.items()}))
        if self.hub.error is not None:
            status, code = self.hub.error
            self._reply(status, {"X-Error-Code": code, "Content-Length": "0"})
        elif path.startswith("/store/"):
            self._send(self.hub.files[path.removeprefix("/store/")])
        else:
            self._resolve(path)

    def _resolve(self, path: str) -> None:
        repo, _, rest = path.removeprefix("/").partition("/resolve/")
        name = rest.partition("/")[2]
        if repo != REPO:
            self._reply(404, {"X-Error-Code": "RepoNotFound", "Content-Length": "0"})
        elif name not in self.hub.files:
            self._reply(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
        else:
            data = self.hub.files[name]
            etag = self.hub.etag or hashlib.sha256(data).hexdigest()
            headers = {"X-Repo-Commit": COMMIT, "X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(data))}
            self._reply(302, headers | {"Location": f"{self.hub.store_url}/store/{name}", "Content-Length": "0"})

    def _send(self, data: bytes) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        body = data[start:]
        span = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self._reply(206 if start else 200, span | {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"})
        if self.hub.cuts:
            self.wfile.write(body[: self.hub.cuts.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def _reply(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with one model in one repository; large files lie on another host, as those of the real hub do."""
    served = Hub(files={FILE: gguf_bytes()})
    with ExitStack() as stack:
        served.url, served.store_url = (stack.enter_context(_listening(served)) for _ in range(2))
        yield served


@contextmanager
def _listening(hub: Hub) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=lambda: server.serve_forever(0.005), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A process that talks to the loopback hub and keeps its models in a folder of the test."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("TIDEGATE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "empty"))
    return load()


def tidegate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command itself, in the environment that the fixture made."""
    command = [sys.executable, "-c", "from tidegate.cli.main import main; main()", "models", *arguments]
    house = Path(__file__).parents[2]
    return subprocess.run(command, cwd=house, capture_output=True, text=True, timeout=60, check=False)


def wanted(**changes: Any) -> Wanted:
    """The hub's one model, under the name `tiny`."""
    return Wanted(**{"repo": REPO, "file": FILE, "name": "tiny"} | changes)


def test_the_commands_pull_list_and_verify(hub: Hub, settings: Settings) -> None:
    """The file is whole, the manifest says where it came from, list and verify know it, the token is not shown."""
    sha256 = hashlib.sha256(hub.files[FILE]).hexdigest()
    pulled, listed, verified = (
        tidegate("pull", REPO, FILE, "--name", "tiny", "--sha256", sha256),
        tidegate("list", "--json"),
        tidegate("verify", "tiny"),
    )
    assert (pulled.returncode, verified.returncode) == (0, 0), pulled.stderr
    assert (settings.models_folder / "tiny.gguf").read_bytes() == hub.files[FILE]
    manifest = json.loads((settings.models_folder / "tiny.gguf.json").read_text())
    assert (manifest["repo"], manifest["repo_file"], manifest["revision"]) == (REPO, FILE, COMMIT)
    entry = json.loads(listed.stdout)
    shown = (entry["name"], entry["present"], entry["context_tokens"], entry["licence"])
    assert shown == ("tiny", True, 512, "apache-2.0")
    assert TOKEN not in pulled.stdout + pulled.stderr + listed.stdout


def test_a_changed_file_fails_verification(settings: Settings) -> None:
    """One flipped byte is an exit code of 1."""
    pull(wanted(), settings)
    path = settings.models_folder / "tiny.gguf"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    ran = tidegate("verify")
    assert ran.returncode == 1
    assert "differs" in ran.stdout


def test_a_refused_pull_is_one_message_and_exit_code_1(hub: Hub, settings: Settings) -> None:
    """No traceback, and no token."""
    hub.error = (403, "GatedRepo")
    ran = tidegate("pull", REPO, FILE)
    assert ran.returncode == 1
    assert "gated" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert TOKEN not in ran.stdout + ran.stderr


def test_a_cut_transfer_is_resumed_in_the_same_pull(
    hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks in the middle is followed by a request for the rest only."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)  # what it writes at a time
    hub.cuts = [100_000]
    pull(wanted(), settings)
    assert hub.ranges() == ["bytes=100000-"]
    assert (settings.models_folder / "tiny.gguf").read_bytes() == hub.files[FILE]


def test_a_killed_pull_is_resumed_by_the_next(hub: Hub, settings: Settings) -> None:
    """What an earlier process had fetched is not fetched again."""
    part = settings.models_folder / ".partial" / "tiny" / hashlib.sha256(hub.files[FILE]).hexdigest()
    part.parent.mkdir(parents=True)
    part.write_bytes(hub.files[FILE][:200_000])
    pull(wanted(), settings)
    assert hub.ranges() == ["bytes=200000-"]
    assert (settings.models_folder / "tiny.gguf").read_bytes() == hub.files[FILE]
    assert not part.exists()


def test_pulling_twice_fetches_once(hub: Hub, settings: Settings) -> None:
    """A model that is here and whole is not downloaded again."""
    first = pull(wanted(), settings)
    before = len(hub.requests)
    assert pull(wanted(), settings) == first
    assert [verb for verb, _, _ in hub.requests[before:]] == ["HEAD"]


@pytest.mark.parametrize("liar", ["hub", "caller"])
def test_a_wrong_checksum_keeps_nothing(hub: Hub, settings: Settings, liar: str) -> None:
    """A file that is not what the hub or the caller promised never gets a name."""
    if liar == "hub":
        hub.etag = "0" * 64
    with pytest.raises(Unavailable, match="checksum"):
        pull(wanted(sha256="0" * 64 if liar == "caller" else None), settings)
    assert known(settings) == ()
    assert not [path for path in settings.models_folder.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_file_that_is_no_model_is_refused(hub: Hub, settings: Settings) -> None:
    """Only a GGUF file becomes a model."""
    hub.files["README.md"] = b"# not a model"
    with pytest.raises(Unavailable, match="not a GGUF file"):
        pull(wanted(file="README.md"), settings)
    assert known(settings) == ()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ((404, "RepoNotFound"), "no repository"),
        ((401, "RepoNotFound"), "no repository"),
        ((404, "EntryNotFound"), "no file"),
        ((404, "RevisionNotFound"), "no revision v2"),
        ((403, "GatedRepo"), "gated"),
        ((418, ""), "answered 418"),
        ((200, ""), "does not answer like a hub"),
    ],
)
def test_the_hubs_errors_are_one_clear_message(
    hub: Hub, settings: Settings, error: tuple[int, str], expected: str
) -> None:
    """Whatever the hub refuses: words of ours, on one line."""
    hub.error = error
    with pytest.raises(Unavailable, match=expected) as caught:
        pull(wanted(revision="v2"), settings)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_hub_is_one_clear_message(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that cannot be reached is told as such."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="cannot be reached"):
        pull(wanted(), settings)


def test_no_room_is_told_before_the_transfer(hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot hold the file is a message with the numbers, not half a file."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StorageFull, match="1,000 free"):
        pull(wanted(), settings)
    assert not [verb for verb, _, _ in hub.requests if verb == "GET"]


def test_the_token_goes_to_the_hub_only(hub: Hub, settings: Settings) -> None:
    """HF_TOKEN authorises the requests to the hub; the store behind it and the files here never see it."""
    pull(wanted(), settings)
    sent = {path.split("/")[1]: headers.get("authorization") for _, path, headers in hub.requests}
    assert sent == {"acme": f"Bearer {TOKEN}", "store": None}
    assert not any(TOKEN.encode() in path.read_bytes() for path in settings.models_folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["../evil", "a/b", "x.gguf", "a" * 65])
def test_a_name_that_could_leave_the_folder_is_refused(hub: Hub, settings: Settings, name: str) -> None:
    """A model's name is a plain word; nothing is asked of the hub before that is sure."""
    with pytest.raises(Misuse, match="--name"):
        pull(wanted(name=name), settings)
    assert hub.requests == []
