"""`sensitivity:` in a policy: how it is written, what is wrong with it, and what it changes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from policies_and_jobs import policy
from typer.testing import CliRunner

from router import cli, findings
from router.policy.analysis.formula import verdict
from router.policy.analysis.harmless import ANOTHER, ASKED
from router.policy.analysis.reading import read
from router.policy.bans import bans
from router.policy.engine import decide
from router.policy.formatting.canonical import canonical
from router.policy.harmless import narrowed
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.registry.bundle import bundled
from router.policy.schema import schema
from router.policy.sensitivity.differences import differences
from router.policy.sensitivity.grammar import Section
from router.policy.sensitivity.mistakes import HARD
from router.policy.sensitivity.ready import loosened
from router.signals.sensitivity.levels import COMBINATIONS, LEVELS, SHIPPED, judge
from tidegate.documents import read as read_document
from tidegate.errors import InvalidDocument
from tidegate.lanes import read_lanes
from tidegate.settings import Settings
from tidegate.signals import Band, Complexity, Finding, Level, Sensitivity, Signals

FOLDER = Settings().home / "policies"
RUNNER = CliRunner()
REST = """\
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8000}
rules:
  - {name: out, when: {sensitivity: [public, internal]}, send: far, why: w}
default: {send: near, why: d}
"""


def write(folder: Path, said: str, *, name: str = "main") -> Path:
    """A policy that says this about sensitivity, in lines that stand under the key."""
    path = folder / f"{name}.yaml"
    body = "".join(f"  {line}\n" for line in said.splitlines())
    path.write_text(f"version: 1\nsensitivity:\n{body}{REST}")
    return path


def loaded(folder: Path, said: str) -> Policy:
    """The policy."""
    return load_policy(write(folder, said))


def problems(folder: Path, said: str) -> list[str]:
    """What is wrong, without the folder."""
    with pytest.raises(InvalidDocument) as caught:
        load_policy(write(folder, said))
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def warned(folder: Path, said: str) -> list[str]:
    """What may not have been meant, without the folder."""
    return [warning.replace(f"{folder}/", "") for warning in loaded(folder, said).warnings]


def level(rules: Policy, *types: str, score: float = 1.0) -> Level:
    """What these findings mean by a policy."""
    found = [Finding(type=name, score=score, detector="t") for name in types]
    return judge(found, table=rules.sensitivity.table).level


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


def test_declared_harmless_twice_is_told(tmp_path: Path) -> None:
    """`allow_outside` beside a table that says the same, or a deny list that says the contrary."""
    path = write(tmp_path, "types: {AGE: {level: public, why: w}}\ndeny: [{name: a, words: [ab]}]")
    path.write_text(path.read_text() + "allow_outside: [AGE, INTERNAL_NAME]\n")
    told = [warning.partition(": ")[2] for warning in load_policy(path).warnings]
    assert told == [
        "allow_outside[0]: AGE is public (main.yaml:3): it keeps no job inside anyway",
        "allow_outside[1]: INTERNAL_NAME is what deny lists find: by this they keep no job inside",
    ]


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


@pytest.mark.parametrize("said", ["[]", "5", "no"])
def test_an_included_section_must_be_one(tmp_path: Path, said: str) -> None:
    """What is no mapping is told in its own file."""
    (tmp_path / "shared.yaml").write_text(f"version: 1\nsensitivity: {said}\n")
    path = write(tmp_path, "types: {UUID: {level: public}}")
    path.write_text(path.read_text() + "include: shared.yaml\n")
    with pytest.raises(InvalidDocument, match=r"shared.yaml:2:1: sensitivity: should be a mapping"):
        load_policy(path)


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


def test_its_fields_are_put_in_order() -> None:
    """Those of the grammar; types keep the order of the writer."""
    said = """\
version: 1
sensitivity:
  deny:
    - {level: personal, words: [ab], name: a}
  types:
    UUID: {why: w, level: public}
    AGE: {below: public, at_least: 0.5}
"""
    assert (
        canonical(said, name="p.yaml")
        == """\
version: 1

sensitivity:
  types:
    UUID: {level: public, why: w}
    AGE: {at_least: 0.5, below: public}
  deny:
    - {name: a, words: [ab], level: personal}
"""
    )


def test_patterns_keep_their_backslashes() -> None:
    """In single quotes, however they were quoted: doubled ones would be read by nobody."""
    said = """\
version: 1

sensitivity:
  deny:
    - {name: a, pattern: "E-\\\\d{6}"}
    - {name: b, pattern: "it's \\\\d"}
"""
    form = canonical(said, name="p.yaml")
    assert "pattern: 'E-\\d{6}'" in form
    assert "pattern: 'it''s \\d'" in form
    assert canonical(form, name="p.yaml") == form


def test_the_schema_knows_it(tmp_path: Path) -> None:
    """Each field with its hover text; what the loader refuses is underlined where a schema can tell."""
    whole = schema()
    validator = Draft202012Validator(whole)
    tree = json.loads(json.dumps(read_document(write(tmp_path, "types: {UUID: {level: unknown}}")).tree))
    assert len(list(validator.iter_errors(tree))) == 1
    tree["sensitivity"]["types"]["UUID"]["level"] = "public"
    assert list(validator.iter_errors(tree)) == []
    for name in ("Section", "TypeMeans", "Together", "Denied", "Allowed", "Own", "Images"):
        assert all("description" in said for said in whole["$defs"][name]["properties"].values()), name
    assert set(Section.model_fields) == {"types", "combinations", "deny", "allow", "patterns", "images"}


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


def test_a_change_of_what_findings_mean_is_a_difference(tmp_path: Path) -> None:
    """Though the rules are the same; where a type no longer keeps jobs inside, the comparison falls short."""
    old = write(tmp_path, "types: {UUID: {level: public}}\ndeny: [{name: a, words: [ab]}]", name="old")
    new = write(
        tmp_path,
        """\
