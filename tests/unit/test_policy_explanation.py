"""A decision told to a person: every rule with what it wanted and saw, and no colour where none is wanted."""

import io

import pytest
from rich.console import Console

from router.explanation import render, written
from tidegate.decision import Check, Decision, RuleTrace
from tidegate.lane import Zone
from tidegate.signals import Band, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

DECISION = Decision(
    lanes=("near",),
    zone=Zone.INSIDE,
    rule="stays",
    why="Because.",
    policy="test@0123456789ab",
    cause="guarantee nothing-sensitive-outside took far",
    signals=Signals(
        sensitivity=Sensitivity(
            level=Level.UNKNOWN,
            cause="presidio: timeout",
            findings=(Finding(type="EMAIL_ADDRESS", score=0.5, detector="presidio"),),
        ),
        complexity=Complexity(band=Band.SIMPLE, score=0.25, evidence={"length": 0.1}),
        tokens=12,
        max_tokens=256,
        load={"near": LaneLoad(wait_s=31.42, queued=3, slots=1), "far": LaneLoad()},
    ),
    trace=(
        RuleTrace(
            rule="goes", matched=False, checks=(Check(signal="tenant", wanted="[red]acme", saw="default", held=False),)
        ),
        RuleTrace(rule="stays", matched=True),
    ),
)


def text_of(decision: Decision, *, colour: bool = False) -> str:
    """What a terminal would show."""
    out = io.StringIO()
    Console(file=out, width=100, force_terminal=colour, no_color=not colour).print(render(decision))
    return out.getvalue()


@pytest.mark.parametrize(
    "shown",
    [
        "near",
        "stays",
        "Because.",
        "guarantee nothing-sensitive-outside took far",
        "test@0123456789ab",
        "nothing may leave",
        "[red]acme",
        "presidio: timeout",
        "0.50 by presidio",
        "simple (0.25)",
        "about 31.4 s (queued 3, running 0, slots 1)",
        "nobody serves it (queued 0)",
        "always",
    ],
)
def test_everything_that_was_decided_on_is_shown(shown: str) -> None:
    """Verdict, rules, signals; brackets are shown, not read as markup."""
    assert shown in text_of(DECISION)


def test_each_rule_is_marked_in_order() -> None:
    """The rule that did not match comes first, with its cross; then the one that did."""
    lines = [line.split() for line in text_of(DECISION).splitlines() if "✗" in line or "✓" in line]
    assert [line[:2] for line in lines] == [["✗", "goes"], ["✓", "stays"]]


def test_a_decision_without_lanes_says_what_follows() -> None:
    """No lane means a dead letter."""
    assert "none: the job becomes a dead letter" in text_of(DECISION.model_copy(update={"lanes": ()}))


def test_colour_is_for_terminals() -> None:
    """Nothing but text goes into a pipe."""
    assert "\x1b" not in text_of(DECISION)
    assert "\x1b" in text_of(DECISION, colour=True)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("simple", "simple"),
        (["personal", "unknown"], "personal or unknown"),
        ([], "nothing"),
        ({"at_least": 5, "under": 20.0}, "at least 5, under 20"),
        ([{"tokens": {"over": 5}}, {"tenant": "x"}], "tokens over 5 or tenant x"),
        (None, "null"),
    ],
)
def test_values_are_told_as_people_write_them(value: object, said: str) -> None:
    """Conditions read like sentences, in the file and here."""
    assert written(value) == said  # type: ignore[arg-type]
