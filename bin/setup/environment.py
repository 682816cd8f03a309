"""The Python side: the tools from PyPI, and .venv as uv.lock says; with the user's mirrors and certificates."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import machine
from console import Console
from places import Places
from stamp import Stamp

# Variables that would lead uv or pip elsewhere than into our .venv.
_STRAY = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "UV_PYTHON",
    "VIRTUAL_ENV",
    # Image builders set it, and ggml then leaves AVX out: far slower, and nothing says so.
    "SOURCE_DATE_EPOCH",
)
_PYPI = "https://pypi.org/simple"


@dataclass(frozen=True)
class Tools:
    """The folder with uv, cmake, ninja and pip, and the environment variables to run them with."""

    folder: Path
    env: Mapping[str, str]
    index: str

    def path(self, name: str) -> str:
        """Where one of them lies."""
        return str(self.folder / "bin" / name)


def tools(places: Places, console: Console) -> Tools:
    """Bring the pinned tools into a folder of the cache that every checkout shares."""
    python = _base_python()
    pins = places.pins.read_bytes()
    # Not the full version: apt-get may just have replaced this Python by a newer build, which suits the folder as well.
    version = hashlib.sha256(pins + f"{python} {sys.version_info[:2]}".encode()).hexdigest()[:12]
    folder = places.cache / "tools" / version
    env = _base_env(places)
    with machine.lock(folder.with_name(f"{folder.name}.lock"), console, "another checkout's set-up"):
        complete = folder / "complete"
        if not complete.exists():
            # A venv cannot be moved into its place when it is done, so a file says that it is.
            console.run([python, "-I", "-m", "venv", "--clear", folder], env=env)
            install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-input", "--progress-bar=off"]
            console.run([*install, "--require-hashes", "--only-binary=:all:", "-r", str(places.pins)], env=env)
            complete.touch()
    path = f"{folder / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    ready = Tools(folder, {**env, "PATH": path}, index="")
    return Tools(folder, {**ready.env, **_certificates(ready)}, index=_index(ready))


def packages(places: Places, wanted: Stamp, tools: Tools, console: Console) -> None:
    """Make .venv hold what uv.lock names, and nothing else."""
    before = Stamp.read(places.stamp)
    if places.venv.exists() and not _reusable(places, wanted):
        shutil.rmtree(places.venv)
    if not places.venv.exists():
        console.run([tools.path("uv"), "venv", "--no-config", "--python", _base_python(), places.venv], env=tools.env)
    Stamp.write_incomplete(places.stamp, before)
    mirrored = tools.index not in ("", _PYPI)
    # Developers hear that the lock is behind pyproject.toml. For everybody else it holds as it is; and so it must
    # with a mirror, which uv would miss in it.
    mode = ["--locked"] if wanted.purpose == "dev" and not mirrored else ["--frozen"]
    if wanted.purpose == "run":
        mode.append("--no-default-groups")
    uv = [tools.path("uv"), "--project", str(places.root), "--no-progress"]
    if not mirrored:
        console.run([*uv, "sync", "--all-extras", *mode], env=tools.env)
        return
    # uv.lock names files on PyPI itself. Who has a mirror gets the same files, by version and hash, from there.
    with tempfile.TemporaryDirectory() as scratch:
        pinned = Path(scratch) / "requirements.txt"
        export = ["export", "--all-extras", *mode, "--no-emit-project", "--quiet"]
        console.run([*uv, *export, f"--output-file={pinned}"], env=tools.env)
        env = {**tools.env, "UV_DEFAULT_INDEX": tools.index, "VIRTUAL_ENV": str(places.venv)}
        console.run([*uv, "pip", "sync", "--require-hashes", str(pinned)], env=env)
        console.run([*uv, "pip", "install", "--no-deps", "--editable", str(places.root)], env=env)


def _reusable(places: Places, wanted: Stamp) -> bool:
    """Whether uv may change what is there. Not after an interruption: a package half copied would look installed."""
    if not machine.runs(places.venv_python):
        return False
    before = Stamp.read(places.stamp)
    if before is None:
        return not places.stamp.exists()  # made by a plain `uv sync`; a stamp that cannot be read is another matter
    moved = not _names(places.venv / "bin" / "activate", str(places.venv))
    return before.complete and not moved and before.python == wanted.python


def _names(path: Path, text: str) -> bool:
    try:
        return text in path.read_text()
    except OSError:
        return False


def _base_python() -> Path:
    """The interpreter behind whatever venv or link we were started through: .venv must outlive those."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def _base_env(places: Places) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in _STRAY}
    env.setdefault("PIP_RETRIES", "2")
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    env["UV_PROJECT_ENVIRONMENT"] = str(places.venv)
    env["UV_PYTHON_DOWNLOADS"] = "never"
    if "SSL_CERT_FILE" in env:
        env.setdefault("PIP_CERT", env["SSL_CERT_FILE"])
    return env


def _certificates(tools: Tools) -> dict[str, str]:
    """Neither uv nor cmake knows pip's certificates; who configured pip has configured enough."""
    if "SSL_CERT_FILE" in tools.env:
        return {}
    named = tools.env.get("PIP_CERT") or _pip_setting("cert", tools) or tools.env.get("REQUESTS_CA_BUNDLE")
    return {"SSL_CERT_FILE": named} if named else {}


def _index(tools: Tools) -> str:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if tools.env.get(name):
            return tools.env[name].rstrip("/")
    return _pip_setting("index-url", tools).rstrip("/")


def _pip_setting(name: str, tools: Tools) -> str:
    # Neither shown nor logged: an index's address may carry a password.
    command = [tools.path("python"), "-m", "pip", "config", "list"]
    output = subprocess.run(command, env=tools.env, capture_output=True, text=True, check=False).stdout
    for line in output.splitlines():
        key, _, value = line.partition("=")
        if key in (f"global.{name}", f"install.{name}"):
            return value.strip("'\"")
    return ""
