"""The budgets of a policy file, read without its rules, as a worker reads them; and what is wrong with them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from tidegate.budget import Budget
from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument
from tidegate.expectations import did_you_mean
from tidegate.includes import with_includes
from tidegate.lane import Zone
from tidegate.lanes import named
from tidegate.value import Name, Value

MOST = 200
"""Each is looked at for each job that runs outside."""


def read_budgets(path: Path) -> dict[str, Budget]:
    """The budgets of the file and of those that it includes, by name. Raises InvalidDocument with all their errors."""
    document = with_includes(read(path), path)
    found, problems = document.attempt(_BudgetsPart)
    problems = (*problems, *mistakes(document))
    if found is None or problems:
        raise InvalidDocument(in_order(problems))
    return dict(found.budgets)


def mistakes(document: Document) -> Iterator[str]:
    """What is wrong between budgets and lanes, each with its place. Looks at the tree: a broken one too is told."""
    zones = dict(_zones(document.tree.get("lanes")))
    budgets = document.tree.get("budgets")
    for name, budget in budgets.items() if isinstance(budgets, Mapping) else ():
        if not isinstance(budget, Mapping):
            continue
        if "name" in budget:
            yield document.at(("budgets", name, "name"), "unknown field; the budget's name is the key above it")
        for path, lane in _lanes_of(budget, ("budgets", name)):
            if zones and lane not in zones:
                yield document.at(path, f"no such lane{did_you_mean(lane, zones)}", value=True)
            elif zones.get(lane) == Zone.INSIDE and budget.get("hard", True) is not False:
                message = (
                    "is inside, and no budget holds up a lane inside: leave it out, or say hard: false to count it"
                )
                yield document.at(path, message, value=True)


def _lanes_of(budget: Mapping[str, Any], here: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    lane = budget.get("lane")
    if isinstance(lane, str):
        yield (*here, "lane"), lane
    for index, one in enumerate(lane if isinstance(lane, list) else ()):
        if isinstance(one, str):
            yield (*here, "lane", index), one


def _zones(lanes: object) -> Iterator[tuple[str, object]]:
    for name, lane in lanes.items() if isinstance(lanes, Mapping) else ():
        yield str(name), lane.get("zone") if isinstance(lane, Mapping) else None


Budgets = Annotated[
    dict[Name, Budget],
    BeforeValidator(named),
    Field(max_length=MOST, description="What may be spent, by name."),
]
"""A mapping from name to the budget's other fields."""


class _BudgetsPart(Value):
    """A policy file of which only the budgets are looked at."""

    model_config = ConfigDict(extra="ignore")

    budgets: Budgets = {}
