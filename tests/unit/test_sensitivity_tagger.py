"""The tagger: what it finds, how it reads long texts, and what it does without its artefact."""

import json
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signals.sensitivity.detector import GaveUpError, Span
from router.signals.sensitivity.tagger import artefact, lines
from router.signals.sensitivity.tagger.decoding import runs
from router.signals.sensitivity.tagger.detector import Tagger
from router.signals.sensitivity.tagger.scoring import Scorer
from router.signals.sensitivity.tagger.tokens import starts, tokens
from router.signals.sensitivity.tagger.words import FLAG_ROWS, GRAM_ROWS, describe, folded
from router.signals.sensitivity.views.view import View


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    """The shipped one."""
    return Tagger()


def found(tagger: Tagger, text: str) -> set[tuple[str, str]]:
    """Type and text of every span."""
    return {(span.type, text[span.start : span.end]) for span in tagger.find(View(text), every=True)}


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("My name is Oluwaseun Adebayo and I need help.", "PERSON"),
        ("call megan tomorrow about the invoice", "PERSON"),
        ("PLEASE ASK RAVI SHANKARANARAYANAN", "PERSON"),
        ('{"customer": {"full_name": "Nguyễn Thị Minh Khai"}}', "PERSON"),
        ("Dear Mr. Szöllösy,", "PERSON"),
        ("please send it to 12 Elm Street, Springfield", "ADDRESS"),
        ("she lives at 4711 koskikatu 25 apt. 864", "ADDRESS"),
    ],
)
def test_finds(tagger: Tagger, text: str, type_: str) -> None:
    """Names and addresses are found in prose, chat, capitals and JSON."""
    assert type_ in {span.type for span in tagger.find(View(text))}


@pytest.mark.parametrize(
    "text",
    [
        "Write a function that returns the sum of two numbers.",
        "What is the capital of France?",
        "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n",
        "Give me a recipe for tomato soup.",
        "What are the symptoms of diabetes?",
    ],
)
def test_lets_pass(tagger: Tagger, text: str) -> None:
    """Everyday instructions and code hold no person."""
    assert not {span.type for span in tagger.find(View(text))} - {"LOCATION", "ORGANIZATION"}


def test_one_span_a_type_unless_every_one_is_asked_for(tagger: Tagger) -> None:
    """Without `every` the strongest of each type is told."""
    view = View("Anna Kowalska met Ravi Sharma and Chen Wei at noon.")
    first = [span.type for span in tagger.find(view)]
    assert first.count("PERSON") == 1
    assert [span.type for span in tagger.find(view, every=True)].count("PERSON") == 3


def test_spans_are_where_the_name_is(tagger: Tagger) -> None:
    """Positions count characters, and no blank is part of a span."""
    assert ("PERSON", "Oluwaseun Adebayo") in found(tagger, "😀 Hello,\n  my name is Oluwaseun Adebayo.")


def test_a_name_deep_in_a_long_text_is_found(tagger: Tagger) -> None:
    """Windows cover the whole text."""
    filler = "The machine is cleaned twice a week and nothing else happens. " * 700
    assert ("PERSON", "Priya Raghunathan") in found(tagger, filler + "My name is Priya Raghunathan. " + filler)


def test_windows_show_nowhere(tagger: Tagger) -> None:
    """A text that is read in windows gets the same scores as in one piece."""
    read = artefact.read()
    pieces = tokens("We met Anna Lopez in Lisbon. It was fine, and nobody called Bob. " * 12)
    whole = Scorer(read).score(pieces)
    for window in (17, 64):
        assert np.allclose(Scorer(read, window=window).score(pieces), whole, atol=1e-4)


def test_an_empty_or_blank_text_holds_nothing(tagger: Tagger) -> None:
    """No tokens, no spans."""
    assert not [*tagger.find(View("")), *tagger.find(View("  \n \t "))]


@given(st.text())
def test_never_raises_on_text(text: str) -> None:
    """Whatever the characters, the spans lie inside the text."""
    for span in SHIPPED.find(View(text), every=True):
        assert 0 <= span.start < span.end <= len(text)


SHIPPED = Tagger()


@given(st.text())
def test_tokens_cover_the_text(text: str) -> None:
    """Joined they are the text, so positions are sums of lengths."""
    pieces = tokens(text)
    assert "".join(pieces) == text
    assert [text[start : start + len(piece)] for start, piece in zip(starts(pieces), pieces, strict=True)] == pieces


@given(st.text(min_size=1))
def test_every_token_can_be_described(text: str) -> None:
    """Rows lie inside the tables, and each token has one of each at least."""
    for piece in tokens(text):
        word = describe(piece)
        assert word.flags
        assert word.grams
        assert max(word.flags) < FLAG_ROWS
        assert max(word.grams) < GRAM_ROWS


