"""What is measured side by side: the engine, llama.cpp's own server, and calls in sequence. Same file, same settings.

Each takes the same conversations and answers each with the same number of tokens, the likeliest ones. Who says fewer
did not do the same work, which is an error and no result.
"""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import llama_cpp

from tidegate.job import Message, Params
from workers.local.protocol import Load
from workers.local.watch import Watched

READY_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all systems are told."""

    path: Path
    threads: int
    slots: int
    cells: int
    """Memory of all jobs together, in tokens."""
    step_tokens: int = 512


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
        )
        self.watched = Watched(load)
        self.watched.ready.result(READY_S)

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
    """llama.cpp's own server, over HTTP."""

    name = "llama.cpp server"

    def __init__(self, setting: Setting) -> None:
        told = json.dumps(
            {
                "path": str(setting.path),
                "threads": setting.threads,
                "slots": setting.slots,
                "cells": setting.cells,
                "step_tokens": setting.step_tokens,
            }
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.local.server", told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        self._address = urlsplit(self._process.stdout.readline().strip())
        self._clients = ThreadPoolExecutor(setting.slots)

    def answer(self, prompts: Sequence[str], *, tokens: int) -> None:
        """A connection each."""
        for written in self._clients.map(lambda prompt: self._ask(prompt, tokens), prompts):
            _check(written, tokens)

    def close(self) -> None:
        """It ends with its input."""
        self._clients.shutdown()
        self._process.communicate(timeout=READY_S)

    def _ask(self, prompt: str, tokens: int) -> int:
        line = http.client.HTTPConnection(self._address.hostname or "", self._address.port)
        asked = {"messages": _messages(prompt), "max_tokens": tokens, "temperature": 0, "cache_prompt": False}
        line.request("POST", "/v1/chat/completions", json.dumps(asked), {"Content-Type": "application/json"})
        said = json.loads(line.getresponse().read())
        line.close()
        return int(said["usage"]["completion_tokens"])


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _check(written: int, wanted: int) -> None:
    if written != wanted:
        raise RuntimeError(f"an answer of {written} tokens instead of {wanted}: the systems would not be comparable")
