"""A policy file into a `Policy`: the only part of the policy that touches a disk.

All errors are told at once, with their places. A policy is loaded whole or not at all.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from router.policy.conditions import When, conditions
from router.policy.grammar import many
from router.policy.model import Overflow, Policy, PolicyFile, ReadyOverflow, ReadyRule, Rule
from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument
from tidegate.expectations import did_you_mean
from tidegate.lane import Zone
from tidegate.lanes import misplaced_names
from tidegate.signals import Level

__all__ = ["Policy", "load_policy", "policy_from"]

Steps = tuple[str | int, ...]

_NAMES_A_LANE = {("overflow", "to"), ("wait_s", "lane")}
_NO_MENTIONS = {("lanes",), ("tests",)}

DEFAULT_RULE = "default"
"""The rule that stands on record where no rule of the file matched."""


def load_policy(path: Path) -> Policy:
    """Read and check a policy. Raises InvalidDocument with every error."""
    return policy_from(read(path), name=path.stem)


def policy_from(document: Document, *, name: str) -> Policy:
    """Check a document and make it ready. Raises InvalidDocument with every error."""
    file, problems = document.attempt(PolicyFile)
    problems = (*problems, *misplaced_names(document), *_contradictions(document))
    if file is None or problems:
        raise InvalidDocument(in_order(problems))
    return _ready(file, document, file.name or name)


def _ready(file: PolicyFile, document: Document, name: str) -> Policy:
    return Policy(
        name=name,
        version=f"{name}@{_digest(file)[:12]}",
        lanes=MappingProxyType(dict(file.lanes)),
        rules=tuple(_ready_rule(rule) for rule in file.rules),
        default=ReadyRule(name=DEFAULT_RULE, conditions=(), send=many(file.default.send), why=file.default.why),
        warnings=tuple(_warnings(file, document)),
    )


def _ready_rule(rule: Rule) -> ReadyRule:
    return ReadyRule(
        name=rule.name,
        conditions=conditions(rule.when),
        send=many(rule.send),
        why=rule.why,
        overflow=_ready_overflow(rule.overflow) if rule.overflow else None,
    )


def _ready_overflow(overflow: Overflow) -> ReadyOverflow:
    bounds = overflow.when.wait_s
    return ReadyOverflow(to=overflow.to, wait_s=bounds, wanted=bounds.model_dump(exclude_none=True))


def _digest(file: PolicyFile) -> str:
    """SHA-256 of what the file says: comments, order of keys and layout do not count."""
    content = json.dumps(file.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _contradictions(document: Document) -> Iterator[str]:
    """What is wrong between the parts of a file. Looks at the tree, so that it speaks even of a broken file."""
    lanes = document.tree.get("lanes")
    known = {str(lane): zone for lane, zone in _zones(lanes)}
    if known:
        for path, lane in _mentions(document.tree):
            if isinstance(lane, str) and lane not in known:
                yield document.at(path, f"no such lane{did_you_mean(lane, known)}", value=True)
    yield from _doubled_rules(document)
    yield from _exposed_default(document, known)


def _zones(lanes: object) -> Iterator[tuple[object, object]]:
    for name, lane in lanes.items() if isinstance(lanes, dict) else ():
        yield name, lane.get("zone") if isinstance(lane, dict) else None


def _mentions(tree: object, path: Steps = ()) -> Iterator[tuple[Steps, object]]:
    """Every place where a lane is named: `send`, `overflow.to`, `wait_s.lane`."""
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _mentions(item, (*path, index))
    elif isinstance(tree, dict):
        for key, value in tree.items():
            here = (*path, key)
            if here in _NO_MENTIONS:
                continue
            if key == "send":
                yield from (
                    (((*here, index), lane) for index, lane in enumerate(value))
                    if isinstance(value, list)
                    else [(here, value)]
                )
            elif here[-2:] in _NAMES_A_LANE:
                yield here, value
            else:
                yield from _mentions(value, here)


def _doubled_rules(document: Document) -> Iterator[str]:
    rules = document.tree.get("rules")
    first: dict[str, str] = {DEFAULT_RULE: "the default has this name"}
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        name = rule.get("name") if isinstance(rule, dict) else None
        if isinstance(name, str):
            if name in first:
                yield document.at(("rules", index, "name"), f"a rule's name must be its own; {first[name]}", value=True)
            first.setdefault(name, f"rules[{index}] has it too")


def _exposed_default(document: Document, known: dict[str, object]) -> Iterator[str]:
    """A default with lanes outside only would leave a job that cannot be judged without any place."""
    default = document.tree.get("default")
    send = default.get("send") if isinstance(default, dict) else None
    lanes = [lane for lane in (send if isinstance(send, list) else [send]) if isinstance(lane, str)]
    if lanes and all(known.get(lane) == Zone.OUTSIDE.value for lane in lanes):
        yield document.at(("default", "send"), "at least one of the default's lanes must be inside", value=True)


def _warnings(file: PolicyFile, document: Document) -> Iterator[str]:
    """Rules that a sensitive job may reach and that send it outside only: it will go to the default's lanes."""
    left = {level for level in Level if level.sensitive}
    for index, rule in enumerate(file.rules):
        lanes = many(rule.send)
        reached = left & rule.when.levels()
        if reached and all(file.lanes[lane].zone is Zone.OUTSIDE for lane in lanes):
            levels = ", ".join(level.value for level in Level if level in reached)
            yield document.at(
                ("rules", index, "send"),
                f"sends outside only, and {levels} jobs can reach it: they will go to the default's lanes inside",
                value=True,
            )
        if _only_sensitivity(rule.when):
            left -= rule.when.levels()


def _only_sensitivity(when: When) -> bool:
    return set(when.says()) <= {"sensitivity"}
