"""What analysis makes of `sensitivity:`: what a change loosens, and one meaning for proof and engine of any table."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from policies_and_jobs import policy
from sensitivity_said import write
from typer.testing import CliRunner

from router import cli
from router.policy.analysis.formula import verdict
from router.policy.analysis.harmless import ANOTHER, ASKED
from router.policy.analysis.reading import read
from router.policy.bans import bans
from router.policy.engine import decide
from router.policy.harmless import narrowed
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.sensitivity.differences import differences
from router.signals.sensitivity.levels import judge
from tidegate.signals import Band, Complexity, Finding, Level, Sensitivity, Signals


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
    shown = CliRunner().invoke(cli.app, ["policy", "diff", str(old), str(new)])
    assert (shown.exit_code, "sensitivity: PERSON: personal -> internal   jobs may newly go out" in shown.stdout) == (
        1,
        True,
    )
    back = CliRunner().invoke(cli.app, ["policy", "diff", str(new), str(old), "--json"])
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
