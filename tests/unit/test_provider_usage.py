"""How many tokens an answer took by its own count: rather too many than too few, nothing where it makes no sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.result import Usage
from workers.managed.usage import usage


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, Usage(prompt_tokens=3, completion_tokens=4)),
        ({"prompt_tokens": 3}, Usage(prompt_tokens=3)),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(prompt_tokens=3, completion_tokens=4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "prompt_tokens_details": {"cached_tokens": 6},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(prompt_tokens=9, completion_tokens=8, cached_tokens=6, reasoning_tokens=5),
        ),
        (
            {
                "input_tokens": 9,
                "output_tokens": 8,
                "input_tokens_details": {"cached_tokens": 99},
                "output_tokens_details": {"reasoning_tokens": 99},
            },
            Usage(prompt_tokens=9, completion_tokens=8, cached_tokens=9, reasoning_tokens=8),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 90},
            Usage(prompt_tokens=9, completion_tokens=81),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 0}, Usage(prompt_tokens=9, completion_tokens=1)),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": [], "total_tokens": "many"},
            Usage(prompt_tokens=9, completion_tokens=1),
        ),
        ({"prompt_tokens": True, "completion_tokens": 1}, Usage()),
        ({"prompt_tokens": -1}, Usage()),
        ({"prompt_tokens": 10**12, "completion_tokens": 1}, Usage()),
        ({"prompt_tokens": 3, "completion_tokens": None}, Usage()),
        (None, Usage()),
    ],
)
def test_a_count_is_read(said: Any, found: Usage) -> None:
    """In both APIs' words; details never exceed what they are details of."""
    assert usage(said) == found


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_count_is_a_usage(said: Any) -> None:
    """Nothing raises."""
    assert isinstance(usage(said), Usage)