types: {UUID: {level: public}, PERSON: {level: internal, why: w}, EMAIL_ADDRESS: {at_least: 0.9, why: w}}
combinations: [{name: identity, all_of: [DATE_OF_BIRTH, URL], level: internal, why: w}]
""",
        name="new",
    )
    found = {one.what: one.loosens for one in differences(load_policy(old), load_policy(new))}
    assert found == {
        "PERSON: personal -> internal": True,
        "EMAIL_ADDRESS: public under 0.4 -> public under 0.9": True,
        "combination identity: restricted -> internal": True,
        "deny a: gone": False,
    }
    shown = RUNNER.invoke(cli.app, ["policy", "diff", str(old), str(new)])
    assert (shown.exit_code, "sensitivity: PERSON: personal -> internal   jobs may newly go out" in shown.stdout) == (
        1,
        True,
    )
    back = RUNNER.invoke(cli.app, ["policy", "diff", str(new), str(old), "--json"])
    assert back.exit_code == 0
    assert json.loads(back.stdout)["same"] is False
    assert list(differences(load_policy(old), load_policy(old))) == []


_TYPES = ("EMAIL_ADDRESS", "IBAN_CODE", "PERSON", "URL", "LOCATION")
_SET = st.sampled_from(["public", "internal", "personal", "restricted"])
_MEANS = st.one_of(
    st.builds(lambda level: {"level": level, "why": "w"}, _SET),
    st.builds(
        lambda level, below: (
            {"level": max(level, below, key=_rank), "below": min(level, below, key=_rank), "why": "w"}
            | {"at_least": 0.5}
        ),
        _SET,
        _SET,
    ),
)
_COMBINATIONS = st.builds(
    lambda types, either, level: (
        {"all_of": types[:2], "level": level, "why": "w"} | ({"any_of": types[2:]} if either else {})
    ),
    st.permutations(_TYPES),
    st.booleans(),
    _SET,
)
_SECTIONS = st.builds(
    lambda types, combinations: {"combinations": combinations} | ({"types": types} if types else {}),
    st.dictionaries(st.sampled_from(_TYPES), _MEANS),
    st.lists(_COMBINATIONS, max_size=2, unique_by=json.dumps),
)
_FINDINGS = st.lists(
    st.builds(
        lambda name, score: Finding(type=name, score=score, detector="t"),
        st.sampled_from(_TYPES),
        st.sampled_from([0.0, 1.0]),
    ),
    max_size=4,
)


def _rank(written: str) -> int:
    return Level(written).rank


def _policy(section: dict[str, Any], declared: list[str]) -> Policy:
    """A policy whose analysis tells all of these types apart."""
    rules = [
        {"when": {"entities": {"any": list(_TYPES)}, "tenant": "acme"}, "send": ["far", "near"], "why": "w"},
        {"when": {"entities": {"alone": declared or ["URL"]}}, "send": ["far", "near"], "why": "w"},
    ]
    default = {"send": ["far", "near"], "why": "d"}
    return policy({"sensitivity": section, "allow_outside": declared, "rules": rules, "default": default})


def _signals(sensitivity: Sensitivity) -> Signals:
    band = Complexity(band=Band.SIMPLE)
    return Signals(sensitivity=sensitivity, complexity=band, tokens=10, max_tokens=10)


@settings(max_examples=200, deadline=None)
@given(
    _SECTIONS,
    st.lists(st.sampled_from(_TYPES), unique=True, max_size=3),
    _FINDINGS,
    st.sampled_from([None, Level.INTERNAL, Level.PERSONAL]),
)
def test_the_proof_and_the_engine_read_the_same_table(
    section: dict[str, Any], declared: list[str], found: list[Finding], least: Level | None
) -> None:
    """For any table: what the proof says the guarantee takes away is what the engine takes away."""
    ready = _policy(section, declared)
    sensitivity = judge(found, least=least, table=ready.sensitivity.table)
    reading = read(ready)[0]
    box = list(reading.space.whole)
    scores = {one.type: one.score for one in sensitivity.findings}
    seen: dict[tuple[str, ...], Any] = {
        ("sensitivity",): sensitivity.level,
        (ASKED,): least is not None and least.sensitive,
        (ANOTHER,): None,
    }
    seen |= {("entity", name): scores.get(name) for name in _TYPES}
    for key, value in seen.items():
        if key in reading.space.places:
            values = reading.space.signal(*key).values
            at = values.index(value) if value in values else values.index(1.0)  # weak and strong mean the same here
            box[reading.space.places[key]] = 1 << at
    assert all(verdict(formula, tuple(box)) is not False for formula in reading.sense)
    barred = bool(bans(ready, _signals(sensitivity)))
    assert verdict(reading.guards[0].holds, tuple(box)) is barred
    assert barred or decide(ready, _signals(sensitivity)).cleared


@settings(max_examples=200)
@given(_SECTIONS, st.frozensets(st.sampled_from(_TYPES)), _FINDINGS)
def test_declared_types_never_let_out_what_a_combination_raised(
    section: dict[str, Any], declared: frozenset[str], found: list[Finding]
) -> None:
    """Harmless by themselves is not harmless together."""
    table = policy({"sensitivity": section}).sensitivity.table
    sensitivity = judge(found, table=table)
    if narrowed(sensitivity, allow_outside=declared, table=table):
        assert table.single(sensitivity.findings) is sensitivity.level
        left = [one for one in sensitivity.findings if one.type not in declared]
        assert not judge(left, table=table).level.sensitive


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
