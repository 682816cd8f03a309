"""How the router's commands take their arguments and answer: options they share, errors in words, lines at once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.text import Text

from router import findings
from router.policy.model import Policy
from tidegate.cli.console import console
from tidegate.errors import InvalidDocument, TidegateError
from tidegate.settings import load

__all__ = [
    "AsJson",
    "PolicyFile",
    "PolicyOption",
    "console",
    "loosening",
    "narrowing",
    "opened",
    "policy_path",
    "told",
    "write",
]

PolicyFile = Annotated[Path | None, typer.Argument(help="The policy; the configured one where not given.")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="The policy to decide by; the configured one where not given.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def policy_path(given: Path | None) -> Path:
    """The policy that is meant: the one given, or the configured one. No such file is misuse."""
    path = given or load().policy_file
    if not path.is_file():
        raise typer.BadParameter(f"no file {path}")
    return path


@contextmanager
def told() -> Iterator[None]:
    """Tell an error of ours in words and end with its exit code."""
    try:
        yield
    except InvalidDocument as exc:
        console(stderr=True).print(findings.rendered(exc.problems), soft_wrap=True)
        raise typer.Exit(exc.exit_code) from None
    except TidegateError as exc:
        console(stderr=True).print(str(exc), markup=False, soft_wrap=True)
        raise typer.Exit(exc.exit_code) from None


@contextmanager
def opened(source: str) -> Iterator[IO[bytes]]:
    """A file, or standard input for `-`. One that cannot be opened is misuse."""
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115 -- closed below; only opening may fail as misuse
    except OSError as exc:
        raise typer.BadParameter(f"{source}: {exc.strerror}") from None
    with stream:
        yield stream


def loosening(policy: Policy) -> Iterator[Text]:
    """In red, what findings mean less than as shipped."""
    for lowered in policy.sensitivity.loosened:
        yield Text(f"{policy.name}: sensitivity: {lowered}", style="bold red")


def narrowing(policy: Policy) -> Iterator[Text]:
    """In red, what the operators declared harmless: it narrows the guarantee that holds for everybody."""
    yield from loosening(policy)
    if policy.allow_outside:
        types = ", ".join(sorted(policy.allow_outside))
        yield Text(f"{policy.name}: allow_outside: a job with nothing but {types} may leave", style="bold red")


def write(line: str) -> None:
    """One line, at once: a reader at the other end of a pipe may be waiting for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
