"""Levels: findings and failures -> one level."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signals.sensitivity.detector import Failure, GaveUpError
from router.signals.sensitivity.levels import (
    COMBINATIONS,
    LEVELS,
    SHIPPED,
    Combination,
    Table,
    Weight,
    counts,
    judge,
    judged_anew,
)
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


@pytest.mark.parametrize(
    ("types", "level", "because"),
    [
        ("PERSON", Level.PERSONAL, "PERSON"),
        ("DATE_OF_BIRTH", Level.PERSONAL, "DATE_OF_BIRTH"),
        ("PERSON DATE_OF_BIRTH", Level.RESTRICTED, "DATE_OF_BIRTH with PERSON: Who somebody is and when"),
        ("PERSON DATE_OF_BIRTH HEALTH", Level.RESTRICTED, "HEALTH"),
        ("FINANCES", Level.PERSONAL, "FINANCES"),
        ("FINANCES EMAIL_ADDRESS", Level.RESTRICTED, "FINANCES with EMAIL_ADDRESS: Income or debts"),
        ("CHILD", Level.RESTRICTED, "CHILD"),
        ("LOCATION ORGANIZATION", Level.PUBLIC, None),
        ("AGE LOCATION ORGANIZATION", Level.PERSONAL, "AGE"),
        ("UUID URL", Level.INTERNAL, "UUID"),
        ("ADDRESS PERSON", Level.PERSONAL, "ADDRESS; PERSON"),
        ("INTERNAL_NAME", Level.RESTRICTED, "INTERNAL_NAME"),
        ("", Level.PUBLIC, None),
    ],
)
def test_what_made_the_level_is_told(types: str, level: Level, because: str | None) -> None:
    """A type by itself, or types that mean more together, with the reason."""
    sensitivity = judge(finding(name) for name in types.split())
    assert sensitivity.level is level
    assert (sensitivity.because or "").startswith(because or "")
    assert (sensitivity.because is None) == (because is None)


def test_weak_findings_make_no_combination() -> None:
    """What would not count by itself does not count beside others."""
    found = [finding("DATE_OF_BIRTH"), finding("EMAIL_ADDRESS", 0.39)]
    assert judge(found).level is Level.PERSONAL
    assert judge([*found, finding("EMAIL_ADDRESS", 0.4)]).level is Level.RESTRICTED


def test_where_names_are_declared_harmless_a_name_in_context_is_not() -> None:
    """A lone name in a story passes; the same name with a town does not."""
    table = Table({**LEVELS, "PERSON": Weight(Level.INTERNAL)}, COMBINATIONS)
    assert judge([finding("PERSON")], table=table).level is Level.INTERNAL
    assert judge([finding("PERSON"), finding("LOCATION")], table=table).level is Level.PERSONAL


def test_a_weak_finding_has_the_level_below() -> None:
    """Public where nobody says otherwise."""
    table = Table({"EMAIL_ADDRESS": Weight(Level.RESTRICTED, 0.8, Level.PERSONAL, "p.yaml:7")})
    sure, unsure = (judge([finding("EMAIL_ADDRESS", score)], table=table) for score in (0.8, 0.79))
    assert (sure.level, unsure.level) == (Level.RESTRICTED, Level.PERSONAL)
    assert sure.because == "EMAIL_ADDRESS (p.yaml:7)"


def test_a_producers_wish_is_told_as_the_reason() -> None:
    """Nothing was found that would explain the level."""
    assert judge([finding("PERSON")], least=Level.RESTRICTED).because == "asked for by min_sensitivity"


_TYPES = st.sampled_from(sorted(LEVELS))
_SET = st.sampled_from([level for level in Level if level is not Level.UNKNOWN])
_TABLES = st.builds(
    Table,
    st.dictionaries(_TYPES, st.builds(Weight, _SET, st.sampled_from([0.0, 0.5, 1.0]))),
    st.lists(
        st.builds(Combination, st.just("c"), _SET, st.tuples(_TYPES, _TYPES), st.lists(_TYPES, max_size=2).map(tuple)),
        max_size=3,
    ).map(tuple),
)
_FINDINGS = st.lists(st.builds(finding, _TYPES, st.floats(0, 1)), max_size=5)


@given(_FINDINGS, _TABLES, st.sampled_from([None, *Level]))
def test_combinations_only_raise(found: list[Finding], table: Table, least: Level | None) -> None:
    """Whatever the table says, no job is less guarded than its worst finding; and no table lowers an `unknown`."""
    alone = judge(found, least=least, table=Table(table.weights)).level
    together = judge(found, least=least, table=table).level
    assert together.rank >= alone.rank
    assert together is alone or any(one.level is together for one in table.combinations)
    assert judge(found, failures=[Failure("fake", "timeout")], table=table).level is Level.UNKNOWN


@given(_FINDINGS, _TABLES, _FINDINGS)
def test_more_findings_never_lower(found: list[Finding], table: Table, more: list[Finding]) -> None:
    """A second finding cannot talk a first one away."""
    assert judge([*found, *more], table=table).level.rank >= judge(found, table=table).level.rank


@pytest.mark.parametrize(
    ("types", "least", "level", "becomes"),
    [
        ("PERSON", None, None, Level.INTERNAL),
        ("PERSON LOCATION", None, None, Level.PERSONAL),
        ("PERSON", Level.PERSONAL, None, Level.PERSONAL),
        ("PERSON", None, Level.UNKNOWN, Level.UNKNOWN),
        ("PERSON", None, Level.RESTRICTED, Level.RESTRICTED),
    ],
)
def test_what_is_on_record_is_judged_anew_where_its_findings_explain_it(
    types: str, least: Level | None, level: Level | None, becomes: Level
) -> None:
    """A level that came from elsewhere, from an earlier turn say, stays."""
    now = Table({**LEVELS, "PERSON": Weight(Level.INTERNAL)}, COMBINATIONS)
    recorded = judge((finding(name) for name in types.split()), least=least)
    recorded = recorded.model_copy(update={"level": level or recorded.level})
    assert judged_anew(recorded, was=SHIPPED, now=now).level is becomes


def test_the_shipped_table_is_what_is_used_where_nothing_is_said() -> None:
    """Types and combinations."""
    assert dict(SHIPPED.weights) == dict(LEVELS)
    assert SHIPPED.combinations == COMBINATIONS


@given(st.lists(st.sampled_from(sorted(LEVELS))), st.sampled_from(Level), st.booleans())
def test_a_hint_only_raises(types: list[str], least: Level, failed: bool) -> None:  # noqa: FBT001
    """Whatever was found, a hint never makes a job less guarded."""
    failures = [Failure("fake", "timeout")] if failed else []
    found = [finding(entity) for entity in types]
    with_hint, without = judge(found, failures=failures, least=least), judge(found, failures=failures)
    assert with_hint.level.rank >= max(without.level.rank, least.rank if not failed else 0)
