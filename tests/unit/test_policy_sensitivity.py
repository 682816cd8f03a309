"""`sensitivity:` in a policy: what it changes, wherever it stands, and what is shown of it."""

import json
from pathlib import Path

import pytest
from policies_and_jobs import policy
from sensitivity_said import level, loaded, write
from typer.testing import CliRunner

from router import cli, findings
from router.policy.formatting.canonical import canonical
from router.policy.loader import load_policy
from router.policy.registry.bundle import bundled
from router.policy.sensitivity.mistakes import HARD
from router.policy.sensitivity.ready import loosened
from router.signals.sensitivity.levels import COMBINATIONS, LEVELS, SHIPPED, judge
from tidegate.errors import InvalidDocument
from tidegate.lanes import read_lanes
from tidegate.settings import Settings
from tidegate.signals import Finding, Level

FOLDER = Settings().home / "policies"
RUNNER = CliRunner()


def test_what_is_not_said_stays_as_shipped(tmp_path: Path) -> None:
    """Field by field."""
    rules = loaded(tmp_path, "types:\n  EMAIL_ADDRESS: {at_least: 0.2}\n  LOCATION: {level: personal}")
    table = rules.sensitivity.table
    assert table.weight("EMAIL_ADDRESS")[:3] == (Level.PERSONAL, 0.2, Level.PUBLIC)
    assert table.weight("LOCATION")[:4] == (Level.PERSONAL, 0.0, Level.PUBLIC, "main.yaml:5")
    assert {name: one for name, one in table.weights.items() if one.place is None} == {
        name: one for name, one in LEVELS.items() if name not in ("EMAIL_ADDRESS", "LOCATION")
    }
    assert table.combinations == COMBINATIONS
    assert policy({}).sensitivity.table is SHIPPED


def test_a_type_nobody_put_in_the_table_is_restricted(tmp_path: Path) -> None:
    """Also one that an entry finds and of which nobody says a level."""
    rules = loaded(tmp_path, "patterns:\n  - {type: EMPLOYEE_NO, pattern: 'E-[0-9]+'}")
    assert level(rules, "EMPLOYEE_NO") is level(rules, "SOMETHING_NEW") is Level.RESTRICTED


def test_levels_by_score_and_together(tmp_path: Path) -> None:
    """A lone name passes, a weak one is nothing, a name in context is somebody."""
    rules = loaded(
        tmp_path,
        """\
types:
  PERSON: {level: personal, at_least: 0.5, below: internal}
combinations:
  - {name: pay, all_of: [PERSON, ORGANIZATION], any_of: [URL, UUID], level: restricted, why: Who earns what.}
""",
    )
    assert [level(rules, "PERSON", score=score) for score in (0.49, 0.5)] == [Level.INTERNAL, Level.PERSONAL]
    assert level(rules, "PERSON", "ORGANIZATION") is Level.PERSONAL
    assert level(rules, "PERSON", "ORGANIZATION", "UUID") is Level.RESTRICTED
    found = [Finding(type=name, score=1.0, detector="t") for name in ("PERSON", "ORGANIZATION", "URL")]
    because = judge(found, table=rules.sensitivity.table).because
    assert because == "PERSON with ORGANIZATION with URL: Who earns what. (main.yaml:6)"


def test_a_combination_of_a_shipped_name_takes_its_place(tmp_path: Path) -> None:
    """Whoever disagrees says so by its name."""
    said = "combinations:\n  - {name: identity, all_of: [DATE_OF_BIRTH, UK_NHS], level: restricted, why: w}"
    rules = loaded(tmp_path, said)
    assert level(rules, "DATE_OF_BIRTH", "PERSON") is Level.PERSONAL
    assert [one.name for one in rules.sensitivity.table.combinations].count("identity") == 1


def test_what_is_lowered_is_told_loudly(tmp_path: Path) -> None:
    """In red wherever a policy is shown, with the reason and its place."""
    said = "types:\n  EMAIL_ADDRESS: {level: public, why: All of ours are public.}\n  PERSON: {at_least: 0.6}"
    path = write(tmp_path, said)
    assert load_policy(path).sensitivity.loosened == (
        "EMAIL_ADDRESS: public, shipped as personal: All of ours are public. (main.yaml:4)",
        "PERSON: public under a score of 0.6, shipped as personal: no reason given (main.yaml:5)",
    )
    for command in ("check", "levels"):
        shown = RUNNER.invoke(cli.app, ["policy", command, str(path)])
        assert shown.exit_code == 0
        assert "sensitivity: EMAIL_ADDRESS: public, shipped as personal" in shown.stdout
    assert findings.of(path).as_json()["loosened"][0].startswith("EMAIL_ADDRESS")
    assert {"CREDIT_CARD", "EMAIL_ADDRESS", "PASSWORD"} <= HARD
    said = "combinations:\n  - {name: identity, all_of: [DATE_OF_BIRTH, URL], level: internal, why: Rare.}"
    assert loaded(tmp_path, said).sensitivity.loosened == (
        "combination identity: internal, shipped as restricted: Rare. (main.yaml:4)",
    )
    assert list(loosened(SHIPPED)) == []


