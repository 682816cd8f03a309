"""Who is compared: each is opened once and then says of a text how strongly it would be kept inside.

A strength is a number; a threshold on it is a point of the frontier. `inf`: kept inside whatever the threshold.
"""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from router.inspection import DETECTORS, Inspector, open_inspector
from router.signals.sensitivity.levels import LEVELS
from router.signals.sensitivity.tagger.detector import Tagger
from router.signals.sensitivity.views.view import View
from tidegate.job import Job
from tidegate.settings import Settings

Strength = Callable[[Job], float]

HARMLESS_OF_PRESIDIO = frozenset({"DATE_TIME", "URL", "LOCATION", "NRP", "ORGANIZATION"})
"""What Presidio reports and nobody would keep a text inside for, as in tidegate's own table."""

NO_TAGGER_SCORE = 0.0
LOWEST = 0.02
"""Spans of the tagger below this are not even asked for."""


@contextmanager
def inspector(*, tagger: bool = True, artefact: Path | None = None, lowest: float | None = None) -> Iterator[Inspector]:
    """The router's own inspection; without its tagger, or with another artefact, or with one that tells weak spans."""
    shipped = open_inspector(Settings())
    detectors = [detector for detector in shipped._detectors if tagger or detector.name != Tagger.name]  # noqa: SLF001
    for place, detector in enumerate(detectors):
        if isinstance(detector, Tagger) and (artefact is not None or lowest is not None):
            detectors[place] = _tagger(artefact, lowest)
    made = Inspector(detectors=detectors, timeout_s=60, gate=shipped._gate)  # noqa: SLF001
    made.inspect(Job(text="warm up, 12345678, call +1 212 555 0199"))
    try:
        yield made
    finally:
        made.close()
        shipped.close()


def has_tagger() -> bool:
    """Whether the router's inspection has one at all."""
    return any(make.__name__ == "_tagger" for make in DETECTORS)


def _tagger(artefact: Path | None, lowest: float | None) -> Tagger:
    made = Tagger(artefact) if artefact is not None else Tagger()
    if made.problem:
        raise SystemExit(made.problem)
    if lowest is not None:
        known = made._artefact  # noqa: SLF001 -- the frontier asks below the shipped thresholds
        made._artefact = replace(known, at_least=dict.fromkeys(known.at_least, lowest))  # noqa: SLF001
    return made


@contextmanager
def tidegate() -> Iterator[Strength]:
    """The whole inspection with a factor on the tagger's thresholds: 1 is as shipped, lower keeps more inside."""
    thresholds = Tagger()._artefact.at_least  # noqa: SLF001
    with inspector(tagger=False) as patterns, inspector(lowest=LOWEST) as whole:

        def strength(job: Job) -> float:
            if patterns.inspect(job).sensitivity.level.sensitive:
                return math.inf
            found = whole.inspect(job).sensitivity
            if found.cause:
                return math.inf
            return max((
                finding.score / thresholds[finding.type] for finding in found.findings
                if finding.detector == Tagger.name and LEVELS[finding.type].level.sensitive
            ), default=NO_TAGGER_SCORE)  # fmt: skip

        yield strength


@contextmanager
def shipped() -> Iterator[Strength]:
    """The decision as it is made: inside or not."""
    with inspector() as whole:
        yield lambda job: 1.0 if whole.inspect(job).sensitivity.level.sensitive else 0.0


@contextmanager
def patterns() -> Iterator[Strength]:
    """The inspection without its tagger."""
    with inspector(tagger=False) as rules:
        yield lambda job: 1.0 if rules.inspect(job).sensitivity.level.sensitive else 0.0


@contextmanager
def crf(model: Path) -> Iterator[Strength]:
    """The baseline: patterns, and a conditional random field in the tagger's place."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from models.tagger.baseline_crf import Baseline  # noqa: PLC0415 -- needs python-crfsuite

    field = Baseline(model, at_least=LOWEST)
    with inspector(tagger=False) as rules:

        def strength(job: Job) -> float:
            if rules.inspect(job).sensitivity.level.sensitive:
                return math.inf
            spans = field.find(View(_text(job)))
            return max((span.score for span in spans if LEVELS[span.type].level.sensitive), default=0.0)

        yield strength


@contextmanager
def presidio_blank() -> Iterator[Strength]:
    """Presidio's own engine over a blank tokenizer: its pattern recognisers with their context words, and no model."""
    import spacy  # noqa: PLC0415
    import tldextract  # noqa: PLC0415
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: PLC0415
    from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine  # noqa: PLC0415

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}  # type: ignore[assignment]

        def _doc_to_nlp_artifact(self, doc, language):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            words = [token.lower_ for token in doc]
            return NlpArtifacts(
                entities=[], tokens=doc, tokens_indices=[token.idx for token in doc], lemmas=words, nlp_engine=self,
                language=language,
            )  # fmt: skip

    # Else the first e-mail address makes it fetch a list over the network.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
    yield lambda job: max(
        (result.score for result in engine.analyze(_text(job), "en") if result.entity_type not in HARMLESS_OF_PRESIDIO),
        default=0.0,
    )


def presidio_as_it_comes() -> str | None:
    """What `AnalyzerEngine()` does in a process without a network: None if it starts, else how it ends."""
    script = (
        "import socket\n"
        "def refused(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = refused\n"
        "from presidio_analyzer import AnalyzerEngine\n"
        "AnalyzerEngine().analyze('My name is Ann', language='en')\n"
    )
    try:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "does not start within two minutes: it tries to download a model"
    if done.returncode == 0:
        return None
    tried = "download" in done.stderr + done.stdout
    return f"ends with exit code {done.returncode}" + (": it tries to download a model" if tried else "")


def _text(job: Job) -> str:
    return "\n".join(turn.text for turn in job.turns())


def strengths(strength: Strength, jobs: Sequence[Job]) -> list[float]:
    """Of each job; whatever is raised keeps the job inside, as the router would."""
    return [_safely(strength, job) for job in jobs]


def _safely(strength: Strength, job: Job) -> float:
    try:
        return strength(job)
    except Exception:  # noqa: BLE001
        return math.inf
