"""A policy file into a policy: every mistake is placed, and the version follows the content."""

import functools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.policy.loader import load_policy, policy_from
from tidegate.documents import Document, read
from tidegate.errors import InvalidDocument
from tidegate.lanes import read_lanes
from tidegate.settings import Settings

LANES = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8000}
"""
ALL_INSIDE = "  - {name: inside, why: w, send: near, when: {sensitivity: {at_least: personal}}}"
ALL_OUTSIDE = "  - {name: outside, why: w, send: far}"
A_BAND = "should be 'simple', 'moderate', 'complex' or 'unknown'"
PLACED = re.compile(r"f:\d+:\d+: .+")
_WORDS = ["send", "when", "any", "not", "lane", "wait_s", "over", "name", "to", "overflow", "zone", "default"]
DEFAULT = "default: {send: near, why: stays}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A policy file to write to."""
    return tmp_path / "clinic.yaml"


def problems_of(file: Path, text: str) -> list[str]:
    """What is wrong with a policy, without the file's name."""
    file.write_text(text)
    with pytest.raises(InvalidDocument) as caught:
        load_policy(file)
    return [problem.removeprefix(f"{file}:") for problem in caught.value.problems]


def rule(body: str) -> str:
    """A policy with one rule, on line 7 from column 5."""
    return LANES + DEFAULT + f"rules:\n  - {{name: r, why: w, {body}}}\n"


def test_a_policy_is_named_by_its_file_unless_it_names_itself(file: Path) -> None:
    """The name and the hash stand on every decision."""
    file.write_text(LANES + DEFAULT)
    assert load_policy(file).version.startswith("clinic@")
    file.write_text(LANES + DEFAULT + "name: ours\n")
    assert load_policy(file).version.startswith("ours@")


def test_the_version_follows_what_is_said_not_how(file: Path) -> None:
    """Comments, layout and the order of keys change nothing; a word of a reason does."""
    versions = []
    for text in (LANES + DEFAULT, "# hello\n" + DEFAULT + LANES, LANES + DEFAULT.replace("stays", "stays here")):
        file.write_text(text)
        versions.append(load_policy(file).version)
    assert versions[0] == versions[1] != versions[2]
    assert len(versions[0].split("@")[1]) == 12


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("send: neer", "rules[0].send: no such lane; did you mean 'near'?"),
        ("send: [near, zzz]", "rules[0].send[1]: no such lane; expected one of: far, near"),
        ("send: []", "rules[0].send: needs at least 1"),
        ("send: near, sent: far", "rules[0].sent: unknown field; did you mean 'send'?"),
        ("send: near, when: {tokens: {ovr: 5}}", "rules[0].when.tokens.ovr: unknown field; did you mean 'over'?"),
        ("send: near, when: {tokens: 5}", "rules[0].when.tokens: should be an object"),
        ("send: near, when: {tokens: {over: five}}", "rules[0].when.tokens.over: should be a valid integer"),
        (
            "send: near, when: {tokens: {}}",
            "rules[0].when.tokens: give at least one of over, at_least, under, at_most",
        ),
        ("send: near, when: {tokens: {over: 5, under: 5}}", "rules[0].when.tokens: no number can keep both limits"),
        (
            "send: near, when: {tokens: {over: 5, at_least: 5}}",
            "rules[0].when.tokens: give one lower and one upper limit at most",
        ),
        (
            "send: near, when: {sensitivity: privat}",
            "rules[0].when.sensitivity: should be 'public', 'internal', 'personal', 'restricted' or 'unknown'",
        ),
        (
            "send: near, when: {sensitivity: {at_lest: personal}}",
            "rules[0].when.sensitivity.at_lest: unknown field; did you mean 'at_least'?",
        ),
        (
            "send: near, when: {sensitivity: {at_least: personal, at_most: public}}",
            "rules[0].when.sensitivity: no level can keep both limits",
        ),
        (
            "send: near, when: {complexity: [simple, compex]}",
            f"rules[0].when.complexity[1]: {A_BAND}; did you mean 'complex'?",
        ),
        (
            "send: near, when: {any: [{not: {tenent: x}}]}",
            "rules[0].when.any[0].not.tenent: unknown field; did you mean 'tenant'?",
        ),
        ("send: near, when: {wait_s: {over: 5}}", "rules[0].when.wait_s.lane: is missing"),
        (
            "send: near, when: {wait_s: {lane: nea, over: 5}}",
            "rules[0].when.wait_s.lane: no such lane; did you mean 'near'?",
        ),
        (
            "send: near, overflow: {to: fare, when: {wait_s: {over: 5}}}",
            "rules[0].overflow.to: no such lane; did you mean 'far'?",
        ),
        ("send: near, overflow: {to: far}", "rules[0].overflow.when: is missing"),
        (
            "send: near, overflow: {to: far, when: {wait_s: {over: 5}}, until: 3}",
            "rules[0].overflow.until: should be an object",
        ),
    ],
)
def test_a_wrong_rule_is_told(file: Path, body: str, said: str) -> None:
    """Each mistake names its field, and what was expected or meant."""
    found = problems_of(file, rule(body))
    assert [problem.split(": ", 1)[1] for problem in found] == [said]
    assert found[0].startswith("7:")


