"""Times of the week, in UTC: how they are written, and which minutes they mean. Pure."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from router.policy.grammar import Grammar
from tidegate.value import OneOrMany, many

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES


class Day(StrEnum):
    """A day of the week, in UTC."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _clock(written: object) -> object:
    if not isinstance(written, str) or re.fullmatch(_CLOCK, written) is None:
        raise ValueError('should be a time of day in UTC with two digits each, such as "06:00"')
    return written


Clock = Annotated[str, BeforeValidator(_clock), Field(json_schema_extra={"pattern": _CLOCK})]
"""A time of day, in quotes: `"18:00"`."""


class Hours(Grammar):
    """A window of the week in UTC: `{from: "18:00", to: "06:00", days: [sat, sun]}`."""

    start: Clock | None = Field(default=None, alias="from")
    """When it begins, in quotes: "18:00". Midnight where not given."""
    end: Clock | None = Field(default=None, alias="to")
    """When it has ended, in quotes. Midnight where not given; not later than `from` means on the next day."""
    days: OneOrMany[Day] | None = None
    """The days on which it begins; every day where not given."""

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.start is None and self.end is None and self.days is None:
            raise ValueError("give at least one of from, to, days")
        if self.start is not None and self.start == self.end:
            raise ValueError("from and to are the same: leave both out for the whole day")
        return self

    def windows(self) -> tuple[tuple[int, int], ...]:
        """The minutes of the week that are meant, as half-open ranges; one that passes Sunday's end is cut in two."""
        start = _minute(self.start or "00:00")
        end = _minute(self.end or "00:00")
        length = end - start if end > start else end - start + DAY_MINUTES
        days = Day if self.days is None else many(self.days)
        begins = sorted(list(Day).index(day) * DAY_MINUTES + start for day in days)
        return tuple(part for begin in begins for part in _within_week(begin, begin + length))


def minute_of_week(day: str, clock: str) -> int:
    """`sat`, `22:00` as the minute of the week that signals carry."""
    return list(Day).index(Day(day)) * DAY_MINUTES + _minute(clock)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _within_week(begin: int, end: int) -> tuple[tuple[int, int], ...]:
    if end <= WEEK_MINUTES:
        return ((begin, end),)
    return ((0, end - WEEK_MINUTES), (begin, WEEK_MINUTES))
