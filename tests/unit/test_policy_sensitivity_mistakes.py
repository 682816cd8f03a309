"""What is wrong with a policy's `sensitivity:`, and what may not have been meant: told with its place."""

from pathlib import Path

import pytest
from sensitivity_said import loaded, write

from router.policy.loader import load_policy
from tidegate.errors import InvalidDocument


def problems(folder: Path, said: str) -> list[str]:
    """What is wrong, without the folder."""
    with pytest.raises(InvalidDocument) as caught:
        load_policy(write(folder, said))
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def warned(folder: Path, said: str) -> list[str]:
    """What may not have been meant, without the folder."""
    return [warning.replace(f"{folder}/", "") for warning in loaded(folder, said).warnings]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("types: {PERSON: {level: unknown}}", "3:27: sensitivity.types.PERSON.level: should be public, internal, "),
        (
            "types: {PERSON: {levl: public}}",
            "3:20: sensitivity.types.PERSON.levl: unknown field; did you mean 'level'?",
        ),
        ("types: {PERSON: {}}", "3:11: sensitivity.types.PERSON: give level, at_least or below"),
        ("types: {person: {level: public}}", "sensitivity.types.person"),
        ("types: {URL: {level: public, below: personal}}", "below must not be more guarded than level"),
        (
            "types: {AGE: {level: internal}}",
            "3:24: sensitivity.types.AGE.level: lowers AGE, which is personal as shipped",
        ),
        ("types: {US_SSN: {at_least: 0.9}}", "3:30: sensitivity.types.US_SSN.at_least: passes over findings of US_SSN"),
        ("combinations: [{all_of: [PERSON], level: personal, why: w}]", "needs two types at least"),
        ("combinations: [{all_of: [PERSON, AGE], any_of: [AGE], level: personal, why: w}]", "stands in any_of, too"),
        ("combinations: [{all_of: [PERSON, AGE], level: restricted}]", "combinations[0].why: is missing"),
        ("deny: [{name: a, words: ['--']}]", "deny[0].words[0]: should hold a letter or a digit"),
        ("deny: [{name: a, words: [ab], pattern: ab}]", "deny[0]: give words or pattern"),
        ("deny: [{name: a, words: [ab]}, {name: a, words: [cd]}]", "deny[1].name: deny[0] has this name, too"),
        ("deny: [{name: a, pattern: 'a(?=b)'}]", "3:31: sensitivity.deny[0].pattern: looking ahead or behind"),
        ("deny: [{name: a, pattern: 'b*'}]", "3:29: sensitivity.deny[0].pattern: matches where nothing stands"),
        (
            "deny: [{name: a, words: [ab], level: personal}, {name: b, words: [cd], level: restricted}]",
            "deny[1].level: a type has one level: INTERNAL_NAME is personal in deny[0]",
        ),
        (
            "patterns: [{type: AGE, pattern: '1', level: public}]",
            "patterns[0].level: a type has one level: AGE is personal as shipped; change it under types",
        ),
        ("allow: [{words: [ab]}]", "allow[0].why: is missing"),
        ("allow: [{pattern: '.+', why: w}]", "allow[0].pattern: would allow every finding"),
        ("allow: [{pattern: '[0-9 ]+', types: [CREDIT_CARD], why: w}]", "would allow every CREDIT_CARD"),
        ("allow: [{pattern: '.+@.+', types: [EMAIL_ADDRESS], why: w}]", "would allow every EMAIL_ADDRESS"),
        ("allow: [{pattern: '[a-z]+ [a-z]+', types: [PERSON], why: w}]", "would allow every PERSON"),
        ("allow: [{pattern: '\\S+', types: [API_KEY], why: w}]", "would allow every API_KEY"),
        ("patterns: [{type: X, pattern: a, score: 1.5}]", "patterns[0].score: should be less than or equal to 1"),
        ("types: []", "sensitivity.types: should be"),
        ("tipes: {}", "3:3: sensitivity.tipes: unknown field; did you mean 'types'?"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, said: str, wrong: str) -> None:
    """With what was expected and what to do."""
    found = problems(tmp_path, said)
    assert any(wrong in problem for problem in found), found
    assert all(problem.startswith("main.yaml:3:") for problem in found)


