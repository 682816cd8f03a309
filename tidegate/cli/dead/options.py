"""The options by which all these commands choose letters, written once."""

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from tidegate.client import Client
from tidegate.deadletters import Choice
from tidegate.errors import Misuse, Reason
from tidegate.ledger.states import State

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_AGE = "30s, 10m, 2h, 7d"

OPTIONS: dict[str, Any] = {
    "lane": Annotated[str | None, typer.Option(help="Only letters whose last run was on this lane.")],
    "reason": Annotated[Reason | None, typer.Option(help="Only letters with this reason.")],
    "tenant": Annotated[str | None, typer.Option(help="Only letters of this tenant.")],
    "model": Annotated[str | None, typer.Option(help="Only letters whose last run asked this model.")],
    "rule": Annotated[str | None, typer.Option(help="Only letters that this rule of the policy placed.")],
    "fingerprint": Annotated[
        str | None, typer.Option(help="Only letters with this content: a fingerprint, or its beginning.")
    ],
    "older_than": Annotated[str | None, typer.Option(help=f"Only letters that are older: {_AGE}.")],
    "newer_than": Annotated[str | None, typer.Option(help=f"Only letters that are younger: {_AGE}.")],
}

Ids = Annotated[list[str] | None, typer.Argument(help="Job ids; none means all that the options choose.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Everything = Annotated[bool, typer.Option("--all", help="Needed where neither ids nor options choose.")]


def chooses(*, ids: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """For a command that is given `meant`, a Choice: it takes the options above, and with `ids` job ids, too."""

    def taking(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            options = {name: given.pop(name) for name in OPTIONS}
            command(meant=_choice(job_ids=given.pop("job_ids", None), **options), **given)

        parameters = _parameters(command, ids=ids)
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return taking


def _parameters(command: Callable[..., None], *, ids: bool) -> list[inspect.Parameter]:
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "meant"]
    named = inspect.Parameter.KEYWORD_ONLY
    first = [inspect.Parameter("job_ids", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=Ids)]
    return [
        *(first if ids else ()),
        *(one for one in own if one.kind is not named),
        *(inspect.Parameter(name, named, default=None, annotation=kind) for name, kind in OPTIONS.items()),
        *(one for one in own if one.kind is named),
    ]


def see_meant(client: Client, meant: Choice, *, everything: bool) -> None:
    """Raises Misuse where nothing was chosen, or an id is no dead letter's: before anything is done."""
    if not (meant.narrows or everything):
        raise Misuse("which dead letters? Give ids, an option that chooses (see --help), or --all")
    found = {
        job_id for job_id, fields in client.ledger.shelf.glance(meant.ids, ("state",)) if fields["state"] == State.DEAD
    }
    missing = sorted(meant.ids - found)
    if missing:
        raise Misuse(f"no such dead letter: {', '.join(missing)}")


def _choice(*, job_ids: list[str] | None, older_than: str | None, newer_than: str | None, **others: Any) -> Choice:
    return Choice(
        ids=frozenset(job_ids or ()),
        older_than_s=_age_s("--older-than", older_than),
        newer_than_s=_age_s("--newer-than", newer_than),
        **others,
    )


def _age_s(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if match is None:
        raise Misuse(f"{option}: expected a number and one of s, m, h, d, as in 30m; got '{text}'")
    return float(match[1]) * _UNITS_S[match[2]]
