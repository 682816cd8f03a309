"""What providers' headers say of their limits: every form is read, and no header raises or parks a job."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.backend import Heard, Room
from workers.managed.headers import RESET_CAP_S, RETRY_AFTER_CAP_S, heard, reset_s

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("2m59.56s", 179.56),
        ("1h2m3s", 3723.0),
        ("1d", 86_400.0),
        ("500µs", 0.0005),
        ("100us", 0.0001),
        ("0s", 0.0),
        ("12", 12.0),
        ("0.5", 0.5),
        (" 3s ", 3.0),
        ("2026-03-01T12:00:30Z", 30.0),
        ("2026-03-01T14:00:30+02:00", 30.0),
        ("2026-03-01T11:00:00Z", 0.0),
        ("2026-03-01T12:00:30", None),
        ("2099-01-01T00:00:00Z", None),
        ("1772366430000", None),
        ("9999999h", None),
        ("-3s", None),
        ("3 s", None),
        ("s", None),
        ("1s?", None),
        ("nan", None),
        ("\u0661s", None),
        ("9" * 400 + "s", None),
        ("", None),
    ],
)
def test_a_reset_is_read(written: str, seconds: float | None) -> None:
    """OpenAI's spans, Azure's and others' seconds, Anthropic's moments; what is none is nothing."""
    assert reset_s(written, now=NOW) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=60) | st.from_regex(r"[0-9hms.:TZ+-]{0,40}", fullmatch=True))
def test_any_reset_is_bounded(written: str) -> None:
    """Whatever it says."""
    found = reset_s(written, now=NOW)
    assert found is None or 0 <= found <= RESET_CAP_S


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20)))
def test_a_span_and_a_moment_say_the_same(left: timedelta) -> None:
    """In Go's way of writing and in RFC 3339."""
    hours, rest = divmod(left, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    span = f"{hours}h{minutes}m{rest.seconds}.{rest.microseconds:06}s"
    assert reset_s(span, now=NOW) == pytest.approx(left.total_seconds())
    assert reset_s((NOW + left).isoformat(), now=NOW) == pytest.approx(left.total_seconds())


def test_openai_s_are_heard() -> None:
    """As its answers have them."""
    told = heard(
        {
            "x-ratelimit-limit-requests": "5000",
            "x-ratelimit-remaining-requests": "4999",
            "x-ratelimit-reset-requests": "12ms",
            "x-ratelimit-limit-tokens": "160000",
            "x-ratelimit-remaining-tokens": "159000",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        first_byte_s=0.25,
    )
    assert told == Heard(
        requests=Room(limit=5000, left=4999, reset_s=0.012),
        tokens=Room(limit=160_000, left=159_000, reset_s=360.0),
        first_byte_s=0.25,
    )


def test_azure_s_are_heard() -> None:
    """It tells what is left, and when to come back in milliseconds."""
    told = heard(
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-remaining-tokens": "-1",
            "x-ratelimit-reset-requests": "7",
            "retry-after-ms": "1250",
            "retry-after": "2",
        }
    )
    assert told == Heard(requests=Room(left=0, reset_s=7.0), tokens=Room(), retry_after_s=1.25)


def test_anthropic_s_are_heard() -> None:
    """Moments, against its own clock; of several token limits the one that it calls the tightest."""
    told = heard(
        {
            "date": format_datetime(NOW, usegmt=True),
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2026-03-01T12:00:01Z",
            "anthropic-ratelimit-tokens-limit": "9000",
            "anthropic-ratelimit-tokens-remaining": "8000",
            "anthropic-ratelimit-tokens-reset": "2026-03-01T12:01:00Z",
            "anthropic-ratelimit-input-tokens-remaining": "1",
            "retry-after": "30",
        }
    )
    assert told == Heard(
        requests=Room(limit=50, left=49, reset_s=1.0),
        tokens=Room(limit=9000, left=8000, reset_s=60.0),
        retry_after_s=30.0,
    )
    only = heard({"anthropic-ratelimit-output-tokens-remaining": "5"})
    assert only.tokens == Room(left=5)


NAMES = st.sampled_from(
    [
        *("retry-after", "retry-after-ms", "date", "x-ratelimit-limit-requests", "x-ratelimit-remaining-tokens"),
        *("x-ratelimit-reset-tokens", "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-limit"),
    ]
)
VALUES = st.text(max_size=40) | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(datetime.isoformat)


@given(st.dictionaries(NAMES, VALUES))
def test_any_headers_are_heard(headers: dict[str, str]) -> None:
    """Nothing raises, nothing is below zero, nothing is for ever."""
    told = heard(headers)
    assert told.retry_after_s is None or 0 <= told.retry_after_s <= RETRY_AFTER_CAP_S
    for room in (told.requests, told.tokens):
        assert room.limit is None or room.limit >= 0
        assert room.left is None or room.left >= 0
        assert room.reset_s is None or 0 <= room.reset_s <= RESET_CAP_S