def test_all_mistakes_of_a_file_are_told_together(file: Path) -> None:
    """A missing lane is told beside a misspelt field: nobody mends a file error by error."""
    found = problems_of(
        file,
        LANES.replace("model: gpt-4o-mini", "modle: gpt-4o-mini").replace("1024", "many")
        + "default: {send: far, why: w}\n"
        "rules:\n  - {name: default, why: w, send: neer}\n  - {name: a, why: w, send: far}\n"
        "  - {name: a, why: w, send: far}\nguarantees: [nothing-sensitive-outsid]\nnonsense: 1\n",
    )
    assert [problem.split(": ")[1] for problem in found] == [
        "lanes.near.context_tokens",
        "lanes.far.model",
        "lanes.far.modle",
        "default.send",
        "rules[0].name",
        "rules[0].send",
        "rules[2].name",
        "guarantees[0]",
        "nonsense",
    ]


def test_a_default_must_have_a_place_inside(file: Path) -> None:
    """Where nothing can be judged there must be somewhere to go."""
    assert problems_of(file, LANES + "default: {send: [far], why: w}\n") == [
        "5:17: default.send: at least one of the default's lanes must be inside"
    ]
    file.write_text(LANES + "default: {send: [far, near], why: w}\n")
    assert load_policy(file).shelter == ("near",)


def test_a_lanes_name_is_the_key_above_it(file: Path) -> None:
    """A second name inside a lane could only contradict, for routers and workers alike."""
    text = LANES.replace("{zone: inside", "{name: other, zone: inside") + DEFAULT
    assert problems_of(file, text) == ["3:10: lanes.near.name: unknown field; the lane's name is the key above it"]
    with pytest.raises(InvalidDocument, match=r"lanes\.near\.name"):
        read_lanes(file)


def test_workers_read_lanes_without_the_rules(file: Path) -> None:
    """A worker does not care for rules, not even broken ones; it does for lanes."""
    file.write_text(LANES + "rules: nonsense\n")
    assert {name: lane.name for name, lane in read_lanes(file).items()} == {"near": "near", "far": "far"}
    file.write_text(LANES.replace("model: gpt-4o-mini", "modle: gpt-4o-mini"))
    with pytest.raises(InvalidDocument) as caught:
        read_lanes(file)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("rules", "levels"),
    [
        ("  - {name: a, why: w, send: far}", "personal, restricted, unknown"),
        ("  - {name: a, why: w, send: [far, near]}", None),
        ("  - {name: a, why: w, send: far, when: {sensitivity: public}}", None),
        ("  - {name: a, why: w, send: far, when: {sensitivity: [public, unknown]}}", "unknown"),
        (ALL_INSIDE + "\n" + ALL_OUTSIDE, None),
        (
            ALL_INSIDE.replace("personal}", "personal}, tokens: {under: 9}") + "\n" + ALL_OUTSIDE,
            "personal, restricted, unknown",
        ),
    ],
)
def test_a_rule_that_sends_sensitive_jobs_outside_only_is_warned_of(file: Path, rules: str, levels: str | None) -> None:
    """It is allowed, since the guarantee holds; but its author may not have meant it."""
    file.write_text(f"{LANES}{DEFAULT}rules:\n{rules}\n")
    warnings = load_policy(file).warnings
    assert len(warnings) == (levels is not None)
    assert levels is None or f"{levels} jobs can reach it" in warnings[0]


def test_an_empty_when_holds_always(file: Path) -> None:
    """Missing, empty and blank mean the same."""
    for when in ("", "when: {}, ", "when: , "):
        file.write_text(rule(f"{when}send: near"))
        assert load_policy(file).rules[0].conditions == ()


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_file_raises_anything_else(data: st.DataObject) -> None:
    """The shipped policy with junk anywhere in it is a policy, or all that is wrong with it."""
    document = read(Settings().policy_file)
    path = data.draw(st.sampled_from(sorted(document.places, key=str)))
    tree = json.loads(json.dumps(document.tree))
    parent = functools.reduce(lambda part, step: part[step], path[:-1], tree)
    parent[path[-1]] = data.draw(_JUNK)
    try:
        policy_from(Document("f", tree, document.places), name="f")
    except InvalidDocument as exc:
        assert all(PLACED.fullmatch(problem) for problem in exc.problems)  # noqa: PT017 -- it may also be sound