def test_more_words_than_one_policy_may_hold_are_refused(tmp_path: Path) -> None:
    """All lists together."""
    words = ", ".join(f"w{number}" for number in range(6000))
    said = f"deny:\n  - {{name: a, words: [{words}]}}\n  - {{name: b, words: [{words}]}}"
    assert problems(tmp_path, said) == [
        "main.yaml:5:17: sensitivity.deny[1].words: more than 10,000 words in all: use patterns"
    ]


@pytest.mark.parametrize(
    ("said", "warning"),
    [
        ("types: {PERSN: {level: internal}}", "no shipped detector reports PERSN; did you mean 'PERSON'?"),
        (
            "allow: [{words: [ab], types: [NRP], why: w}]",
            "sensitivity.allow[0].types[0]: no shipped detector reports NRP",
        ),
        ("combinations: [{all_of: [UUID, AGE], level: internal, why: w}]", "raises nothing: AGE is personal by itself"),
        ("types: {EMAIL_ADDRESS: {at_least: 0.1}}", "detectors look for EMAIL_ADDRESS from 0.4 on"),
        (
            "deny: [{name: a, words: [ab], level: internal}]",
            "keeps no job inside: INTERNAL_NAME is internal (main.yaml:3)",
        ),
        ("patterns: [{type: IBAN_CODE, pattern: a1, score: 0.2}]", "never counts: its score is 0.2"),
        (
            "{deny: [{name: a, words: [Bluebird]}], allow: [{words: [xy, the bluebird], why: w}]}",
            "sensitivity.allow[0].words[1]: deny:a finds this",
        ),
    ],
)
def test_what_may_not_have_been_meant_is_a_warning(tmp_path: Path, said: str, warning: str) -> None:
    """With its place."""
    if said.startswith("{"):
        said = said.replace("{deny:", "deny:").replace(", allow:", "\nallow:").removesuffix("}")
    (found,) = warned(tmp_path, said)
    assert found.startswith("main.yaml:")
    assert warning in found


def test_types_of_ones_own_are_known_ones(tmp_path: Path) -> None:
    """An entry that finds a type makes it one that can be spoken of."""
    said = """\
types:
  SHIP: {level: personal}
combinations:
  - {all_of: [SHIP, LOCATION], level: restricted, why: w}
patterns:
  - {type: SHIP, pattern: 'IMO \\d{7}'}
"""
    assert warned(tmp_path, said) == []


def test_declared_harmless_twice_is_told(tmp_path: Path) -> None:
    """`allow_outside` beside a table that says the same, or a deny list that says the contrary."""
    path = write(tmp_path, "types: {AGE: {level: public, why: w}}\ndeny: [{name: a, words: [ab]}]")
    path.write_text(path.read_text() + "allow_outside: [AGE, INTERNAL_NAME]\n")
    told = [warning.partition(": ")[2] for warning in load_policy(path).warnings]
    assert told == [
        "allow_outside[0]: AGE is public (main.yaml:3): it keeps no job inside anyway",
        "allow_outside[1]: INTERNAL_NAME is what deny lists find: by this they keep no job inside",
    ]


@pytest.mark.parametrize("said", ["[]", "5", "no"])
def test_an_included_section_must_be_one(tmp_path: Path, said: str) -> None:
    """What is no mapping is told in its own file."""
    (tmp_path / "shared.yaml").write_text(f"version: 1\nsensitivity: {said}\n")
    path = write(tmp_path, "types: {UUID: {level: public}}")
    path.write_text(path.read_text() + "include: shared.yaml\n")
    with pytest.raises(InvalidDocument, match=r"shared.yaml:2:1: sensitivity: should be a mapping"):
        load_policy(path)
