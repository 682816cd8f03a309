"""What a provider's headers say of its limits, in whatever form. Nothing here raises, and all is bounded."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from workers.backend import Heard, Room

RETRY_AFTER_CAP_S = 3600.0
"""Who asks for more than an hour is asked again after an hour: a wrong header must not park a job for a year."""

RESET_CAP_S = 31 * 86_400.0
"""The longest window that a provider limits by. What says more is no time until a reset."""

ROOMS: Mapping[str, tuple[str, ...]] = {
    "requests": ("x-ratelimit-{}-requests", "anthropic-ratelimit-requests-{}"),
    "tokens": (
        "x-ratelimit-{}-tokens",
        "anthropic-ratelimit-tokens-{}",
        "anthropic-ratelimit-output-tokens-{}",
        "anthropic-ratelimit-input-tokens-{}",
    ),
}
"""What is limited -> the names of its headers, where `limit`, `remaining` or `reset` stands for the braces.

The first that says anything counts: Anthropic's `tokens` is the tightest of its own.
"""

UNITS_S: Mapping[str, float] = {
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"
_STEP = re.compile(rf"({_NUMBER})(ms|us|µs|ns|d|h|m|s)")
_SPAN = re.compile(rf"(?:{_NUMBER}(?:ms|us|µs|ns|d|h|m|s))+")
_PLAIN = re.compile(_NUMBER)
_COUNT = re.compile(r"[0-9]{1,15}")


def heard(headers: Mapping[str, str], *, first_byte_s: float | None = None) -> Heard:
    """All that they say. `headers` is asked by names in lower case."""
    rooms = {name: _room(headers, forms) for name, forms in ROOMS.items()}
    return Heard(
        requests=rooms["requests"],
        tokens=rooms["tokens"],
        retry_after_s=retry_after_s(headers),
        first_byte_s=first_byte_s,
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """When the provider wants to be asked again: OpenAI's and Azure's milliseconds, or HTTP's seconds or date."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            return _bounded_s(float(headers[name]) * unit_s)
    with suppress(KeyError, ValueError):
        return _bounded_s((_date(headers["retry-after"]) - _now(headers)).total_seconds())
    return None


def reset_s(written: str, *, now: datetime) -> float | None:
    """How long until a limit is whole again: `6m0s`, `20ms`, `1.5` (seconds), or the moment by RFC 3339."""
    text = written.strip()
    if _PLAIN.fullmatch(text):
        return _reset(float(text))
    if _SPAN.fullmatch(text):
        return _reset(sum(float(number) * UNITS_S[unit] for number, unit in _STEP.findall(text)))
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return _reset(max(0.0, (moment - now).total_seconds()))
    return None


def _room(headers: Mapping[str, str], forms: tuple[str, ...]) -> Room:
    return next((room for room in _rooms(headers, forms) if room != Room()), Room())


def _rooms(headers: Mapping[str, str], forms: tuple[str, ...]) -> Iterator[Room]:
    for form in forms:
        limit, left, reset = (headers.get(form.format(part)) for part in ("limit", "remaining", "reset"))
        yield Room(
            limit=_count(limit),
            left=_count(left),
            reset_s=None if reset is None else reset_s(reset, now=_now(headers)),
        )


def _count(written: str | None) -> int | None:
    """Some say -1 for what they do not count."""
    text = (written or "").strip()
    return int(text) if _COUNT.fullmatch(text) and text.isascii() else None


def _now(headers: Mapping[str, str]) -> datetime:
    """The provider's own clock where it tells the time: ours may be wrong by hours."""
    with suppress(KeyError, ValueError):
        return _date(headers["date"])
    return datetime.now(UTC)


def _reset(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and seconds <= RESET_CAP_S else None


def _bounded_s(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError("not a time")
    return min(max(seconds, 0.0), RETRY_AFTER_CAP_S)


def _date(text: str) -> datetime:
    parsed = parsedate_to_datetime(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
