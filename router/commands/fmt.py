"""`tidegate policy fmt`: policy files in canonical form, with their comments."""

import difflib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from router.commands.terminal import AsJson, console, policy_path, told, write
from router.findings import rendered
from router.policy.formatting.canonical import canonical
from tidegate.documents import read
from tidegate.errors import InvalidDocument

Files = Annotated[
    list[Path] | None, typer.Argument(help="Policies, files of cases, prompts; the configured policy where none given.")
]


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("fmt")(fmt)


def fmt(
    files: Files = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 and the difference.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write policy files in their canonical form: the order of fields, indentation, quotes, blank lines.

    Comments are kept. A file that cannot be read stays as it is: exit code 1.
    """
    with told():
        paths = [policy_path(file) for file in files] if files else [policy_path(None)]
    found = [_formatted(path) for path in paths]
    if not check:
        for one in found:
            if one.changed:
                _replace(one.path, one.after)
    if as_json:
        write(json.dumps({"holds": _holds(found, check=check), "files": [one.as_json() for one in found]}))
    else:
        for one in found:
            _tell(one, check=check)
    raise typer.Exit(0 if _holds(found, check=check) else 1)


@dataclass(frozen=True)
class _Formatted:
    path: Path
    before: str
    after: str
    errors: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def as_json(self) -> dict[str, object]:
        return {"file": str(self.path), "changed": self.changed, "errors": list(self.errors)}


def _formatted(path: Path) -> _Formatted:
    try:
        read(path)  # its limits: size, encoding
        before = path.read_bytes().decode()
        return _Formatted(path, before, canonical(before, name=str(path)))
    except InvalidDocument as exc:
        return _Formatted(path, "", "", exc.problems)


def _holds(found: Sequence[_Formatted], *, check: bool) -> bool:
    return not any(one.errors or (check and one.changed) for one in found)


def _tell(one: _Formatted, *, check: bool) -> None:
    if one.errors:
        console(stderr=True).print(rendered(one.errors), soft_wrap=True)
    elif not one.changed:
        console().print(Text(f"{one.path}: is canonical", style="green"), soft_wrap=True)
    elif check:
        console().print(Text(f"{one.path}: is not canonical; tidegate policy fmt would change:", style="bold red"))
        for line in difflib.unified_diff(one.before.splitlines(), one.after.splitlines(), "is", "would be", "", "", 1):
            console().print(Text(line.rstrip("\n"), style=_STYLES.get(line[:1], "")), soft_wrap=True)
    else:
        console().print(Text(f"{one.path}: written anew", style="bold green"), soft_wrap=True)


_STYLES = {"+": "green", "-": "red", "@": "dim"}


def _replace(path: Path, text: str) -> None:
    """All or nothing: nobody reads half a policy, and a full disk leaves the old one."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(text.encode())
        draft.chmod(target.stat().st_mode)
        draft.replace(target)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise typer.BadParameter(f"{path}: cannot be written: {exc.strerror}") from None
