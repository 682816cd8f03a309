"""What no operator should get away with: each is an error with a place, never a traceback, never half a policy."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.policy.loader import load_policy, policy_from
from tidegate.documents import parse
from tidegate.errors import InvalidDocument
from tidegate.settings import Settings

SOUND = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8000}
rules:
  - name: r
    when: {tokens: {over: 5}}
    send: near
    why: w
default: {send: near, why: stays}
"""
SHIPPED = sorted((Settings().home / "policies").glob("*.yaml"))


def told(tmp_path: Path, content: bytes) -> list[str]:
    """What is wrong with a file, without its name."""
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidDocument) as caught:
        load_policy(path)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_the_sound_one_holds(tmp_path: Path) -> None:
    """So that what follows fails for its own reason."""
    (tmp_path / "p.yaml").write_text(SOUND)
    assert load_policy(tmp_path / "p.yaml").warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    why: w", "    why: w\n    send: far", "10:5: rules[0].send: given twice; the first is on line 8"),
        ("    send: near", "\tsend: near", "8:1: found character '\\t' that cannot start any token"),
        (
            "send: near\n    why",
            "send: &x near\n    why",
            "8:11: rules[0].send: anchors and aliases are not read here: write it out",
        ),
        (
            "send: near\n    why",
            "send: !!python/name:os.system near\n    why",
            "8:11: rules[0].send: tags such as !this are not read here",
        ),
        ("send: near\n    why", "send: no\n    why", "8:11: rules[0].send: no such lane; expected one of: far, near"),
        ("zone: inside", "zone: no", "3:16: lanes.near.zone: should be 'inside' or 'outside'"),
        (
            "over: 5",
            "over: 5k",
            "7:27: rules[0].when.tokens.over: should be a valid integer without a unit: write 5 if 'k' is what the field counts in",  # noqa: E501 -- one message
        ),
        (
            "{tokens: {over: 5}}",
            "{wait_s: {lane: near, over: 20s}}",
            "7:39: rules[0].when.wait_s.over: should be a valid number without a unit: write 20 if 's' is what the field counts in",  # noqa: E501 -- one message
        ),
        (
            "{tokens: {over: 5}}",
            "{budget_left_usd: {lane: far, under: 5$}}",
            "7:48: rules[0].when.budget_left_usd.under: should be a valid number without a unit: write 5 if '$' is what the field counts in",  # noqa: E501 -- one message
        ),
        (
            "{tokens: {over: 5}}",
            "{wait_ms: {lane: near, over: 20}}",
            "7:12: rules[0].when.wait_ms: unknown field; did you mean 'wait_s'?",
        ),
        (
            "{tokens: {over: 5}}",
            "{time: {from: 6am}}",
            '7:25: rules[0].when.time.from: should be a time of day in UTC with two digits each, such as "06:00"',
        ),
        (
            "{tokens: {over: 5}}",
            "{time: {from: '24:00'}}",
            '7:25: rules[0].when.time.from: should be a time of day in UTC with two digits each, such as "06:00"',
        ),
        (
            "{tokens: {over: 5}}",
            "{time: {days: [monday]}}",
            "7:26: rules[0].when.time.days[0]: should be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'; did you mean 'mon'?",  # noqa: E501 -- one message
        ),
        ("{tokens: {over: 5}}", "{time: {}}", "7:12: rules[0].when.time: give at least one of from, to, days"),
        (
            "{tokens: {over: 5}}",
            "{health: {lane: near, is: sick}}",
            "7:37: rules[0].when.health.is: should be 'up' or 'down'",
        ),
        (
            "{tokens: {over: 5}}",
            "{health: {lane: nea, is: up}}",
            "7:27: rules[0].when.health.lane: no such lane; did you mean 'near'?",
        ),
        (
            "{tokens: {over: 5}}",
            "{budget_left_usd: {over: 5}}",
            "7:12: rules[0].when.budget_left_usd: give lane or tenant, whose budget it is",
        ),
        (
            "{tokens: {over: 5}}",
            "{any: [{all: [{not: {tokens: {ovr: 5}}}]}]}",
            "7:41: rules[0].when.any[0].all[0].not.tokens.ovr: unknown field; did you mean 'over'?",
        ),
        (
            "    why: w",
            "    why: w\n    split: {near: 9, fra: 1}",
            "10:22: rules[0].split.fra: no such lane; did you mean 'far'?",
        ),
        ("    why: w", "    why: w\n    split: {near: 0}", "10:19: rules[0].split.near: should be greater than 0"),
        ("    why: w", "    why: w\n    split: {}", "10:5: rules[0].split: needs at least 1"),
        ("    why: w", "    why: w\n    shadow: fra", "10:13: rules[0].shadow: no such lane; did you mean 'far'?"),
        (
            "    why: w",
            "    why: w\n    refuse: {when: {wait: {over: 1}}}",
            "10:21: rules[0].refuse.when.wait: unknown field; did you mean 'wait_s'?",
        ),
        (
            "model: gpt-4o-mini",
            'model: "${MODEL}"',
            "4:48: lanes.far.model: ${…} stands only for the name of a key, in a lane's key_env",
        ),
        (
            "default:",
            "guarantees: [{name: g, never: {lanes: fra}}]\ndefault:",
            "10:39: guarantees[0].never.lanes: no such lane; did you mean 'far'?",
        ),
        (
            "default:",
            "guarantees: [{name: g, never: {zone: inside}}]\ndefault:",
            "10:38: guarantees[0].never.zone: should be 'outside'; did you mean 'outside'?",
        ),
        (
            "default:",
            "guarantees: [{name: g, never: {}}]\ndefault:",
            "10:24: guarantees[0].never: give one of zone: outside, lanes, regions",
        ),
        (
            "default:",
            "guarantees: [{name: g}]\ndefault:",
            "10:14: guarantees[0]: give one of never, only, answers",
        ),
        (
            "default:",
            "guarantees: [{name: g, only: {regions: [eu]}, never: {zone: outside}}]\ndefault:",
            "10:14: guarantees[0]: give one of never, only, answers",
        ),
        (
            "default:",
            "guarantees: [{name: g, only: {lanes: far}}]\ndefault:",
            "10:31: guarantees[0].only.lanes: unknown field; expected one of: regions",
        ),
        (
            "default:",
            "guarantees: [{name: g, only: {regions: []}}]\ndefault:",
            "10:31: guarantees[0].only.regions: needs at least 1",
        ),
        (
            "default:",
            "guarantees: [{name: g, answers: {at_most: unknown}}]\ndefault:",
            "10:43: guarantees[0].answers.at_most: should be 'public', 'internal', 'personal' or 'restricted'",
        ),
        (
            "default:",
            "guarantees: [{name: g, answers: {at_least: internal}}]\ndefault:",
            "10:34: guarantees[0].answers.at_least: unknown field; did you mean 'at_most'?",
        ),
        ("default:", "guarantees: [nothing]\ndefault:", "10:14: guarantees[0]: should be 'nothing-sensitive-outside'"),
        (
            "default:",
            "allow_outside: [url]\ndefault:",
            "10:17: allow_outside[0]: String should match pattern '^[A-Z][A-Z0-9_]*$'",
        ),
        (
            "default:",
            "tests: [{name: t, expect: {}}]\ndefault:",
            (
                "10:19: tests[0].expect: give at least one of lane, lanes, rule, zone, shadow, redacted, regions, "
                "answers_at_most"
            ),
        ),
        (
            "default:",
            "tests: [{name: t, given: {tokns: 1}, expect: {rule: r}}]\ndefault:",
            "10:27: tests[0].given.tokns: unknown field; did you mean 'tokens'?",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Line and column of the field or of its value, and what was expected."""
    assert SOUND.replace(old, new, 1) != SOUND
    assert said in told(tmp_path, SOUND.replace(old, new, 1).encode())


def test_a_file_of_five_megabytes_is_not_parsed(tmp_path: Path) -> None:
    """A million bytes are read at most."""
    content = SOUND.encode() + b"#" * 5_000_000
    assert told(tmp_path, content) == [f"1:1: {len(content)} bytes; at most 1000000 are read"]


@pytest.mark.parametrize("depth", [40, 400, 4000, 50_000])
def test_deep_nesting_ends(tmp_path: Path, depth: int) -> None:
    """With a place, however deep it is, in brackets or in conditions."""
    lists = SOUND.replace("{over: 5}", "[" * depth + "]" * depth)
    nots = SOUND.replace("{tokens: {over: 5}}", "{not: " * depth + "{}" + "}" * depth)
    for text in (lists, nots):
        found = [problem for problem in told(tmp_path, text.encode()) if "nested deeper than 32" in problem]
        assert found[0].startswith("7:")


@pytest.mark.parametrize("broken", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80"])
def test_bytes_that_are_no_text_are_placed(tmp_path: Path, broken: bytes) -> None:
    """At the first of them."""
    assert told(tmp_path, SOUND.encode() + b"name: " + broken + b"\n") == ["11:7: not UTF-8"]


def test_a_secrets_name_may_be_written_as_people_write_it(tmp_path: Path) -> None:
    """`${NAME}` in key_env is the name, and nothing is read from the environment."""
    (tmp_path / "p.yaml").write_text(SOUND.replace("model: gpt-4o-mini", 'model: gpt-4.1, key_env: "${BIG_KEY}"'))
    assert load_policy(tmp_path / "p.yaml").lanes["far"].key_env == "BIG_KEY"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SHIPPED), st.data())
def test_no_damage_to_a_shipped_file_ends_in_a_traceback(path: Path, data: st.DataObject) -> None:
    """Cut out, doubled or overwritten anywhere: a policy, or errors with places."""
    text = path.read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    junk = data.draw(
        st.text(max_size=8) | st.sampled_from(["\t", "{", "[", "&a ", "*a", "\n", ": ", "- ", "|\n", "no"])
    )
    try:
        policy_from(parse(text[:start] + junk + text[end:], name="f"), name="f")
    except InvalidDocument as exc:
        assert all(problem.startswith("f:") for problem in exc.problems)  # noqa: PT017 -- it may also be sound
