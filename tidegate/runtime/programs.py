"""The programs of a small installation: what each is started with, and which secrets it must not see."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from tidegate.lane import Zone
from tidegate.settings import Settings

_INSIDE_SECRETS = ("TIDEGATE_INSIDE_KEY", "TIDEGATE_INSIDE_KEY_FILE")
_SIGNING_SECRETS = ("TIDEGATE_CLEARANCE_KEY", "TIDEGATE_CLEARANCE_KEY_FILE")
_OUTSIDE_SECRETS = ("TIDEGATE_OUTSIDE_KEY", "TIDEGATE_OUTSIDE_KEY_FILE")
_AUDIT_SECRETS = ("TIDEGATE_AUDIT_KEY", "TIDEGATE_AUDIT_KEY_FILE")
_EVERY_SECRET = tuple(
    f"TIDEGATE_{name.upper()}{tail}"
    for name, field in Settings.model_fields.items()
    if field.annotation == SecretStr | None
    for tail in ("", "_FILE")
)


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


@dataclass(frozen=True, kw_only=True)
class ProviderKeys:
    """The variables in which lanes of each zone expect their providers' keys: no process sees those of others."""

    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[str, ...]:
        """For those who call nobody."""
        return _with_files({*self.inside, *self.outside})

    def foreign_to(self, zone: Zone) -> tuple[str, ...]:
        """For a worker of one zone."""
        own, others = (self.inside, self.outside) if zone is Zone.INSIDE else (self.outside, self.inside)
        return _with_files(set(others) - set(own))


def workforce(keys: ProviderKeys, *, outside_env: Mapping[str, str]) -> tuple[Program, ...]:
    """Router, workers, janitor and Flower."""
    return (
        Program(
            name="router",
            command=_ours("router"),
            role="router",
            label="router",
            hidden=(*keys.every, *_AUDIT_SECRETS),
        ),
        Program(
            name="inside",
            command=_ours("worker", "--zone", "inside"),
            role="worker:inside",
            label="local worker (llama.cpp)",
            hidden=(*keys.foreign_to(Zone.INSIDE), *_SIGNING_SECRETS, *_AUDIT_SECRETS),
        ),
        Program(
            name="outside",
            command=_ours("worker", "--zone", "outside"),
            role="worker:outside",
            label="managed worker (API)",
            hidden=(*keys.foreign_to(Zone.OUTSIDE), *_INSIDE_SECRETS, *_SIGNING_SECRETS, *_AUDIT_SECRETS),
            env=outside_env,
        ),
        Program(name="janitor", command=_ours("janitor"), role="janitor", label="janitor", hidden=keys.every),
        Program(
            name="flower",
            command=_ours("flower"),
            label="Flower",
            hidden=(*keys.every, *_INSIDE_SECRETS, *_OUTSIDE_SECRETS, *_SIGNING_SECRETS, *_AUDIT_SECRETS),
        ),
    )


def standin(keys: ProviderKeys, *, port: int, token: str, options: tuple[str, ...]) -> Program:
    """The loopback server that stands in for a provider where no key is configured."""
    return Program(
        name="standin",
        command=(sys.executable, "-m", "workers.standin", "--port", str(port), *options),
        label="stand-in for a provider",
        hidden=(*keys.every, *_EVERY_SECRET),
        env={"TIDEGATE_STANDIN_TOKEN": token},
        first=True,
    )


def store(keys: ProviderKeys, command: tuple[str, ...]) -> Program:
    """The embedded store."""
    return Program(name="store", command=command, label="store", hidden=(*keys.every, *_EVERY_SECRET), first=True)


def _with_files(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{name}{tail}" for name in sorted(names) for tail in ("", "_FILE"))


def _ours(*args: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tidegate", *args)
