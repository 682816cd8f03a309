"""Levels: findings and failures -> one level."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signals.sensitivity.detector import Failure, GaveUpError
from router.signals.sensitivity.levels import LEVELS, counts, judge
from tidegate.signals import Finding, Level


def finding(entity: str, score: float = 0.9, detector: str = "fake") -> Finding:
    """A finding of a detector that does not matter."""
    return Finding(type=entity, score=score, detector=detector)


def test_nothing_found_is_public() -> None:
    """Nobody found anything and nobody failed."""
    assert judge(()).level is Level.PUBLIC


@pytest.mark.parametrize(
    ("entity", "score", "level"),
    [
        ("URL", 1.0, Level.PUBLIC),
        ("DATE_TIME", 1.0, Level.PUBLIC),
        ("UUID", 0.5, Level.INTERNAL),
        ("PERSON", 0.1, Level.PERSONAL),
        ("EMAIL_ADDRESS", 0.5, Level.PERSONAL),
        ("CREDIT_CARD", 0.3, Level.RESTRICTED),
        ("CREDIT_CARD", 0.29, Level.PUBLIC),
        ("US_BANK_NUMBER", 0.05, Level.PUBLIC),
        ("US_BANK_NUMBER", 0.4, Level.RESTRICTED),
        ("PASSWORD", 0.1, Level.RESTRICTED),
        ("SOMETHING_NEW", 0.01, Level.RESTRICTED),
    ],
)
def test_a_type_has_a_level_from_its_score_on(entity: str, score: float, level: Level) -> None:
    """The table says what a type means, and a type that is not in it counts in full."""
    assert judge([finding(entity, score)]).level is level
    assert counts(finding(entity, score)) == (level is not Level.PUBLIC or entity in ("URL", "DATE_TIME"))


def test_the_worst_finding_decides() -> None:
    """One restricted thing among harmless ones is enough."""
    assert judge([finding("URL"), finding("US_SSN"), finding("PERSON")]).level is Level.RESTRICTED


def test_a_failure_is_unknown_and_keeps_what_was_found() -> None:
    """Somebody could not judge: the others' findings stay on record and the cause names who failed, and how."""
    sensitivity = judge([finding("PERSON")], failures=[Failure("presidio", "timeout"), Failure("cues", "KeyError")])
    assert sensitivity.level is Level.UNKNOWN
    assert sensitivity.types == ("PERSON",)
    assert sensitivity.cause == "presidio: timeout; cues: KeyError"


def test_a_failure_is_told_by_its_class_and_never_by_its_words() -> None:
    """A message may quote the text that it choked on."""
    assert str(Failure.of("presidio", ValueError("alice@example.com"))) == "presidio: ValueError"
    assert str(Failure.of("presidio", GaveUpError("pattern timeout"))) == "presidio: pattern timeout"


def test_one_finding_is_kept_per_type_and_detector() -> None:
    """Two hundred addresses on record say no more than the surest."""
    found = [finding("PERSON", 0.5), finding("PERSON", 0.8), finding("PERSON", 0.6), finding("PERSON", 0.7, "other")]
    assert [(each.detector, each.score) for each in judge(found).findings] == [("fake", 0.8), ("other", 0.7)]


def test_asking_for_unknown_is_answered_with_a_cause() -> None:
    """A producer may distrust the detectors altogether."""
    sensitivity = judge((), least=Level.UNKNOWN)
    assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "hint: min_sensitivity")


@given(st.lists(st.sampled_from(sorted(LEVELS))), st.sampled_from(Level), st.booleans())
def test_a_hint_only_raises(types: list[str], least: Level, failed: bool) -> None:  # noqa: FBT001
    """Whatever was found, a hint never makes a job less guarded."""
    failures = [Failure("fake", "timeout")] if failed else []
    found = [finding(entity) for entity in types]
    with_hint, without = judge(found, failures=failures, least=least), judge(found, failures=failures)
    assert with_hint.level.rank >= max(without.level.rank, least.rank if not failed else 0)
