"""Groups: how many dead letters have something in common, and one of them to look at."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tidegate.deadletters.letters import Letter

MOST = 10_000
"""Groups that are told apart at most: a fingerprint may be another one in each letter."""

REST = "(others)"


class By(StrEnum):
    """What letters are grouped by."""

    REASON = "reason"
    LANE = "lane"
    TENANT = "tenant"
    RULE = "rule"
    MODEL = "model"
    FINGERPRINT = "fingerprint"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Letters that share one value. Ages are told as the times of the ends."""

    key: str | None
    count: int
    oldest_at: float
    newest_at: float
    example: str
    """The newest one's id."""


def grouped(letters: Iterable[Letter], by: By) -> list[Group]:
    """The groups, the largest first. Holds the groups in memory and not the letters."""
    groups: dict[str | None, Group] = {}
    for letter in letters:
        key = getattr(letter, by.value)
        if key not in groups and len(groups) >= MOST:
            key = REST
        groups[key] = _with(groups.get(key), letter, key)
    return sorted(groups.values(), key=lambda group: (-group.count, group.key or ""))


def _with(group: Group | None, letter: Letter, key: str | None) -> Group:
    at = letter.ended_at
    if group is None:
        return Group(key=key, count=1, oldest_at=at, newest_at=at, example=letter.id)
    newer = at >= group.newest_at
    return replace(
        group,
        count=group.count + 1,
        oldest_at=min(group.oldest_at, at),
        newest_at=max(group.newest_at, at),
        example=letter.id if newer else group.example,
    )
