"""`tidegate policy levels`: what findings mean by a policy, and where each line of that comes from."""

import json
from collections.abc import Collection, Iterator
from typing import Any

import typer
from rich import box
from rich.console import RenderableType
from rich.table import Table as Drawn
from rich.text import Text

from router.commands.terminal import AsJson, PolicyFile, console, narrowing, policy_path, told, write
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.sensitivity.grammar import Allowed, Denied, Section
from router.policy.sensitivity.ready import types_of
from router.signals.sensitivity.levels import NEW_TYPE, Combination, Weight
from tidegate.signals import Level

_STYLES = {Level.RESTRICTED: "bold red", Level.PERSONAL: "bold yellow", Level.INTERNAL: "cyan"}

AS_SHIPPED = "as shipped"


def register(policy_app: typer.Typer) -> None:
    """Add the command."""
    policy_app.command("levels")(levels)


def levels(file: PolicyFile = None, *, as_json: AsJson = False) -> None:
    """Tell what findings mean by a policy: the level of each type and of types together, and who says so.

    Also what the policy looks for besides (deny, patterns) and what it leaves out (allow).
    """
    with told():
        policy = load_policy(policy_path(file))
    if as_json:
        write(json.dumps(_as_dict(policy)))
        return
    out = console()
    for line in narrowing(policy):
        out.print(line, soft_wrap=True)
    out.print(_types(policy))
    out.print(_combinations(policy))
    for line in _lists(policy):
        out.print(line, soft_wrap=True)


def _types(policy: Policy) -> RenderableType:
    drawn = _drawn("type", "level", "from a score of", "below that", "says who", "why")
    for name, weight in types_of(policy.sensitivity.table).items():
        drawn.add_row(
            Text(name),
            _level(weight.level),
            Text(f"{weight.least:g}" if weight.least else "any"),
            _level(weight.below) if weight.least else Text(),
            _said(weight.place),
            Text(weight.why or ""),
        )
    drawn.add_row(Text("any other"), _level(NEW_TYPE.level), Text("any"), Text(), _said(None), Text())
    return drawn


def _combinations(policy: Policy) -> RenderableType:
    drawn = _drawn("together", "level", "called", "says who", "why")
    for one in policy.sensitivity.table.combinations:
        drawn.add_row(Text(_written(one)), _level(one.level), Text(one.name), _said(one.place), Text(one.why))
    return drawn


def _lists(policy: Policy) -> Iterator[Text]:
    section = _section(policy)
    for denied in section.deny:
        yield Text(f"deny {denied.name}: {_what(denied)} as {denied.type}{_because(denied.why)}")
    for own in section.patterns:
        near = f", near {_count(own.context, 'word')}" if own.context else ""
        yield Text(f"patterns {own.type}: a pattern{near}, score {own.score:g}{_because(own.why)}")
    for allowed in section.allow:
        types = ", ".join(allowed.types or ()) or "any type"
        yield Text(f"allow {_what(allowed)} of {types}{_because(allowed.why)}")


def _what(entry: Denied | Allowed) -> str:
    return _count(entry.words, "word") if entry.words else "a pattern"


def _count(words: Collection[str], what: str) -> str:
    return f"{len(words)} {what}{'' if len(words) == 1 else 's'}"


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


def _section(policy: Policy) -> Section:
    return (policy.file.sensitivity if policy.file else None) or Section()


def _drawn(*headings: str) -> Drawn:
    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    return drawn


def _level(level: Level) -> Text:
    return Text(level.value, style=_STYLES.get(level, ""))


def _said(place: str | None) -> Text:
    return Text(AS_SHIPPED, style="dim") if place is None else Text(place)


def _written(one: Combination) -> str:
    return " + ".join((*one.all_of, *([f"one of {', '.join(one.any_of)}"] if one.any_of else [])))


def _as_dict(policy: Policy) -> dict[str, Any]:
    rules = policy.sensitivity
    section = _section(policy)
    return {
        "policy": policy.version,
        "types": {name: _weight(weight) for name, weight in types_of(rules.table).items()},
        "any_other_type": NEW_TYPE.level.value,
        "combinations": [
            {
                "name": one.name,
                "all_of": list(one.all_of),
                "any_of": list(one.any_of),
                "level": one.level.value,
                "why": one.why,
                "place": one.place,
            }
            for one in rules.table.combinations
        ],
        "deny": _dumped(section, "deny"),
        "allow": _dumped(section, "allow"),
        "patterns": _dumped(section, "patterns"),
        "loosened": list(rules.loosened),
        "allow_outside": sorted(policy.allow_outside),
    }


def _weight(weight: Weight) -> dict[str, Any]:
    return {
        "level": weight.level.value,
        "at_least": weight.least,
        "below": weight.below.value,
        "why": weight.why,
        "place": weight.place,
    }


def _dumped(section: Section, part: str) -> Any:
    return section.model_dump(mode="json", exclude_none=True)[part]