def test_it_may_stand_in_a_file_that_policies_share(tmp_path: Path) -> None:
    """Types stand in one place, lists are joined, and everything keeps its own place."""
    (tmp_path / "shared.yaml").write_text(
        "version: 1\nsensitivity:\n  types:\n    AGE: {level: internal, why: w}\n  deny: [{name: a, words: [ab]}]\n"
    )
    path = write(tmp_path, "types:\n  UUID: {level: public}\ndeny:\n  - {name: b, words: [cd]}")
    path.write_text(path.read_text() + "include: shared.yaml\n")
    rules = load_policy(path)
    assert [entry.name for entry in rules.sensitivity.entries] == ["deny:a", "deny:b"]
    places = {name: rules.sensitivity.table.weight(name).place for name in ("AGE", "UUID")}
    assert places == {"AGE": "shared.yaml:4", "UUID": "main.yaml:4"}
    assert set(read_lanes(path)) == {"near", "far"}
    assert bundled(path).load().version == rules.version
    (tmp_path / "shared.yaml").write_text(
        "version: 1\nsensitivity:\n  types:\n    UUID: {level: personal}\n  deny:\n    - {name: b, pattern: '('}\n"
    )
    with pytest.raises(InvalidDocument) as caught:
        load_policy(path)
    told = [
        problem.replace(f"{tmp_path.resolve()}/", "").replace(f"{tmp_path}/", "") for problem in caught.value.problems
    ]
    assert sorted(told) == [
        "main.yaml:4:5: sensitivity.types.UUID: it stands in shared.yaml on line 4 already",
        "main.yaml:6:14: sensitivity.deny[1].name: deny[0] has this name, too",
        "shared.yaml:6:27: sensitivity.deny[0].pattern: a bracket is not paired ('(')",
    ]


def test_the_version_covers_it(tmp_path: Path) -> None:
    """So a change of a word list is versioned, applied and rolled back like any other; its layout is not."""
    versions = [
        loaded(tmp_path, said).version
        for said in (
            "deny: [{name: a, words: [ab]}]",
            "deny:\n  - words: [ab]\n    name: a",
            "deny: [{name: a, words: [ac]}]",
            "types: {LOCATION: {level: internal}}",
        )
    ]
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3


def test_the_shipped_file_says_what_holds_without_it() -> None:
    """A copy to change: until it is changed, it changes nothing."""
    shipped = load_policy(FOLDER / "default.yaml")
    table = shipped.sensitivity.table
    assert {name: one[:3] for name, one in table.weights.items()} == {name: one[:3] for name, one in LEVELS.items()}
    assert [one[:5] for one in table.combinations] == [one[:5] for one in COMBINATIONS]
    assert shipped.sensitivity.loosened == ()
    text = (FOLDER / "sensitivity.yaml").read_text()
    assert canonical(text, name="sensitivity.yaml") == text


def test_the_examples_in_the_shipped_file_hold(tmp_path: Path) -> None:
    """What stands in its comments may be written as it stands there."""
    lines = (FOLDER / "sensitivity.yaml").read_text().splitlines()
    said = "\n".join(line[4:] for line in lines if line.startswith("#   "))
    rules = loaded(tmp_path, said)
    assert [entry.name for entry in rules.sensitivity.entries] == [
        "deny:projects",
        "deny:hosts",
        "patterns:EMPLOYEE_NO",
    ]
    assert len(rules.sensitivity.allow.entries) == 1
    assert rules.warnings == ()


def test_the_table_in_force_is_shown(tmp_path: Path) -> None:
    """Every type and combination with who says so, and the lists; for machines, too."""
    path = write(tmp_path, "types: {LOCATION: {level: internal}}\ndeny: [{name: ships, words: [Bluebird, Kestrel]}]")
    words = RUNNER.invoke(cli.app, ["policy", "levels", str(path)], env={"COLUMNS": "160"})
    assert words.exit_code == 0
    assert "deny ships: 2 words as INTERNAL_NAME" in words.stdout
    assert any(
        "LOCATION" in line and "internal" in line and "main.yaml:3" in line for line in words.stdout.splitlines()
    )
    told = json.loads(RUNNER.invoke(cli.app, ["policy", "levels", str(path), "--json"]).stdout)
    assert told["types"]["LOCATION"] == {
        "level": "internal",
        "at_least": 0.0,
        "below": "public",
        "why": None,
        "place": "main.yaml:3",
    }
    assert told["types"]["US_SSN"]["place"] is None
    assert told["deny"] == [{"words": ["Bluebird", "Kestrel"], "name": "ships", "type": "INTERNAL_NAME"}]
    assert RUNNER.invoke(cli.app, ["policy", "levels", "/no/such/file"]).exit_code == 2


def test_cases_are_judged_by_the_policys_table(tmp_path: Path) -> None:
    """What a case states in types means what the policy says that it means."""
    path = write(tmp_path, "types: {LOCATION: {level: personal}}")
    case = "tests:\n  - {name: a, given: {entities: LOCATION}, expect: {zone: inside}}\n"
    path.write_text(path.read_text() + case)
    assert RUNNER.invoke(cli.app, ["policy", "test", str(path)]).exit_code == 0
    explained = RUNNER.invoke(
        cli.app, ["policy", "explain", "--signals", '{"entities": "LOCATION"}', "--policy", str(path)]
    )
    assert "LOCATION (main.yaml:3)" in explained.stdout
