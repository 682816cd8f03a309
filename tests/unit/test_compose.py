"""docker-compose.yml, Dockerfile and deploy/compose: what keeps the zones apart, held as facts over the parsed files.

No Docker engine takes part: the official schema of the Compose specification and these assertions stand in for one.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tidegate.errors import InvalidSettings
from tidegate.keys import keyring, signer, verifier
from tidegate.lane import Zone
from tidegate.lanes import read_lanes
from tidegate.providerkeys.places import DEFAULT_KEY_ENV, place_of
from tidegate.runtime.programs import ProviderKeys, workforce
from tidegate.settings import Settings, load
from workers.app import GRACE_S

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(FILE)
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(set(SERVICES) - {"redis"})
PROGRAMS = {"inside": "worker-inside", "outside": "worker-outside"}
"""A program of `tidegate up` -> its service, where the names differ."""

INSIDE_SECRETS = {"inside_key", "clearance_key"}
PROVIDER_KEYS = {name: name.lower() for name in DEFAULT_KEY_ENV.values() if name.endswith("_API_KEY")}
"""What a lane's key is called where it names none -> its secret."""
KEYS = INSIDE_SECRETS | {"outside_key", "clearance_pub"} | set(PROVIDER_KEYS.values())


def test_the_file_keeps_the_compose_schema() -> None:
    """The file is valid by the official schema of the Compose specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("program", workforce(ProviderKeys(), outside_env={}), ids=lambda program: program.name)
def test_a_service_runs_what_tidegate_up_runs(program: Any) -> None:
    """Each program of `tidegate up` has a service with the same command."""
    service = SERVICES[PROGRAMS.get(program.name, program.name)]
    assert service["command"] == ["tidegate", *program.command[program.command.index("tidegate") + 1 :]]


@pytest.mark.parametrize("name", ["redis", "router", "worker-inside", "worker-gpu", "janitor"])
def test_the_inside_has_no_way_out(name: str) -> None:
    """Whoever may meet a sensitive payload is on internal networks only, which have no route to anywhere else."""
    assert all(COMPOSE["networks"][network].get("internal") is True for network in _networks(name))
    assert "network_mode" not in SERVICES[name]
    assert "ports" not in SERVICES[name]


def test_the_managed_worker_cannot_open_what_is_inside() -> None:
    """It holds neither the inside key nor the signing key, and is not on the network of those who do."""
    assert not _secrets("worker-outside") & INSIDE_SECRETS
    assert "inside" not in _networks("worker-outside")


def test_only_the_managed_worker_has_a_way_out() -> None:
    """The network `egress` is its alone, and every other network is internal or does not translate addresses."""
    assert [name for name in SERVICES if "egress" in _networks(name)] == ["worker-outside"]
    ways_out = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert ways_out == {"egress", "front"}
    assert COMPOSE["networks"]["front"]["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"


def test_only_those_who_need_a_key_hold_it() -> None:
    """Each secret's holders are exactly these, so a key that is handed on too far fails here."""
    holders = {secret: {name for name in SERVICES if secret in _secrets(name)} for secret in COMPOSE["secrets"]}
    assert holders == {
        "inside_key": {"router", "worker-inside", "worker-gpu"},
        "outside_key": {"router", "worker-outside"},
        "clearance_key": {"router"},
        "clearance_pub": {"router", "worker-outside"},
        "audit_key": {"janitor"},
        "audit_pub": {"janitor"},
        **{secret: {"worker-outside"} for secret in PROVIDER_KEYS.values()},
        "broker_url_router": {"router"},
        "broker_url_inside": {"worker-inside", "worker-gpu"},
        "broker_url_outside": {"worker-outside"},
        "broker_url_janitor": {"janitor"},
        "broker_url_flower": {"flower"},
        "redis_auth": {"redis"},
        "redis_users": {"redis"},
        "flower_password": {"flower"},
    }


@pytest.mark.parametrize("name", ["flower", "janitor", "redis"])
def test_who_only_looks_on_gets_no_key(name: str) -> None:
    """Flower, the janitor and the store could not open a payload."""
    assert not _secrets(name) & KEYS


