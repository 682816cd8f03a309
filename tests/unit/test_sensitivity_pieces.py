"""Long readings in pieces: nothing is lost between them, and places stay where they are."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.look import Look
from router.signals.sensitivity.pieces import OVERLAP_CHARS, PIECE_CHARS, pieces
from router.signals.sensitivity.views.view import View

VALUE = "4111 1111 1111 1111"


def test_a_short_text_is_one_piece() -> None:
    """The view itself, with its hints."""
    view = View("hello", hints=frozenset(("any",)))
    assert [piece.part for piece in pieces(view)] == [view]


@given(st.integers(0, 3 * PIECE_CHARS), st.sampled_from(["a", "a ", "word word\n", "x" * 900 + " "]))
def test_what_stands_across_a_cut_is_whole_in_a_piece(place: int, filler: str) -> None:
    """Wherever the value stands, some piece holds all of it, at the place that it says."""
    text = (filler * (3 * PIECE_CHARS // len(filler) + 1))[:place] + f" {VALUE} " + filler * 2_000
    found = [piece.start + piece.part.text.index(VALUE) for piece in pieces(View(text)) if VALUE in piece.part.text]
    assert set(found) == {text.index(VALUE)}


@given(st.integers(0, 5 * PIECE_CHARS), st.sampled_from(["a", "a "]))
def test_pieces_cover_everything_and_overlap(length: int, filler: str) -> None:
    """No character is in no piece, and neighbours share more than any value is long."""
    text = (filler * length)[:length]
    cut = list(pieces(View(text)))
    assert [text[one.start : one.start + len(one.part.text)] for one in cut] == [one.part.text for one in cut]
    for one, other in itertools.pairwise(cut):
        end = one.start + len(one.part.text)
        assert OVERLAP_CHARS - 1 <= end - other.start <= OVERLAP_CHARS + 2_000
    assert sum(len(one.part.text) for one in cut) >= length
    assert not text or cut[-1].start + len(cut[-1].part.text) == length


class Finder:
    """Finds the value."""

    name = "finder"

    def find(self, view: View, *, every: bool = False) -> list[Span]:
        """Each in the piece."""
        at = view.text.find(VALUE)
        return [Span("CREDIT_CARD", 1.0, at, at + len(VALUE))] if at >= 0 else []


def test_places_in_pieces_are_places_in_the_text() -> None:
    """What a detector says of a piece is told of the whole."""
    text = "word " * 40_000 + VALUE + " word" * 10
    look = Look(detectors=(Finder(),))
    look.at(look.glance([text]))
    assert {(sight.span.start, sight.span.end) for sight in look.sights} == {(200_000, 200_000 + len(VALUE))}
