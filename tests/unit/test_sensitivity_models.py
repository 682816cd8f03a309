"""Further detectors from installed models: opened by a setting, never downloaded, and they read a text to its end."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import spacy

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.models.model import Marked, ModelDetector, pieces
from router.signals.sensitivity.models.opening import open_models
from router.signals.sensitivity.views.view import View
from tidegate.errors import InvalidSettings

TEXT = "Anna Lopez works for Acme in Lisbon."


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A spaCy pipeline on disk that knows three things by heart."""
    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "PERSON", "pattern": "Anna Lopez"},
            {"label": "GPE", "pattern": "Lisbon"},
            {"label": "MONEY", "pattern": "Acme"},
        ]
    )
    nlp.to_disk(tmp_path / "ner")
    return tmp_path / "ner"


def test_spacy(pipeline: Path) -> None:
    """A pipeline's labels become ours; those that mean nothing to us are left out."""
    (detector,) = open_models(f"spacy:{pipeline}")
    spans = list(detector.find(View(TEXT), every=True))
    assert [(span.type, TEXT[span.start : span.end]) for span in spans] == [
        ("PERSON", "Anna Lopez"),
        ("LOCATION", "Lisbon"),
    ]
    assert detector.name == f"spacy:{pipeline}"


def fake(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    """A package with these members in the place of the real one."""
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_gliner(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for our labels, loads from disk only, and is fed pieces that it can read to the end."""
    asked: list[tuple[int, tuple[str, ...]]] = []

    class GLiNER:
        @classmethod
        def from_pretrained(cls, model: str, *, local_files_only: bool) -> "GLiNER":
            assert (model, local_files_only) == ("some/model", True)
            return cls()

        def predict_entities(self, text: str, labels: list[str], *, threshold: float) -> list[dict[str, Any]]:
            asked.append((len(text.split()), tuple(labels)))
            at = text.find("Anna")
            return [{"label": "person", "score": 0.9, "start": at, "end": at + 4}] if at >= 0 else []

    fake(monkeypatch, "gliner", GLiNER=GLiNER)
    (detector,) = open_models("gliner:some/model")
    text = "word " * 1_000 + "Anna " + "word " * 1_000
    assert {(span.type, text[span.start : span.end]) for span in detector.find(View(text), every=True)} == {
        ("PERSON", "Anna")
    }
    assert max(words for words, _ in asked) <= 300
    assert "date of birth" in asked[0][1]


def test_stanza(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pipeline is told not to download."""

    def pipeline(model: str, *, processors: str, download_method: None, verbose: bool) -> Any:
        assert (model, processors, download_method) == ("en", "tokenize,ner", None)
        return lambda _text: SimpleNamespace(ents=[SimpleNamespace(type="PERSON", start_char=0, end_char=10)])

    fake(monkeypatch, "stanza", Pipeline=pipeline)
    (detector,) = open_models("stanza:en")
    assert list(detector.find(View(TEXT))) == [Span("PERSON", 0.8, 0, 10)]


def test_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model and tokenizer come from disk only; a stride makes it read long texts to their end."""

    class Auto:
        @staticmethod
        def from_pretrained(model: str, *, local_files_only: bool, **_: object) -> str:
            assert local_files_only
            return model

    def pipeline(task: str, *, stride: int, aggregation_strategy: str, **_: object) -> Any:
        assert (task, stride > 0, aggregation_strategy) == ("token-classification", True, "simple")
        return lambda _text: [{"entity_group": "B-PER", "score": 0.97, "start": 0, "end": 10}]

    fake(
        monkeypatch,
        "transformers",
        AutoTokenizer=Auto,
        AutoModelForTokenClassification=Auto,
        pipeline=pipeline,
    )
    (detector,) = open_models("transformers:some/ner")
    assert list(detector.find(View(TEXT))) == [Span("PERSON", 0.97, 0, 10)]


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        ("gliner:a/b", "pip install gliner"),
        ("stanza:en", "pip install stanza"),
        ("transformers:a/b", "pip install transformers torch"),
    ],
)
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, entry: str, command: str) -> None:
    """The message has the command that mends it."""
    monkeypatch.setitem(sys.modules, entry.partition(":")[0], None)
    with pytest.raises(InvalidSettings, match=command):
        open_models(entry)


def test_a_missing_model_is_named() -> None:
    """The message has the command that gets it; nothing is fetched."""
    with pytest.raises(InvalidSettings, match="python -m spacy download en_no_such_model"):
        open_models("spacy:en_no_such_model")


@pytest.mark.parametrize("entry", ["spacy", "flair:x", ":x"])
def test_an_entry_that_is_none_is_refused(entry: str) -> None:
    """With what an entry looks like."""
    with pytest.raises(InvalidSettings, match="FAMILY:MODEL"):
        open_models(entry)


def test_no_entry_no_detector() -> None:
    """The setting may be empty."""
    assert open_models(" , ") == ()


def test_one_span_a_type_the_surest() -> None:
    """As the port says."""

    def mark(_text: str) -> Iterator[Marked]:
        yield Marked("PER", 0.6, 0, 4)
        yield Marked("PER", 0.9, 5, 10)

    detector = ModelDetector("fake", mark, {"PER": "PERSON"})
    assert list(detector.find(View(TEXT))) == [Span("PERSON", 0.9, 5, 10)]
    assert len(list(detector.find(View(TEXT), every=True))) == 2


def test_pieces_cover_every_word() -> None:
    """And neighbours overlap."""
    text = "one two, three. " * 500
    cut = list(pieces(text, 100))
    assert cut[0][0] == 0
    assert cut[-1][1] == len(text.rstrip())
    assert all(later[0] < earlier[1] for earlier, later in pairwise(cut))
