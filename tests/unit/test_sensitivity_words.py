"""Words and patterns of operators' lists: found whole, however they are written and wherever a text is cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signals.sensitivity.lists.patterns import MAX_MATCH_BYTES, WINDOW_BYTES, BadPattern, Watch, compiled
from router.signals.sensitivity.lists.words import matchers


def words_in(text: str, *words: str) -> list[str]:
    """What a list of words finds in a text, from left to right."""
    places = sorted(place for matcher in matchers(words) for place in matcher.places(text, Watch()))
    return [text[start:end] for start, end in places]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Bluebird team", ["Bluebird"]),
        ("BLUEBIRD-api, bluebird_core, bluebird2", ["BLUEBIRD", "bluebird", "bluebird"]),
        ("bluebirds and ablue bluebirdy", []),
        ("Bluebird Bluebird,Bluebird", ["Bluebird"] * 3),
        (
            "project\n  KESTREL project-kestrel Project_Kestrel",
            ["project\n  KESTREL", "project-kestrel", "Project_Kestrel"],
        ),
        ("projectkestrel Project Kestrels", []),
        ("wir haben weißfluh und WEISSFLUH", ["weißfluh", "WEISSFLUH"]),
        ("これは青鳥計画です", ["青鳥計画"]),
        ("c++ and C++, but not c+", ["c++", "C++"]),
        ("db1 db12 xdb1 _db1_", ["db1", "db1"]),
        ("", []),
    ],
)
def test_words_are_found_whole_and_however_they_are_written(text: str, found: list[str]) -> None:
    """Case, joints and scripts do not matter; a longer word is another word."""
    assert words_in(text, "Bluebird", "Project Kestrel", "Weißfluh", "青鳥計画", "C++", "db1") == found


@given(
    st.lists(
        st.text(st.sampled_from("abé +.9青"), min_size=2, max_size=6).filter(lambda word: any(map(str.isalnum, word))),
        min_size=1,
        max_size=5,
    ),
    st.text(st.sampled_from(" ,.\n#"), min_size=1),
    st.text(st.sampled_from(" ,.\n#"), min_size=1),
)
def test_a_listed_word_that_stands_alone_is_found(words: list[str], before: str, behind: str) -> None:
    """Whatever the other words of the list are."""
    for word in words:
        bare = word.strip()
        found = [
            (start, end)
            for matcher in matchers(words)
            for start, end in matcher.places(f"{before}{bare}{behind}", Watch())
        ]
        assert found


def test_ten_thousand_words_are_looked_for_at_once() -> None:
    """And places count characters, also where characters are several bytes."""
    words = [f"name{number:05}x" for number in range(10_000)]
    text = "é" * 50 + " name00000x " + "ü" * 50 + " NAME09999X"
    assert words_in(text, *words) == ["name00000x", "NAME09999X"]


@pytest.mark.parametrize(
    ("pattern", "reason", "at"),
    [
        (r"E(?=\d)", "looking ahead or behind is not possible", 1),
        (r"(?<!a)b", "looking ahead or behind is not possible", 0),
        (r"(a)\1", "a reference back to a group is not possible", 3),
        (r"a{1001}", "a count may be 1,000 at most", 1),
        (r"ab(c", "a bracket is not paired", 0),
        (r"ab)|(c", "a bracket is not paired", 0),
        (r"[z-a]", "no such range", 1),
        (r"a**", "nothing that could be repeated", 1),
        (r"\q", "no such escape", 0),
        (r"x*", "matches where nothing stands", None),
        (r"\b", "matches where nothing stands", None),
        (r"a|", "matches where nothing stands", None),
        (r"\pL{1,900}", "too large once compiled", None),
        ("a" * 2001, "longer than 2,000 characters", None),
    ],
)
def test_what_cannot_be_used_is_refused_with_place_and_reason(pattern: str, reason: str, at: int | None) -> None:
    """So that nobody meets it while jobs wait."""
    with pytest.raises(BadPattern, match=re.escape(reason)) as caught:
        compiled(pattern)
    assert caught.value.at == at


@given(st.text(st.sampled_from(r"ab\(){}[]|*+?.^$é1,:P<>"), max_size=12))
def test_any_pattern_is_taken_or_refused(pattern: str) -> None:
    """Nothing else is ever raised, and what is taken never finds nothing at all."""
    try:
        matcher = compiled(pattern)
    except BadPattern:
        return
    text = "ab1 é(){}[]a|b\nbb"
    assert all(0 <= start < end <= len(text) for start, end in matcher.places(text, Watch()))


def test_a_pattern_that_ruins_others_is_quick_here() -> None:
    """Nested repetitions, which take others time exponential in the text."""
    watch = Watch()
    assert list(compiled(r"(a+)+(a+)+b").places("a" * 200_000, watch)) == []
    assert watch.left_s > 0


def test_places_are_the_same_wherever_windows_are_cut() -> None:
    """A value across the cut is seen whole, and none is seen twice."""
    matcher = compiled(r"E-\d{6}")
    for start in range(WINDOW_BYTES - MAX_MATCH_BYTES - 9, WINDOW_BYTES - MAX_MATCH_BYTES + 2):
        text = f"{'x' * start}E-123456 {'é' * 40_000} E-654321"
        assert [text[a:b] for a, b in matcher.places(text, Watch())] == ["E-123456", "E-654321"]
        words = f"{'x' * start} Bluebird {'é' * 40_000} BLUEBIRD"
        assert words_in(words, "Bluebird") == ["Bluebird", "BLUEBIRD"]
    dense = "E-123456 " * 20_000
    assert list(matcher.places(dense, Watch())) == [(9 * index, 9 * index + 8) for index in range(20_000)]
