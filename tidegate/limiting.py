"""Which limits count where: a lane's, each of its deployments', and those that several share under one name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tidegate.deployment import Limits
from tidegate.documents import Document, Steps
from tidegate.lane import Lane
from tidegate.value import dotted


def counted(lane: Lane) -> tuple[Limits, tuple[Limits, ...]]:
    """What counts at the lane, and at each of its deployments: one place instead of two that count the same calls."""
    own = tuple(one.limits for one in lane.every_deployment)
    if len(own) != 1:
        return lane.limits, own
    if own[0] == Limits():
        return Limits(), (lane.limits,)
    if lane.limits.shared or own[0].shared:
        return lane.limits, own
    return Limits(), (_lower(lane.limits, own[0]),)


def sharers(lanes: Iterable[Lane]) -> dict[str, list[str]]:
    """Each name of shared limits, and who shares them: `openai-small`, `openai-large@first-account`."""
    found: dict[str, list[str]] = defaultdict(list)
    for lane in lanes:
        if lane.limits.shared:
            found[lane.limits.shared].append(lane.name)
        for one in lane.deployments:
            if one.limits.shared:
                found[one.limits.shared].append(f"{lane.name}@{one.name}")
    return dict(found)


def mistakes(document: Document) -> Iterator[str]:
    """Limits of one name that differ: whichever counted would be wrong for the others."""
    first: dict[str, tuple[Steps, Mapping[str, Any]]] = {}
    for path, limits in _written(document.tree.get("lanes")):
        name = limits.get("shared")
        if not isinstance(name, str):
            continue
        where, others = first.setdefault(name, (path, limits))
        for field in Limits.model_fields:
            if limits.get(field) != others.get(field):
                told = "nothing" if others.get(field) is None else others[field]
                message = f"differs from {dotted(where)}, which says {told}: all that share {name} say the same"
                yield document.at((*path, field) if field in limits else (*path, "shared"), message)


def _written(lanes: object) -> Iterator[tuple[Steps, Mapping[str, Any]]]:
    """Every `limits` of a policy, with its path."""
    for name, lane in lanes.items() if isinstance(lanes, Mapping) else ():
        if not isinstance(lane, Mapping):
            continue
        deployments = lane.get("deployments")
        given: list[tuple[Steps, Any]] = [
            (("lanes", name), lane),
            *(
                (("lanes", name, "deployments", index), one)
                for index, one in enumerate(deployments if isinstance(deployments, list) else ())
            ),
        ]
        for path, one in given:
            limits = one.get("limits") if isinstance(one, Mapping) else None
            if isinstance(limits, Mapping):
                yield (*path, "limits"), limits


def _lower(one: Limits, other: Limits) -> Limits:
    """The lower of each."""
    both = [one.model_dump(exclude_none=True), other.model_dump(exclude_none=True)]
    return Limits(**{name: min(each[name] for each in both if name in each) for name in {**both[0], **both[1]}})
