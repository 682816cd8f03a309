"""Views of any text: what was found maps back, the gate has seen what is read, and size and time have bounds."""

import json
import re
import time

import pytest
from disguises import DISGUISES, EMAIL, read
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.signals.sensitivity.views import HINTS, MAX_GROWTH, SPARE_CHARS, confirmed, origin
from router.signals.sensitivity.views.readings import BASE, STAGES

READINGS = [reading for stage in (*BASE, *STAGES) for reading in stage.readings]
ALPHABET = st.sampled_from(
    " \n.,:;-_@/\\|+*=%&#'\"<>()[]{}`~$!?^0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "\u200b\u00ad\u0430\u0435\u0660\uff41\u0301\u2160\u2801\u4e00\u3007\u00e9\U0001f642\U000e0041\ufe0f"
)
WORDS = st.sampled_from(
    [
        *(
            "four",
            "double",
            "zero",
            "at",
            "dot",
            "com",
            "hello ",
            "reverse",
            "%41",
            "&#65;",
            "\\u0041",
            "=41",
            "0x41, ",
        ),
        *(
            "YWxpY2VAYWNtZS5pbw==",
            "616c696365",
            "<b>",
            "</b>",
            "4003",
            "823-76-4984",
            EMAIL,
            "a b c d e f",
            "\r\n",
            "U+0041",
        ),
    ]
)
TEXT = st.lists(st.one_of(WORDS, st.text(ALPHABET, max_size=12)), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_every_view_maps_back(text: str) -> None:
    """Pieces lie in order within both texts, and a verbatim one says the same in both unless a reading changed it."""
    for view in read(text)[1:]:
        last = 0
        for piece in view.pieces:
            assert last <= piece.start <= piece.end <= len(view.text)
            assert 0 <= piece.origin_start <= piece.origin_end <= len(text)
            last = piece.end
        low, high = origin(view, 0, len(view.text))
        assert 0 <= low <= high <= len(text)
        kept = [piece for piece in view.pieces if piece.verbatim and piece.end - piece.start > 1]
        same = [view.text[p.start : p.end] == text[p.origin_start : p.origin_end] for p in kept]
        assert view.name != "base64" or all(same)


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT, st.sampled_from(sorted(set(DISGUISES) - {"name backwards", "backwards", "rot13", "upside down"})))
def test_a_value_in_any_text_is_found_where_it_was(before: str, after: str, disguise: str) -> None:
    """Where a reading shows the value, the span covers the place where it was put."""
    value, hide = DISGUISES[disguise]
    hidden = hide(value)
    text = f"{before}\n\n{hidden}\n\n{after}"
    if value in before + after:
        return
    start, end = len(before) + 2, len(before) + 2 + len(hidden)
    for view in read(text):
        at = view.text.find(value)
        if at >= 0:
            low, high = origin(view, at, at + len(value))
            assert low < end
            assert high > start


EDGE = min(DISGUISES)
NEEDS = {reading.name: tuple(map(re.compile, reading.needs)) for reading in READINGS}


@settings(max_examples=300, deadline=None)
@example("é616c696365", EDGE)
@example("_616c696365", EDGE)
@example("_nhoJ htimSЖ", EDGE)
@example("7 7 )   5 5_", EDGE)
@example("5 5 5 - 3 2 0 5\n_", EDGE)
@example("john.smith42@ac-\n-me.io", EDGE)
@given(TEXT, st.sampled_from(sorted(DISGUISES)))
def test_what_a_reading_changes_the_gate_has_seen(text: str, disguise: str) -> None:
    """A hint is a necessary condition: no reading changes a text in which none of its patterns is."""
    value, hide = DISGUISES[disguise]
    for said in (text, f"{text} {hide(value)}"):
        for reading in READINGS:
            if any(said[edit.start : edit.end] != edit.text or edit.problem for edit in reading.edits(said)):
                assert any(need.search(said) for need in NEEDS[reading.name]), reading.name
                assert reading.hint in confirmed(said, frozenset(HINTS)), reading.name


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_views_are_bounded(text: str) -> None:
    """However a text is made, its readings do not grow without end."""
    assert sum(len(view.text) for view in read(text)) <= (MAX_GROWTH + 1) * len(text) + SPARE_CHARS


LONG = 20_000
HOSTILE = {
    "letters": "a" * LONG,
    "digits": "7" * LONG,
    "spaced digits": "7 " * (LONG // 2),
    "percent": "%41" * (LONG // 3),
    "entities": "&#65;" * (LONG // 5),
    "open entities": "&#" * (LONG // 2),
    "backslashes": "\\" * LONG,
    "base64": "QUFB" * (LONG // 4),
    "equals": "=" * LONG,
    "tags": "<a " * (LONG // 3),
    "comments": "<!--" * (LONG // 4),
    "quotes": "'\"" * (LONG // 2),
    "ats": "a@" * (LONG // 2),
    "dots": "a." * (LONG // 2),
    "at dot": "a at b dot " * (LONG // 11),
    "number words": "one two " * (LONG // 8),
    "glued words": "onetwo" * (LONG // 6),
    "radio": "alpha bravo " * (LONG // 12),
    "morse": "... --- " * (LONG // 8),
    "brackets": "[(" * (LONG // 2),
    "underscores": "_" * LONG,
    "newlines": "\n" * LONG,
    "lines": "1,a\n" * (LONG // 4),
    "marks": "a" + "\u0301" * LONG,
    "invisible": "\u200b" * LONG,
    "lookalikes": "\u0430a" * (LONG // 2),
    "foreign": "\u043f\u0440\u0438 " * (LONG // 4),
    "Han": "\u4e00\u4e8c" * (LONG // 2),
    "hex": "4a " * (LONG // 3),
    "codes": "104 " * (LONG // 4),
    "bits": "01000001 " * (LONG // 9),
    "blanks": " " * LONG,
    "assignments": 'a="b"; ' * (LONG // 7),
    "plus": "=a+b" * (LONG // 4),
    "data": "data:a/b;base64," * (LONG // 16),
}
LIMIT_S = 0.5
"""Many times what the slowest needs; what takes quadratic time would need seconds even for this length."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name: str) -> None:
    """No reading backtracks over what it has read."""
    text = HOSTILE[name]
    for reading in READINGS:
        started = time.process_time()
        for _ in reading.edits(text):
            pass
        assert time.process_time() - started < LIMIT_S, reading.name


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.text(ALPHABET, max_size=20), lambda inner: inner.map(json.dumps), max_leaves=4))
def test_json_of_anything_is_read_without_an_error(text: str) -> None:
    """Quotes and escapes of any depth raise nothing but what the views promise."""
    assert read(text)[0].text == text
