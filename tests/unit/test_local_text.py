"""An answer while it grows: stop strings, half characters, and what may already be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.local.text import Text

ALPHABET = st.text(alphabet="abcé", max_size=12)


@pytest.mark.parametrize(
    ("stops", "pieces", "value", "stopped"),
    [
        ((), ["a", "b"], "ab", False),
        (("b",), ["a", "bc"], "a", True),
        (("bcd",), ["ab", "c", "de"], "a", True),
        (("c", "b"), ["abc"], "a", True),
        (("never",), ["ne", "ver"], "", True),
    ],
)
def test_a_stop_string_cuts_the_answer(stops: tuple[str, ...], pieces: list[str], value: str, *, stopped: bool) -> None:
    """The first of the stop strings ends the answer, also across pieces, and is not part of it."""
    text = Text(stops)
    assert [text.add(piece.encode()) for piece in pieces][-1] is stopped
    assert text.value == value


def test_half_a_character_waits_for_its_other_half() -> None:
    """A character of several tokens is whole or absent."""
    text = Text(())
    first, second = "é".encode()[:1], "é".encode()[1:]
    text.add(first)
    assert text.value == ""
    text.add(second)
    assert text.value == "é"


@given(
    stops=st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=3),
    pieces=st.lists(ALPHABET, max_size=10),
)
def test_what_was_shown_is_never_taken_back(stops: list[str], pieces: list[str]) -> None:
    """The news one after the other are the answer, wherever a stop string cuts it."""
    text, shown = Text(tuple(stops)), ""
    for piece in pieces:
        stopped = text.add(piece.encode())
        shown += text.news(ended=stopped)
        if stopped:
            break
    shown += text.news(ended=True)
    assert shown == text.value
    assert not any(stop in shown for stop in stops)
