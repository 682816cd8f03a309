"""Tenants' weights as the setting gives them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidSettings
from workers.weights import LEAST, MOST, weights_of


def test_weights_are_read() -> None:
    """Pairs, commas between; blanks do no harm; nothing is nobody."""
    assert weights_of(" shop = 3 , lab=0.5,") == {"shop": 3.0, "lab": 0.5}
    assert weights_of("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop", "shop: expected tenant=weight, a number from 0.01 to 100"),
        ("shop=", "shop=: expected"),
        ("=3", "=3: expected"),
        ("shop=many", "shop=many: expected"),
        ("shop=0", "shop=0: expected"),
        ("shop=-1", "shop=-1: expected"),
        ("shop=101", "shop=101: expected"),
        ("shop=nan", "shop=nan: expected"),
        ("shop=1,shop=2", "shop is named twice"),
    ],
)
def test_what_is_no_weight_is_refused(text: str, said: str) -> None:
    """The setting and the entry are named, and what was expected."""
    with pytest.raises(InvalidSettings, match=f"TIDEGATE_TENANT_WEIGHTS: {said}"):
        weights_of(text)


@given(st.text(alphabet="ab=,. 019-einfx", max_size=30))
def test_whatever_is_given_is_read_or_refused(text: str) -> None:
    """What comes out can always be counted with."""
    try:
        found = weights_of(text)
    except InvalidSettings:
        return
    assert all(name and math.isfinite(weight) and LEAST <= weight <= MOST for name, weight in found.items())
