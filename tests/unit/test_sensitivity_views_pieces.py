"""Readings of values that come in pieces: over fields and cells, read out, scanned, upside down."""

import pytest

from router.signals.sensitivity.views import origin, views

PIECES = {
    "fields of an object": ('the ssn: {"a": "078", "b": "05", "c": "1120"}', "078-05-1120"),
    "items of a list": ('her ssn in parts is ["078", "05", "1120"]', "078-05-1120"),
    "rows of a table": ("| ssn part | value |\n|---|---|\n| 1 | 078 |\n| 2 | 05 |\n| 3 | 1120 |", "078-05-1120"),
    "lines of settings": ("ip_1: 203\nip_2: 0\nip_3: 113\nip_4: 77", "203.0.113.77"),
    "an address read out": ("The IP is 203 dot 0 dot 113 dot 77, she says", "203.0.113.77"),
    "a number read out": ("Her phone: two one two, five five five, zero one three four", "2125550134"),
    "mail read out": ("write to jane dot roe at example dot com please", "jane.roe@example.com"),
}


@pytest.mark.parametrize("case", PIECES)
def test_pieces_are_put_together(case: str) -> None:
    """The value stands whole in some view, and leads back to where its pieces stood."""
    text, value = PIECES[case]
    found = [view for view in views(text, None) if value in view.text]
    assert found, [view.text for view in views(text, None)]
    start = found[0].text.index(value)
    low, high = origin(found[0], start, start + len(value))
    assert 0 <= low < high <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"width": 120, "height": 80, "depth": 35}',
        "| year | visitors |\n|---|---|\n| 2021 | 1200 |\n| 2022 | 1350 |",
        "First mix 200 g of flour, then add 3 eggs, and finish with 50 ml of milk.",
        "version: 3\nreplicas: 2\nport: 8080\ntimeout: 30",
    ],
)
def test_ordinary_pieces_stay_apart(text: str) -> None:
    """Measures, tables, recipes and settings are nobody's number."""
    numbers = [view.text for view in views(text, None) if view.name in ("cells", "told", "counted", "joined")]
    assert numbers == []
