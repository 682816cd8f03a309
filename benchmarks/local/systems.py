"""What is measured side by side: the engine, llama.cpp's own server, and calls in sequence. Same file, same settings.

Each takes the same conversations and answers each with the same number of tokens, the likeliest ones. Who says fewer
did not do the same work, which is an error and no result.
"""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import llama_cpp

from tidegate.job import Message, Params
from workers.local.protocol import Load
from workers.local.watch import Watched

READY_S = 120.0

Started = tuple["subprocess.Popen[str]", SplitResult]
"""A server's process, and where it listens."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all systems are told."""

    path: Path
    threads: int
    slots: int
    cells: int
    """Memory of all jobs together, in tokens."""
    step_tokens: int = 512
    gpu: bool = False

    @property
    def gpu_layers(self) -> int:
        """All or none."""
        return -1 if self.gpu else 0


class System(Protocol):
    """One way to answer."""

    name: str

    def answer(self, prompts: Sequence[str], *, tokens: int) -> None:
        """Answer all of them, at once where it can. Raises RuntimeError where an answer is too short."""

    def close(self) -> None:
        """Give everything back."""


def tokens_per_s(system: System, prompts: Sequence[str], *, tokens: int) -> float:
    """How fast a system writes, the reading of the prompts included."""
    started = time.perf_counter()
    system.answer(prompts, tokens=tokens)
    return len(prompts) * tokens / (time.perf_counter() - started)


class Engine:
    """tidegate's engine as a worker has it: a child process."""

    name = "tidegate"

    def __init__(self, setting: Setting) -> None:
        load = Load(
            path=str(setting.path),
            context_tokens=setting.cells // setting.slots,
            kv_tokens=setting.cells,
            threads=setting.threads,
            slots=setting.slots,
            step_tokens=setting.step_tokens,
            gpu_layers=setting.gpu_layers,
        )
        self.watched = Watched(load)
        self.ready = self.watched.ready.result(READY_S)

    def answer(self, prompts: Sequence[str], *, tokens: int) -> None:
        """One job each."""
        params = Params(max_tokens=tokens)
        asked = [self.watched.ask((Message(role="user", content=prompt),), params) for prompt in prompts]
        for _, future in asked:
            _check(future.result().usage.completion_tokens, tokens)

    def close(self) -> None:
        """End the process."""
        self.watched.kill("measured")
        self.watched.join(READY_S)


class Sequential:
    """The package's own class, one call after the other."""

    name = "llama_cpp.Llama"

    def __init__(self, setting: Setting) -> None:
        self._llama = llama_cpp.Llama(
            str(setting.path),
            n_ctx=setting.cells // setting.slots,
            n_threads=setting.threads,
            n_threads_batch=setting.threads,
            n_gpu_layers=setting.gpu_layers,
            verbose=False,
        )

    def answer(self, prompts: Sequence[str], *, tokens: int) -> None:
        """One call each."""
        for prompt in prompts:
            self._llama.reset()
            done = self._llama.create_chat_completion(_messages(prompt), max_tokens=tokens, temperature=0.0)
            _check(done["usage"]["completion_tokens"], tokens)

    def close(self) -> None:
        """Free the model."""
        self._llama.close()


class Server:
    """llama.cpp's own server, over HTTP: xllamacpp's, or with a GPU the `llama-server` that is on the path."""

    name = "llama.cpp server"

    def __init__(self, setting: Setting) -> None:
        start = _llama_server if setting.gpu else _xllamacpp
        self._process, self._address = start(setting)
        self._clients = ThreadPoolExecutor(setting.slots)

    def answer(self, prompts: Sequence[str], *, tokens: int) -> None:
        """A connection each."""
        for written in self._clients.map(lambda prompt: self._ask(prompt, tokens), prompts):
            _check(written, tokens)

    def close(self) -> None:
        """It has nothing to lose."""
        self._clients.shutdown()
        self._process.kill()
        self._process.communicate(timeout=READY_S)

    def _ask(self, prompt: str, tokens: int) -> int:
        line = http.client.HTTPConnection(self._address.hostname or "", self._address.port)
        asked = {"messages": _messages(prompt), "max_tokens": tokens, "temperature": 0, "cache_prompt": False}
        line.request("POST", "/v1/chat/completions", json.dumps(asked), {"Content-Type": "application/json"})
        said = json.loads(line.getresponse().read())
        line.close()
        return int(said["usage"]["completion_tokens"])


def _xllamacpp(setting: Setting) -> Started:
    told = json.dumps({**asdict(setting), "path": str(setting.path)})
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.local.server", told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    return process, urlsplit(process.stdout.readline().strip())


def _llama_server(setting: Setting) -> Started:
    program = shutil.which("llama-server")
    if program is None:
        raise SystemExit(
            "--gpu compares with llama-server, built from the same sources for the GPU: put it on the PATH"
        )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    numbers = {
        "--parallel": setting.slots,
        "--ctx-size": setting.cells,
        "--batch-size": setting.step_tokens,
        "--ubatch-size": setting.step_tokens,
        "--threads": setting.threads,
        "--n-gpu-layers": 999,
        "--port": port,
    }
    options = [str(part) for pair in numbers.items() for part in pair]
    process = subprocess.Popen(
        [program, "--model", str(setting.path), "--host", "127.0.0.1", "--kv-unified", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    address = urlsplit(f"http://127.0.0.1:{port}")
    _wait_until_healthy(address)
    return process, address


def _wait_until_healthy(address: SplitResult) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        line = http.client.HTTPConnection(address.hostname or "", address.port)
        with suppress(OSError):
            line.request("GET", "/health")
            if line.getresponse().status == HTTPStatus.OK:
                return
        time.sleep(0.2)
    raise TimeoutError(f"llama-server is not ready after {READY_S:g} s")


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _check(written: int, wanted: int) -> None:
    if written != wanted:
        raise RuntimeError(f"an answer of {written} tokens instead of {wanted}: the systems would not be comparable")