def test_accents_and_case_do_not_hide_a_word() -> None:
    """The key for the lexicon is the same."""
    assert {folded(word) for word in ("Jürgen", "JÜRGEN", "jurgen")} == {"jurgen"}


def test_line_modes() -> None:
    """Each line has its own."""
    pieces = tokens("call ravi now\nCALL RAVI NOW\nCall Ravi Now\nCall ravi Now")
    found_modes = lines.modes(np.array([lines.case(piece) for piece in pieces]))
    words = [mode for piece, mode in zip(pieces, found_modes.tolist(), strict=True) if piece.strip()]
    assert words == [1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0]


def test_runs_join_neighbours_and_need_one_sure_word() -> None:
    """A weak neighbour of a sure word belongs to it; alone it does not count, nor does a mark."""
    scores = np.array([[0.1, 0.9], [0.7, 0.3], [1, 0], [0.7, 0.3], [1, 0], [0.1, 0.9]], dtype=np.float32)
    pieces = ["Anna", " Lopez", " met", " Bob", " .", " ,"]
    found_runs = [(run.first, run.last) for run in runs(scores, pieces, ("O", "PERSON"), {"PERSON": 0.5}, {})]
    assert found_runs == [(0, 1)]


def test_a_word_alone_may_need_more() -> None:
    """And its score is half where it is just enough."""
    scores = np.array([[0.4, 0.6], [1, 0], [0.4, 0.6], [0.4, 0.6]], dtype=np.float32)
    pieces = ["Will", " met", " Will", " Smith"]
    assert [run.first for run in runs(scores, pieces, ("O", "PERSON"), {"PERSON": 0.5}, {"PERSON": 0.7})] == [2]
    assert [run.score for run in runs(scores, pieces, ("O", "PERSON"), {"PERSON": 0.6}, {})] == [0.5, 0.5]


def test_words_beyond_the_room_are_still_judged(tagger: Tagger) -> None:
    """When the store of words is full it is emptied, and the scores stay the same."""
    from router.signals.sensitivity.tagger.lexicon import Lexicon  # noqa: PLC0415

    read = artefact.read()
    small, large = Lexicon(read, room=8), Lexicon(read)
    for pieces in (["a", "b", "c", "d", "e"], ["f", "g", "h", "i", "a"], ["x", "a", "b"]):
        assert np.allclose(small.look_up(pieces)[0], large.look_up(pieces)[0], atol=1e-5)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the shipped folder, to be damaged."""
    manifest = json.loads((artefact.HOME / artefact.MANIFEST).read_text())
    for name in (artefact.MANIFEST, manifest["file"]):
        shutil.copy(artefact.HOME / name, tmp_path / name)
    return tmp_path


def test_without_an_artefact_it_gives_up_on_every_text(tmp_path: Path) -> None:
    """A router without the file keeps every job inside, and says what to do."""
    tagger = Tagger(tmp_path)
    assert tagger.problem is not None
    assert "git checkout" in tagger.problem
    with pytest.raises(GaveUpError, match="no artefact"):
        list(tagger.find(View("hello")))


def test_a_changed_artefact_is_refused(broken: Path) -> None:
    """One byte is enough."""
    file = next(broken.glob("*.zip"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert "not the file" in str(Tagger(broken).problem)


def test_an_artefact_of_another_format_is_refused(broken: Path) -> None:
    """The features of another version would mean something else."""
    manifest = json.loads((broken / artefact.MANIFEST).read_text())
    (broken / artefact.MANIFEST).write_text(json.dumps({**manifest, "format": 999}))
    assert "format 999" in str(Tagger(broken).problem)


def test_loads_fast_and_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No download, ever."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    started = time.process_time()
    tagger = Tagger()
    assert tagger.problem is None
    assert time.process_time() - started < 1.5  # half a second where nothing else runs


def test_the_manifest_describes_the_file() -> None:
    """Size and checksum; and the file is small enough to live in the repository."""
    manifest = json.loads((artefact.HOME / artefact.MANIFEST).read_text())
    assert (artefact.HOME / manifest["file"]).stat().st_size == manifest["size_bytes"] < 8_000_000


def test_scores_are_probabilities(tagger: Tagger) -> None:
    """What a policy compares with its `at_least`."""
    spans = list(tagger.find(View("Anna Lopez lives at 12 Elm Street, Springfield"), every=True))
    assert spans
    assert all(isinstance(span, Span) and 0 < span.score <= 1 for span in spans)
