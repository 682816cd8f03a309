"""What changes between what two policies say about sensitivity. No proof sees it: jobs get other levels. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from router.policy.model import Policy
from router.signals.sensitivity.levels import IMAGE, Combination, Table, Weight
from tidegate.signals import Level


@dataclass(frozen=True)
class Difference:
    """One change, in words."""

    what: str
    loosens: bool = False
    """Whether jobs that were kept inside for it no longer are."""


def differences(before: Policy, after: Policy) -> Iterator[Difference]:
    """Types, combinations, lists."""
    old, new = before.sensitivity.table, after.sensitivity.table
    for name in sorted(old.weights.keys() | new.weights.keys()):
        yield from _types(name, _weight(before, name), _weight(after, name))
    yield from _combinations(old, new)
    for part in ("deny", "allow", "patterns"):
        yield from _lists(part, _written(before, part), _written(after, part))


def _types(name: str, was: Weight, becomes: Weight) -> Iterator[Difference]:
    if was.level is not becomes.level:
        yield Difference(f"{name}: {was.level} -> {becomes.level}", was.level.sensitive > becomes.level.sensitive)
    if (was.least, was.below) != (becomes.least, becomes.below):
        passes_over = becomes.least > was.least or was.below.sensitive
        loosens = was.level.sensitive and passes_over and not becomes.below.sensitive
        yield Difference(f"{name}: {_weak(was)} -> {_weak(becomes)}", loosens)


def _weight(policy: Policy, name: str) -> Weight:
    """What a type means; an image that no policy speaks of makes a job `unknown`."""
    undeclared = name == IMAGE and not policy.sensitivity.images
    return Weight(Level.UNKNOWN) if undeclared else policy.sensitivity.table.weight(name)


def _weak(weight: Weight) -> str:
    return f"{weight.below} under {weight.least:g}" if weight.least else "whatever its score"


def _combinations(old: Table, new: Table) -> Iterator[Difference]:
    was, becomes = ({one.name: one for one in table.combinations} for table in (old, new))
    for name in sorted(was.keys() | becomes.keys()):
        one, other = was.get(name), becomes.get(name)
        if one is None or other is None:
            yield Difference(f"combination {name}: {'new' if one is None else 'gone'}", _guards(one))
        elif _said(one) != _said(other):
            changed = f"{one.level} -> {other.level}" if one.level is not other.level else "other types"
            yield Difference(f"combination {name}: {changed}", _guards(one) and not _guards(other))


def _guards(one: Combination | None) -> bool:
    return one is not None and one.level.sensitive


def _said(one: Combination) -> tuple[object, ...]:
    return one.level, frozenset(one.all_of), frozenset(one.any_of)


def _lists(part: str, was: dict[str, str], becomes: dict[str, str]) -> Iterator[Difference]:
    yield from (Difference(f"{part} {called}: gone") for entry, called in was.items() if entry not in becomes)
    yield from (Difference(f"{part} {called}: new") for entry, called in becomes.items() if entry not in was)


def _written(policy: Policy, part: str) -> dict[str, str]:
    """The entries of a list as they say it, and what each is called."""
    section = policy.file.sensitivity if policy.file else None
    entries: list[dict[str, Any]] = section.model_dump(mode="json", exclude_none=True)[part] if section else []
    return {json.dumps(entry, sort_keys=True): _called(entry) for entry in entries}


def _called(entry: dict[str, Any]) -> str:
    return str(entry.get("name") or entry.get("type") or entry.get("why"))
