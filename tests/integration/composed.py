"""The services of docker-compose.yml as plain processes: each with its command, its variables and its secrets alone."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ports import free_port
from ruamel.yaml import YAML

from tidegate.runtime.server import find_server

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
OURS = ["router", "worker-inside", "worker-outside", "janitor", "flower"]
READY_S = 180.0
STANDIN_TOKEN = "a-token"


@dataclass
class Composed:
    """The running services."""

    folder: Path
    """Where the secrets lie."""
    environments: Mapping[str, dict[str, str]] = field(repr=False)
    store_port: int
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def url_of(self, role: str) -> str:
        """The broker's URL as one role has it."""
        return (self.folder / f"broker_url_{role}").read_text().strip()

    def admin_url(self) -> str:
        """The administrator's, which no service is given."""
        password = (self.folder / "redis_auth").read_text().removeprefix("requirepass ").strip()
        return f"redis://:{password}@127.0.0.1:{self.store_port}"

    def run(self, service: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command in a service's place, as `docker compose exec` does it."""
        return subprocess.run(
            command(["tidegate", *words]),
            env=self.environments[service],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def await_healthy(self) -> None:
        """Until each service passes its own check."""
        for name in OURS:
            _, *check = SERVICES[name]["healthcheck"]["test"]
            port = self.environments[name]["TIDEGATE_FLOWER_PORT"]
            check = command([word.replace(":5555/", f":{port}/") for word in check])
            self._await_ok(name, check)

    def _await_ok(self, name: str, check: list[str]) -> None:
        until = time.monotonic() + READY_S
        env = self.environments[name]
        while subprocess.run(check, env=env, cwd=ROOT, capture_output=True, check=False).returncode:
            assert self.running[name].poll() is None, f"{name} ended: {self.log_of(name)}"
            assert time.monotonic() < until, f"{name} is not healthy: {self.log_of(name)}"

    def log_of(self, name: str) -> str:
        """What a service said last."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]


@contextmanager
def composed(tmp_path: Path, *, broker_urls: Mapping[str, str] | None = None) -> Iterator[Composed]:
    """Everything but Docker: the store with its file, a stand-in for the provider, and each service."""
    folder = prepared(tmp_path)
    store, flower, standin = (free_port() for _ in range(3))
    for file in folder.glob("broker_url_*"):
        file.write_text(file.read_text().replace("@redis:6379", f"@127.0.0.1:{store}"))
    environments = {name: _granted(name, folder, tmp_path, flower) for name in OURS}
    environments["worker-outside"]["TIDEGATE_OPENAI_BASE_URL"] = f"http://127.0.0.1:{standin}/v1"
    fleet = Composed(folder, environments, store)
    for role, url in (broker_urls or {}).items():
        _use_rabbitmq(fleet, role, url)
    with ExitStack() as stack:
        stack.enter_context(_started([find_server().path, _store_config(tmp_path, store)], {}, folder / "redis.log"))
        env = {**os.environ, "TIDEGATE_STANDIN_TOKEN": STANDIN_TOKEN}
        run = [sys.executable, "-m", "workers.standin", "--port", str(standin)]
        stack.enter_context(_started(run, env, folder / "standin.log"))
        for name in OURS:
            run = command(SERVICES[name]["command"])
            fleet.running[name] = stack.enter_context(_started(run, environments[name], folder / f"{name}.log"))
        yield fleet


def prepared(tmp_path: Path) -> Path:
    """The folder of secrets, made by the script that operators run."""
    for part in ("compose", "redis", "rabbitmq"):
        shutil.copytree(ROOT / "deploy" / part, tmp_path / "deploy" / part)
    env = {**os.environ, "OPENAI_API_KEY": "stand-in"}
    subprocess.run([tmp_path / "deploy" / "compose" / "prepare"], check=True, capture_output=True, env=env)
    return tmp_path / ".tidegate" / "compose"


def command(words: list[str]) -> list[str]:
    """The same words for this interpreter."""
    first, *rest = words
    return [sys.executable, *(["-m", "tidegate"] if first == "tidegate" else []), *rest]


def _use_rabbitmq(fleet: Composed, role: str, url: str) -> None:
    """Give a role another broker, and Redis as its store."""
    names = {"inside": "worker-inside", "outside": "worker-outside"}
    (fleet.folder / f"store_url_{role}").write_text(fleet.url_of(role).replace("/0", "/1"))
    (fleet.folder / f"amqp_url_{role}").write_text(url)
    if (name := names.get(role, role)) in fleet.environments:
        fleet.environments[name] |= {
            "TIDEGATE_BROKER_URL_FILE": str(fleet.folder / f"amqp_url_{role}"),
            "TIDEGATE_STORE_URL_FILE": str(fleet.folder / f"store_url_{role}"),
        }


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
        **({"TIDEGATE_AUDIT": str(folder / "audit")} if "TIDEGATE_AUDIT" in told else {}),
        "TIDEGATE_LOG_LEVEL": "INFO",
        "TIDEGATE_HOME": str(ROOT),
        "TIDEGATE_DATA": str(tmp_path / "no-folder"),
        "TIDEGATE_FLOWER_HOST": "127.0.0.1",
        "TIDEGATE_FLOWER_PORT": str(flower_port),
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),  # compiled patterns: minutes
    }


@contextmanager
def _started(words: list[Any], env: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(words, env=env, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
