"""The services of docker-compose.yml as plain processes: each with its command, its variables and its secrets alone."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tidegate.runtime.server import find_server

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
OURS = ["router", "worker-inside", "worker-outside", "janitor", "flower"]
READY_S = 90.0
STOP_S = 20.0
"""`stop_grace_period` of the services."""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/compose/prepare needs openssl")
def test_each_service_lives_on_its_own_secrets(tmp_path: Path) -> None:
    """With no other secret than the file grants, every service becomes healthy by its own check and stops in time."""
    folder = _prepared(tmp_path)
    ports = {"6379": _free_port(), "5555": _free_port()}
    url = (folder / "broker_url").read_text().replace("@redis:6379", f"@127.0.0.1:{ports['6379']}")
    (folder / "broker_url").write_text(url)
    with ExitStack() as stack:
        stack.enter_context(_running([find_server().path, _store_config(tmp_path, ports["6379"])], {}))
        running = {}
        for name in OURS:
            granted = _granted(name, folder, tmp_path, ports["5555"])
            running[name] = stack.enter_context(_running(_command(SERVICES[name]["command"]), granted))
        for name in OURS:
            _, *check = SERVICES[name]["healthcheck"]["test"]
            check = [word.replace(":5555/", f":{ports['5555']}/") for word in check]
            _wait_until_ok(running[name], _command(check), _granted(name, folder, tmp_path, ports["5555"]))
        for process in running.values():
            process.terminate()
        assert {name: process.wait(STOP_S) for name, process in running.items()} == dict.fromkeys(OURS, 0)


def _prepared(tmp_path: Path) -> Path:
    prepare = tmp_path / "deploy" / "compose" / "prepare"
    prepare.parent.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "compose" / "prepare", prepare)
    subprocess.run([prepare], check=True, capture_output=True)
    return tmp_path / ".tidegate" / "compose"


def _store_config(tmp_path: Path, port: int) -> Path:
    """redis.conf, with this test's folders and port."""
    folder = tmp_path / ".tidegate" / "compose"
    text = (ROOT / "deploy" / "compose" / "redis.conf").read_text()
    for there, here in (
        ("/run/secrets", str(folder)),
        ("dir /data", f"dir {folder / 'store'}"),
        ("port 6379", f"port {port}"),
        ("bind * -::*", "bind 127.0.0.1"),
    ):
        assert there in text
        text = text.replace(there, here)
    made = tmp_path / "redis.conf"
    made.write_text(text)
    return made


def _granted(name: str, folder: Path, tmp_path: Path, flower_port: int) -> dict[str, str]:
    """The service's environment: its secrets are copied where it alone looks, and no key can be made beside them."""
    own = tmp_path / "secrets" / name
    own.mkdir(parents=True, exist_ok=True)
    for secret in SERVICES[name]["secrets"]:
        shutil.copy(folder / secret, own / secret)
    (tmp_path / "no-folder").touch()
    told = {key: value for key, value in SERVICES[name]["environment"].items() if value is not None}
    return {
        **{key: value.replace("/run/secrets", str(own)) for key, value in told.items()},
        "TIDEGATE_LOG_LEVEL": "INFO",
        "TIDEGATE_HOME": str(ROOT),
        "TIDEGATE_DATA": str(tmp_path / "no-folder"),
        "TIDEGATE_FLOWER_HOST": "127.0.0.1",
        "TIDEGATE_FLOWER_PORT": str(flower_port),
        "PATH": os.defpath,
        "HOME": str(tmp_path),
    }


def _command(words: list[str]) -> list[str]:
    """The same words for this interpreter."""
    first, *rest = words
    return [sys.executable, *(["-m", "tidegate"] if first == "tidegate" else []), *rest]


@contextmanager
def _running(command: list[Any], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_ok(process: subprocess.Popen[bytes], check: list[str], env: dict[str, str]) -> None:
    until = time.monotonic() + READY_S
    while subprocess.run(check, env=env, cwd=ROOT, capture_output=True, check=False).returncode:
        assert process.poll() is None, f"{process.args} ended"
        assert time.monotonic() < until, f"{process.args} is not healthy"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
