"""When a provider says to come back: every way of saying it is read, and none parks a job."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from workers.managed.headers import RETRY_AFTER_CAP_S, retry_after_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, RETRY_AFTER_CAP_S),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:09 GMT", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 9.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_is_read_and_bounded(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds, seconds or a date by the provider's own clock; what makes no sense is nothing."""
    assert retry_after_s(headers) == seconds


def test_a_date_without_the_providers_clock_is_read_by_ours() -> None:
    """Better than nothing."""
    soon = retry_after_s({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=30))})
    assert soon is not None
    assert 25 <= soon <= 30
