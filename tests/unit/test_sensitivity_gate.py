"""The gate: it may let through what turns out to be nothing, and must never hold back what a detector would find."""

import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("hyperscan")
pytest.importorskip("presidio_analyzer")

from router import inspection
from router.signals.sensitivity.detector import Detector, GaveUpError, hints_of, may_find
from router.signals.sensitivity.gate.database import open_gate
from router.signals.sensitivity.gate.necessary import FOLDED
from router.signals.sensitivity.views import HINTS, views
from router.signals.sensitivity.views import view as view_module
from router.signals.sensitivity.views.view import View
from tidegate.settings import Settings

DETECTORS: tuple[Detector, ...] = tuple(one for one in (make() for make in inspection.DETECTORS) if hints_of(one))
"""Those that the gate may spare."""
TABLES = (HINTS, *map(hints_of, DETECTORS))
GATE = open_gate(TABLES)


@once
def _made(name: str, ascii_only: bool) -> None:  # noqa: FBT001 - a key
    GATE._locators.make(name, ascii_only=ascii_only)


def ends(text: str, name: str) -> Sequence[int] | None:
    """Where the gate saw a hint, however long it takes to get ready to tell."""
    _made(name, text.isascii())
    return GATE.ends(text, name)


PATTERNS = [
    (name, re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda code: f"\\U{int(code[1], 16):08x}", pattern))
    for table in TABLES
    for name, patterns in table.items()
    for pattern in patterns
]
FRAGMENTS = (
    *"""
    alice@hospital.local @ http://example.com 4111111111111111 4111-1111-1111-1112 078-05-1120 219099999 123 45 6789
    912-70-1234 943 476 5919 +44 20 7946 0958 (212) 555-0199 DE89370400440532013000 GB82 WEST 1234 5698 7654 32 10.0.0.1
    2001:db8::8a2e:370:7334 00:1A:2B:3C:4D:5E H1234567 AB1234567 A12345678 31195855 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2
    2024-01-31 12:30:45 account bank card driver license passport ssn phone call tax wallet the is a my of , . : - ( )
    Anna Smith 1Anna Dear Mr. Slater patient Patient was diagnosed with asthma years old DOB: 04/12/1987 born on
    12 March 1990 6750 Maple Street, Apt 4 P.O. Box 4411 lives at password: hunter2 Secr3t!
    api_key=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5 user_name: jdoe_77 My name is O'Neill \u00e9 \u2019 El\u00ednborg
    Gu\u00f0mundsd\u00f3ttir \u0663\u0664\u0665 M\u00fcller-Stra\u00dfe
    \uff41lice\uff20hospital.local %40 &#64; \\u0040 YWxpY2VAZXhhbXBsZS5jb20= four one two 4-1-1-1
    """.split(),  # noqa: SIM905
    "AKIA" + "IOSFODNN7EXAMPLE",
    "-----BEGIN RSA PRIVATE KEY-----",
    "\n",
    "\t",
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14).flatmap(
    lambda words: st.sampled_from(("", " ", "  ", "\n")).map(lambda gap: gap.join(words))
)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_a_pattern_matches_is_let_through(data: st.DataObject) -> None:
    """Whatever text a hint's pattern matches, with anything around it, the gate names the hint."""
    name, pattern = data.draw(st.sampled_from(PATTERNS))
    text = data.draw(st.from_regex(pattern))
    assert name in GATE.hints(text), (name, pattern)


@pytest.fixture(scope="module", params=[0, 1_000], ids=["in windows", "in the whole"])
def looking(request: pytest.FixtureRequest) -> Iterator[None]:
    """Around what the gate saw, also in short texts; and everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_module, "SHORT_CHARS", request.param)
        yield


@pytest.mark.usefixtures("looking")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_detectors_find_the_same_behind_the_gate(text: str) -> None:
    """In every reading, each detector finds with hints what it finds without."""
    for view in _all_views(text, None):
        hints = GATE.hints(view.text)
        for detector in DETECTORS:
            slow = _types(detector, view)
            seen = View(view.text, view.name, hints=hints, locate=ends)
            assert slow <= (_types(detector, seen) if may_find(detector, hints) else set()), detector.name


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_readings_show_the_same_behind_the_gate(text: str) -> None:
    """Over all readings, no type is lost for want of a hint."""

    def types(hints: frozenset[str] | None) -> set[str]:
        return {name for view in _all_views(text, hints) for detector in DETECTORS for name in _types(detector, view)}

    assert types(None) <= types(GATE.hints(text))


def _types(detector: Detector, view: View) -> set[str]:
    """What a detector finds, or why it gives up."""
    found = set[str]()
    try:
        found.update(span.type for span in detector.find(view))
    except GaveUpError as exc:
        found.add(str(exc))
    return found


def _all_views(text: str, hints: frozenset[str] | None) -> Iterator[View]:
    """What could be read of a text."""
    found = views(text, hints, gate=GATE.hints if hints is not None else None)
    while True:
        try:
            yield next(found)
        except Exception:  # noqa: BLE001 - what cannot be read is told of beside, and StopIteration ends it
            return


@pytest.mark.parametrize("char", FOLDED)
def test_characters_that_equal_ascii_letters_open_the_gate(char: str) -> None:
    """A long s matches `s` without regard to case: everything is looked for."""
    assert GATE.hints(f"{char} hello") == {name for table in TABLES for name in table}


def test_half_a_character_does_not_stop_the_gate() -> None:
    """The readings refuse it; the gate only tells what may be there."""
    assert "presidio:EMAIL_ADDRESS" in GATE.hints("\ud83d write to alice@example.com")


def test_clean_texts_ask_for_nothing() -> None:
    """The point of it all."""
    for text in ("What is the capital of France?", "Write a Python function that reverses a list."):
        assert not any(may_find(detector, GATE.hints(text)) for detector in DETECTORS)


def test_threads_may_ask_at_once() -> None:
    """Each has a room of its own to scan in."""
    texts = [f"{word} {number}" for number in range(50) for word in FRAGMENTS]
    alone = [GATE.hints(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(GATE.hints, texts)) == alone


def test_without_hyperscan_there_is_no_gate_and_all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is for x86 alone; elsewhere it is slower, and the same."""
    monkeypatch.setitem(sys.modules, "router.signals.sensitivity.gate.database", None)
    opened = inspection.open_inspector(Settings())
    try:
        assert [span.type for span in opened.places("write to alice@hospital.local").spans] == ["EMAIL_ADDRESS"]
    finally:
        opened.close()