def test_the_table_at_the_top_is_true() -> None:
    """The comment that operators read first says of each service what the file says."""
    columns = ("inside", "broker", "egress", "front")
    rows = re.findall(r"^# \| ([a-z -]+)\|(.*)\|(.*)\|(.*)\|(.*)\| ([a-z_ ]+) \|$", FILE.read_text(), re.MULTILINE)
    told: dict[str, tuple[set[str], set[str]]] = {}
    for name, *marks, secrets in rows[1:]:
        if name.strip():  # a row without a name goes on with the one above it
            last = told[name.strip()] = (set(), set())
        last[0].update(column for column, mark in zip(columns, marks, strict=True) if mark.strip())
        last[1].update(secrets.split())
    assert told == {name: (_networks(name), _secrets(name)) for name in SERVICES}


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_an_environment(name: str) -> None:
    """Secrets are named by file: each such variable names a secret of the service, and no value stands there."""
    environment = SERVICES[name].get("environment", {})
    files = {key: value for key, value in environment.items() if key.endswith("_FILE")}
    assert {Path(value).name for value in files.values()} == (_secrets(name) if name in OURS else set())
    assert not [key for key in environment if key.endswith(("_KEY", "_PASSWORD", "BROKER_URL", "STORE_URL"))]


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_a_setting(name: str) -> None:
    """A variable that no setting reads would be a mistake that nobody notices."""
    known = {f"TIDEGATE_{field.upper()}" for field in Settings.model_fields}
    provider = {f"{key}_FILE" for key in PROVIDER_KEYS}
    assert {lane.key_env for lane in read_lanes(ROOT / "policies" / "default.yaml").values()} <= {None, *PROVIDER_KEYS}
    assert set(SERVICES[name]["environment"]) <= known | provider | {"HTTPS_PROXY"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_checked_and_confined(name: str) -> None:
    """Each has a health check, a memory limit, a read-only root, no capability, and a user that is not root."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].startswith("${TIDEGATE_UID:?")
    assert not {"privileged", "cap_add", "pid", "ipc"} & set(service)
    written = {"/data", "/audit"}
    assert all(volume["read_only"] for volume in service.get("volumes", []) if volume["target"] not in written)


@pytest.mark.parametrize("name", OURS)
def test_a_worker_gets_time_to_leave(name: str) -> None:
    """Docker waits longer than a worker's own grace before it kills."""
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= GRACE_S + 5


def test_only_flower_is_reachable_and_only_from_this_machine() -> None:
    """One port is published, on the loopback address."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"flower": ["127.0.0.1:${TIDEGATE_FLOWER_PORT:-5555}:5555"]}


def test_every_image_is_pinned() -> None:
    """What is not built here has a version of three parts, in the compose file and in the Dockerfile."""
    foreign = [service["image"] for service in SERVICES.values() if "build" not in service]
    foreign += re.findall(r"^FROM (\S+)", _dockerfile(), re.MULTILINE)
    assert len(foreign) > 1
    assert [image for image in foreign if not re.search(r":\d+\.\d+\.\d+-", image)] == []


def test_each_target_and_argument_of_a_build_is_in_the_dockerfile() -> None:
    """The stages that services name exist, their arguments too, and each stage copies from one that does."""
    stages = re.findall(r"^FROM \S+ AS (\S+)$", _dockerfile(), re.MULTILINE)
    builds = [service["build"] for service in SERVICES.values() if "build" in service]
    assert {build["target"] for build in builds} == {"cpu", "gpu"} <= set(stages)
    assert {name for build in builds for name in build.get("args", {})} <= set(
        re.findall(r"^ARG (\w+)", _dockerfile(), re.MULTILINE)
    )
    assert set(re.findall(r"--from=(\S+)", _dockerfile())) <= set(stages)
    assert SERVICES["worker-gpu"]["build"]["target"] == "gpu"


def test_the_image_is_given_all_that_it_copies_and_no_more() -> None:
    """What the Dockerfile copies exists and .dockerignore lets it in; whatever else lies in the checkout stays out."""
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", _dockerfile(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    first, *others = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")]
    assert first == "*"
    assert {line[1:] for line in others if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_runs_as_nobody_special() -> None:
    """Each target that runs ends as a user that is not root."""
    for target in ("cpu", "gpu"):
        stage = re.split(r"^FROM \S+ AS ", _dockerfile(), flags=re.MULTILINE)
        (text,) = [part for part in stage if part.startswith(f"{target}\n")]
        assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["10001:10001"]


def test_the_store_keeps_what_was_accepted() -> None:
    """The store syncs each write, evicts nothing, and has room beyond its own limit for rewriting its log."""
    told = dict(line.split(maxsplit=1) for line in _lines(ROOT / "deploy" / "compose" / "redis.conf"))
    assert (told["appendonly"], told["appendfsync"], told["maxmemory-policy"]) == ("yes", "always", "noeviction")
    included = [line for line in _lines(ROOT / "deploy" / "compose" / "redis.conf") if line.startswith("include")]
    assert included == ["include /run/secrets/redis_auth", "include /run/secrets/redis_users"]
    limit = SERVICES["redis"]["deploy"]["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("m")) >= 2 * int(told["maxmemory"].removesuffix("mb"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/compose/prepare needs openssl")
def test_the_secrets_are_made_private_and_fit(tmp_path: Path) -> None:
    """The script makes every secret with mode 600, tidegate can read them, and a second run replaces none."""
    for part in ("compose", "redis"):
        shutil.copytree(ROOT / "deploy" / part, tmp_path / "deploy" / part)
    prepare = tmp_path / "deploy" / "compose" / "prepare"
    folder = tmp_path / ".tidegate" / "compose"

    def run() -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in PROVIDER_KEYS}
        subprocess.run([prepare], env={**env, "ANTHROPIC_API_KEY": "sk-invented"}, check=True, capture_output=True)
        return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}

    made = run()
    assert set(made) == set(COMPOSE["secrets"]) | {"broker_url_producer"}
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == {
        f"./.tidegate/compose/{name}" for name in made if name != "broker_url_producer"
    }
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in made} == {0o600}
    _check_keys(folder)
    assert run() == made
    assert (tmp_path / ".env").read_text().count("TIDEGATE_UID=") == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/compose/prepare needs openssl")
@pytest.mark.parametrize("given", [*PROVIDER_KEYS, None])
def test_each_provider_s_key_is_optional(given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The managed worker finds the key that `prepare` was given, be it later, where the service says; and no other."""
    for part in ("compose", "redis"):
        shutil.copytree(ROOT / "deploy" / part, tmp_path / "deploy" / part)
    for name in PROVIDER_KEYS:
        monkeypatch.delenv(name, raising=False)
    key = {given: "sk-invented"} if given else {}
    prepare = tmp_path / "deploy" / "compose" / "prepare"
    subprocess.run([prepare], env=os.environ, check=True, capture_output=True)
    done = subprocess.run([prepare], env={**os.environ, **key}, check=True, capture_output=True, text=True)
    assert "sk-invented" not in done.stdout + done.stderr
    assert ("Put your providers' keys" in done.stdout) == (given is None)
    for name in PROVIDER_KEYS:
        told = SERVICES["worker-outside"]["environment"][f"{name}_FILE"]
        monkeypatch.setenv(f"{name}_FILE", told.replace("/run/secrets", str(tmp_path / ".tidegate" / "compose")))
        place = place_of(name, load(data=tmp_path))
        if name == given:
            assert place.read() == "sk-invented"
        else:
            with pytest.raises(InvalidSettings, match="is empty"):
                place.read()


def _check_keys(folder: Path) -> None:
    """The keys open and fit; Redis and its clients have the same password."""
    keys = ("inside_key", "outside_key", "clearance_key", "clearance_pub", "audit_key", "audit_pub")
    settings = Settings(
        **{f"{name}_file": folder / name for name in keys},
        broker_url_file=folder / "broker_url_router",
        flower_password_file=folder / "flower_password",
    )
    assert keyring(settings, Zone.INSIDE).sealing[1] != keyring(settings, Zone.OUTSIDE).sealing[1]
    for use in ("clearance", "audit"):
        assert verifier(settings, use).holds(signer(settings, use).sign(b"payload"), b"payload")
    assert settings.broker_url is not None
    user, _, password = settings.broker_url.get_secret_value().removeprefix("redis://").partition("@")[0].partition(":")
    users = (folder / "redis_users").read_text()
    assert f"user {user} reset on #{hashlib.sha256(password.encode()).hexdigest()} " in users
    assert password not in users
    assert (folder / "redis_auth").read_text().startswith("requirepass ")
    assert settings.flower_password is not None


def _networks(name: str) -> set[str]:
    return set(SERVICES[name]["networks"])


def _secrets(name: str) -> set[str]:
    return set(SERVICES[name].get("secrets", []))


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
