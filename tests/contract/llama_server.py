"""llama.cpp's own server, as xllamacpp carries it, in a process of its own: whatever it does, the tests go on."""

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from servers import skip_or_fail

START_S = 90.0
STOP_S = 10.0

SLOTS = 4
CONTEXT_TOKENS = 1024
"""Of each slot: as much as the shipped model has."""

_PROGRAM = f"""
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel = {CONTEXT_TOKENS * SLOTS}, {SLOTS}
params.cpuparams.n_threads = 1
params.hostnames, params.port = ["127.0.0.1"], 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()  # until the test that started us ends, however it ends
"""


@contextlib.contextmanager
def running(model: Path) -> Iterator[str]:
    """The URL of a server on a free port of this machine, once it is healthy."""
    if find_spec("xllamacpp") is None:
        skip_or_fail("xllamacpp carries llama.cpp's server: install the group dev")
    command = [sys.executable, "-c", _PROGRAM, str(model)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, f"the server ended with {process.wait(STOP_S)}"
            _await_health(url)
            yield url
        finally:
            process.kill()


def _await_health(url: str) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1) as said:
                if said.status == 200:
                    return
        except (OSError, urllib.error.HTTPError):
            if time.monotonic() > until:
                raise
        time.sleep(0.05)  # 503 while the model loads: there is no event to wait for
