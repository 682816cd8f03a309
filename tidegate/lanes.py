"""The lanes of a policy file, read without its rules: what a worker needs to know to serve one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument
from tidegate.includes import with_includes
from tidegate.lane import Lane
from tidegate.limiting import mistakes
from tidegate.value import Name, Value


def read_lanes(path: Path) -> dict[str, Lane]:
    """The lanes of the file and of those that it includes, by name. Raises InvalidDocument with all their errors."""
    document = with_includes(read(path), path)
    found, problems = document.attempt(LanesPart)
    problems = (*problems, *misplaced_names(document), *mistakes(document))
    if found is None or problems:
        raise InvalidDocument(in_order(problems))
    return dict(found.lanes)


def lane_files(path: Path) -> tuple[Path, ...]:
    """The file and those that it includes, as far as they can be read."""
    try:
        document = with_includes(read(path), path)
    except InvalidDocument:
        return (path,)
    included = {place.file for place in document.places.values() if place.file is not None}
    return (path, *(path.parent / name for name in sorted(included)))


def misplaced_names(document: Document) -> tuple[str, ...]:
    """A lane's name is the key it stands under; a second one inside it could only contradict."""
    lanes = document.tree.get("lanes")
    return tuple(
        document.at(("lanes", key, "name"), "unknown field; the lane's name is the key above it")
        for key, lane in (lanes.items() if isinstance(lanes, Mapping) else ())
        if isinstance(lane, Mapping) and "name" in lane
    )


def named(written: Any) -> Any:
    """Give each thing in a mapping the name of its key."""
    if not isinstance(written, dict):
        return written
    return {key: {**one, "name": key} if isinstance(one, dict) else one for key, one in written.items()}


Lanes = Annotated[
    dict[Name, Lane],
    BeforeValidator(named),
    Field(min_length=1, description="The places where a job may run, by name."),
]
"""A mapping from name to the lane's other fields."""


class LanesPart(Value):
    """A policy file of which only the lanes are looked at."""

    model_config = ConfigDict(extra="ignore")

    lanes: Lanes
