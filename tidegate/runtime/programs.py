"""The programs of a small installation: what each is started with, and which secrets it must not see."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

_INSIDE_SECRETS = ("TIDEGATE_INSIDE_KEY", "TIDEGATE_INSIDE_KEY_FILE")
_SIGNING_SECRETS = ("TIDEGATE_CLEARANCE_KEY", "TIDEGATE_CLEARANCE_KEY_FILE")
_AUDIT_SECRETS = ("TIDEGATE_AUDIT_KEY", "TIDEGATE_AUDIT_KEY_FILE")


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process under the supervisor."""

    name: str
    command: tuple[str, ...]
    role: str | None = None
    """How it reports itself to the census; None where it does not."""
    label: str = ""
    hidden: tuple[str, ...] = ()
    """Environment variables that are taken away from it."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    first: bool = False
    """Started before the others and stopped after them."""


def workforce(*, provider_keys: tuple[str, ...], outside_env: Mapping[str, str]) -> tuple[Program, ...]:
    """Router, workers, janitor and Flower."""
    return (
        Program(
            name="router",
            command=_ours("router"),
            role="router",
            label="router",
            hidden=(*provider_keys, *_AUDIT_SECRETS),
        ),
        Program(
            name="inside",
            command=_ours("worker", "--zone", "inside"),
            role="worker:inside",
            label="local worker (llama.cpp)",
            hidden=(*provider_keys, *_SIGNING_SECRETS, *_AUDIT_SECRETS),
        ),
        Program(
            name="outside",
            command=_ours("worker", "--zone", "outside"),
            role="worker:outside",
            label="managed worker (API)",
            hidden=(*_INSIDE_SECRETS, *_SIGNING_SECRETS, *_AUDIT_SECRETS),
            env=outside_env,
        ),
        Program(name="janitor", command=_ours("janitor"), role="janitor", label="janitor", hidden=provider_keys),
        Program(
            name="flower",
            command=_ours("flower"),
            label="Flower",
            hidden=(*provider_keys, *_INSIDE_SECRETS, *_AUDIT_SECRETS),
        ),
    )


def standin(*, port: int, token: str, options: tuple[str, ...]) -> Program:
    """The loopback server that stands in for a provider where no key is configured."""
    return Program(
        name="standin",
        command=(sys.executable, "-m", "workers.standin", "--port", str(port), *options),
        label="stand-in for a provider",
        env={"TIDEGATE_STANDIN_TOKEN": token},
        first=True,
    )


def store(command: tuple[str, ...]) -> Program:
    """The embedded store."""
    return Program(name="store", command=command, label="store", first=True)


def _ours(*args: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tidegate", *args)
