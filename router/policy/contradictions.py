"""What is wrong between the parts of a policy file. Looks at the tree, so that it speaks of a broken one, too. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from router.policy import cel
from tidegate.documents import Document, Steps
from tidegate.expectations import did_you_mean
from tidegate.lane import Zone

DEFAULT_RULE = "default"
"""The rule that stands on record where no rule of the file matched."""

_BUILT_IN = "nothing-sensitive-outside"


def contradictions(document: Document) -> Iterator[str]:
    """Each with its place."""
    known = {str(lane): zone for lane, zone in _zones(document.tree.get("lanes"))}
    if known:
        for path, lane in _mentions(document.tree):
            if isinstance(lane, str) and lane not in known:
                yield document.at(path, f"no such lane{did_you_mean(lane, known)}", value=path[-2] != "split")
    yield from _doubled(document, "rules", {DEFAULT_RULE: "the default has this name"})
    yield from _doubled(document, "guarantees", {_BUILT_IN: "the built-in one has this name"})
    yield from _exposed_default(document, known)
    yield from _bad_expressions(document)
    yield from _environment(document)


def _zones(lanes: object) -> Iterator[tuple[object, object]]:
    for name, lane in lanes.items() if isinstance(lanes, dict) else ():
        yield name, lane.get("zone") if isinstance(lane, dict) else None


def _mentions(tree: Mapping[str, Any]) -> Iterator[tuple[Steps, object]]:
    """Every place where a lane is named."""
    for index, rule in enumerate(_list(tree.get("rules"))):
        yield from _in_rule(rule, ("rules", index))
    yield from _in_rule(tree.get("default"), ("default",))
    for index, promise in enumerate(_list(tree.get("guarantees"))):
        here: Steps = ("guarantees", index)
        never = promise.get("never") if isinstance(promise, dict) else None
        yield from _names(never, "lanes", (*here, "never"))
        yield from _in_when(promise, here)


def _in_rule(rule: object, here: Steps) -> Iterator[tuple[Steps, object]]:
    if not isinstance(rule, dict):
        return
    yield from _names(rule, "send", here)
    yield from _names(rule, "shadow", here)
    yield from _names(rule.get("overflow"), "to", (*here, "overflow"))
    split = rule.get("split")
    yield from (((*here, "split", lane), lane) for lane in (split if isinstance(split, dict) else ()))
    yield from _in_when(rule, here)


def _in_when(owner: object, here: Steps) -> Iterator[tuple[Steps, object]]:
    if not isinstance(owner, dict):
        return
    for path, when in _whens(owner.get("when"), (*here, "when")):
        for field in ("wait_s", "health", "budget_left_usd"):
            yield from _names(when.get(field), "lane", (*path, field))


def _names(owner: object, field: str, here: Steps) -> Iterator[tuple[Steps, object]]:
    """A field that holds a name or a list of names."""
    value = owner.get(field) if isinstance(owner, dict) else None
    if isinstance(value, list):
        yield from (((*here, field, index), name) for index, name in enumerate(value))
    elif value is not None:
        yield (*here, field), value


def _whens(when: object, here: Steps) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """A `when` and those inside it."""
    if not isinstance(when, dict):
        return
    yield here, when
    for field in ("any", "all"):
        for index, inner in enumerate(_list(when.get(field))):
            yield from _whens(inner, (*here, field, index))
    yield from _whens(when.get("not"), (*here, "not"))


def _doubled(document: Document, part: str, taken: dict[str, str]) -> Iterator[str]:
    first = dict(taken)
    for index, one in enumerate(_list(document.tree.get(part))):
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str):
            if name in first:
                message = f"a {part.removesuffix('s')}'s name must be its own; {first[name]}"
                yield document.at((part, index, "name"), message, value=True)
            first.setdefault(name, f"{part}[{index}] has it too")


def _exposed_default(document: Document, known: Mapping[str, object]) -> Iterator[str]:
    """A default with lanes outside only would leave a job that cannot be judged without any place."""
    default = document.tree.get("default")
    lanes = [lane for _, lane in _names(default, "send", ("default",)) if isinstance(lane, str)]
    if lanes and all(known.get(lane) == Zone.OUTSIDE.value for lane in lanes):
        yield document.at(("default", "send"), "at least one of the default's lanes must be inside", value=True)


def _bad_expressions(document: Document) -> Iterator[str]:
    for part in ("rules", "guarantees"):
        for index, one in enumerate(_list(document.tree.get(part))):
            when = one.get("when") if isinstance(one, dict) else None
            for path, inner in _whens(when, (part, index, "when")):
                text = inner.get("expr")
                if isinstance(text, str) and text:
                    yield from _bad_expression(document, (*path, "expr"), text)


def _bad_expression(document: Document, path: Steps, text: str) -> Iterator[str]:
    try:
        cel.compiled(text)
    except cel.BadExpression as exc:
        known = did_you_mean(exc.name, cel.names()) if exc.name else ""
        yield document.within(path, f"{exc.message}{known}", line=exc.line, column=exc.column)


def _environment(document: Document) -> Iterator[str]:
    """`${NAME}` anywhere but where a secret's name is meant: nothing else is taken from the environment."""
    for path, text in _strings(document.tree, ()):
        if "${" in text and path[0] != "tests" and not (path[0] == "lanes" and path[-1] == "key_env"):
            yield document.at(path, "${…} stands only for the name of a key, in a lane's key_env", value=True)


def _strings(tree: object, path: Steps) -> Iterator[tuple[Steps, str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _strings(value, (*path, key))
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _strings(item, (*path, index))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
