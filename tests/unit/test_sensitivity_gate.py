"""The gate: it may let through what turns out to be nothing, and must never hold back what a detector would find."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("hyperscan")
pytest.importorskip("presidio_analyzer")

import hyperscan

from router import inspection
from router.signals.sensitivity.detector import Detector, GaveUpError, hints_of, may_find
from router.signals.sensitivity.gate import cache, database
from router.signals.sensitivity.gate.database import HyperscanGate, open_gate
from router.signals.sensitivity.gate.necessary import FOLDED, Never, necessary
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


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache folder in which nothing is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tidegate"


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


def test_a_bad_pattern_is_told_by_its_name(empty_cache: Path) -> None:
    """Who wrote the table must find it."""
    with pytest.raises(ValueError, match="the hint broken"):
        open_gate([{"broken": ("(",)}])


SMALL = ({"mail": (r"\w@\w",), "ssn": (r"\d{3}-\d\d-\d{4}",)},)


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


def test_what_was_compiled_is_kept(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start reads, and compiles nothing."""
    first = open_gate(SMALL).hints("a@b")
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in _kept(empty_cache))
    monkeypatch.setattr(database, "_compiled", _never)
    assert open_gate(SMALL).hints("a@b") == first == {"mail"}


def test_the_cache_is_bounded(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was longest unused goes first; what was just written stays."""
    monkeypatch.setattr(cache, "MAX_FILES", 2)
    places = [cache.Kept(number) for number in range(4)]
    for age, place in enumerate(places):
        place.write(b"database")
        os.utime(place.path, (age, age))
    assert [place.read() is not None for place in places] == [False, False, True, True]


def test_other_patterns_have_another_place(empty_cache: Path) -> None:
    """A stale database would hold back what it does not know."""
    open_gate(SMALL)
    assert open_gate([{"mail": (r"\w#\w",), "ssn": SMALL[0]["ssn"]}]).hints("a#b") == {"mail"}


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "open", "link", "folder", "owner"])
def test_a_kept_file_that_is_not_to_be_trusted_is_not_read(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, harm: str, tmp_path: Path
) -> None:
    """Broken, writable to others, somebody else's, or no file at all: compiled anew."""
    open_gate(SMALL)
    files = _kept(empty_cache)
    for file in files:
        _harm(file, harm, tmp_path, monkeypatch)
    compiled = list[str]()
    real = database._compiled

    def compiling(expressions: database.Expressions, names: Sequence[str], *, every: bool) -> bytes:
        compiled.extend(names)
        return real(expressions, names, every=every)

    monkeypatch.setattr(database, "_compiled", compiling)
    assert open_gate(SMALL).hints("a@b") == {"mail"}
    assert len(compiled) == 2 * len(files)  # both names, for both sides


def _harm(file: Path, harm: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = file.read_bytes()
    if harm == "flip":
        file.write_bytes(content[:-7] + bytes([content[-7] ^ 1]) + content[-6:])
    elif harm == "cut":
        file.write_bytes(content[:100])
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "open":
        file.chmod(0o666)
    elif harm == "link":
        file.rename(elsewhere / file.name)
        file.symlink_to(elsewhere / file.name)
    elif harm == "folder":
        file.unlink()
        file.mkdir()
    else:
        monkeypatch.setattr(cache.os, "geteuid", lambda: file.stat().st_uid + 1)


def test_without_a_place_to_keep_it_every_start_compiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file where the folder should be, as on a full or a read-only disk."""
    (tmp_path / "tidegate").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_gate(SMALL).hints("a@b") == {"mail"}


def test_without_hyperscan_there_is_no_gate_and_all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is for x86 alone; elsewhere it is slower, and the same."""
    monkeypatch.setitem(sys.modules, "router.signals.sensitivity.gate.database", None)
    opened = inspection.open_inspector(Settings())
    try:
        assert [span.type for span in opened.places("write to alice@hospital.local").spans] == ["EMAIL_ADDRESS"]
    finally:
        opened.close()


def _kept(folder: Path) -> list[Path]:
    found = sorted(folder.iterdir())
    assert found
    return found


def _never(*_: object, **__: object) -> bytes:
    raise AssertionError("nothing is to be compiled")


def test_a_gate_of_another_machine_fails_when_it_is_opened() -> None:
    """Not at the first job."""
    with pytest.raises(hyperscan.error):
        HyperscanGate({"x": ("x",)}, plain=[database.Shard(["x"], b"no database")], other=[])
