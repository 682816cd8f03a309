"""What the gate makes of patterns: conditions that hold wherever one matches, that tell something, and where it was."""

from pathlib import Path

import pytest

pytest.importorskip("hyperscan")

from router.signals.sensitivity.gate.database import open_gate
from router.signals.sensitivity.gate.necessary import Never, necessary
from router.signals.sensitivity.views.view import View


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?<!\d)\d{3}(?!\d)", "a 123"),
        (r"(?i)straße", "STRAßE 4"),
        (r"([:-])\d\1", "a -4- b"),
        (r"(?i:name) X", "NAME X"),
        (r"(?-i:name)(?i:x)", "nameX"),
        (r"[^\w\s]", "\u2019"),
        (r"[^a]b", "\u00e9b"),
        (r"\bcaf\w\b", "un caf\u00e9"),
        (r"\d{3}", "\u0663\u0664\u0665"),
        (r"a\sb", "a\u00a0b"),
        (r"x.{0,300}y", "x" + "-" * 290 + "y"),
        (r"^a$", "b\na\nc"),
        (r"\x{1F600}!", "\U0001f600!"),
        (r"(?s)a.b", "a\nb"),
        (r"(?:a|\u00e4)b", "ab"),
    ],
)
def test_a_condition_holds_where_its_pattern_matches(pattern: str, text: str, empty_cache: Path) -> None:
    """Lookaround, references, cases, other alphabets and long repeats."""
    assert open_gate([{"it": (pattern,)}]).hints(text) == {"it"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\bssn\b", "lessness"),
        (r"\d{3}", "a1b2"),
        (r"name[:=]", "rename the names"),
        (r"[^\x00-\x7f]", "nothing but ASCII"),
        (r"[a-z]+@", "no sign"),
        (r"a.b", "a\nb"),
    ],
)
def test_a_condition_tells_something(pattern: str, text: str, empty_cache: Path) -> None:
    """A gate that lets everything through would be none."""
    assert open_gate([{"it": (pattern,)}]).hints(text) == frozenset()


def test_a_pattern_beyond_ascii_is_no_condition_for_ascii() -> None:
    """So that readings of other alphabets cost nothing in plain text."""
    with pytest.raises(Never):
        necessary("[\u0400-\u04ff]{3}", ascii_only=True)


def test_a_bad_pattern_is_told_by_its_name(empty_cache: Path) -> None:
    """Who wrote the table must find it."""
    with pytest.raises(ValueError, match="the hint broken"):
        open_gate([{"broken": ("(",)}])


def test_the_gate_tells_where_it_saw_a_hint(empty_cache: Path) -> None:
    """In characters, also behind such as take more than one byte elsewhere; or that it is everywhere."""
    gate = open_gate([{"number": (r"\d{3}",)}])
    for ascii_only in (True, False):
        gate._locators.make("number", ascii_only=ascii_only)
    assert gate.ends("a 123 b \u00e9\u00e9 4567", "number") == [5, 14, 15]
    assert gate.ends("123" * 2_000, "number") is None
    assert gate.ends("\u017f 123", "number") is None


def test_windows_are_around_what_the_gate_saw() -> None:
    """Those that touch are one; without a gate, and in a short text, it is all of it."""
    text = "x" * 3_000
    view = View(text, hints=frozenset(), locate=lambda _text, _hint: [50, 60, 1_000, 2_990])
    assert list(view.windows("any", before=100, after=20)) == [(0, 80), (900, 1_020), (2_890, 3_000)]
    assert list(View(text).windows("any", before=1, after=1)) == [(0, 3_000)]
    assert list(View("xyz", hints=frozenset(), locate=view.locate).windows("any", before=1, after=1)) == [(0, 3)]
    nowhere = View(text, hints=frozenset(), locate=lambda _text, _hint: None)
    assert list(nowhere.windows("any", before=1, after=1)) == [(0, 3_000)]


@pytest.mark.parametrize(
    ("pattern", "borders"),
    [
        (r"\bab\b", 2),
        (r"\b(?:[A-Z]x|[0-9])", 1),
        (r"x?\b[0-9]", 1),
        (r"\b\d\b", 0),
        (r"(?:\u00e9|a)\b", 0),
        (r"\b(?:ab)?\.", 0),
    ],
)
def test_beyond_ascii_a_border_stays_beside_letters_of_ascii(pattern: str, borders: int) -> None:
    """There it is one to both engines; beside what may be another script's letter only Python can tell."""
    assert necessary(pattern, ascii_only=False).count(r"\b") == borders
