"""Complexity: a band needs evidence, and simple needs evidence of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signals.complexity import SIMPLE, measure
from tidegate.job import Message, Params
from tidegate.signals import Band, Complexity


def of(text: str, **params: object) -> Complexity:
    """The complexity of one user's message."""
    return measure((Message(role="user", content=text),), Params.model_validate(params))


@pytest.mark.parametrize(
    "text",
    [
        "Classify this ticket as billing, bug or question: my invoice is wrong",
        "Translate to French: good morning",
        "Upper-case this: hello",
        "Is this review positive or negative? 'great phone'",
        "Please extract the invoice number from: Invoice 123",
        "Answer yes or no: is the sky blue?",
        "Summarize the following text in one sentence: it rained.",
    ],
)
def test_small_tasks_are_simple(text: str) -> None:
    """Labels, extracts, translations and closed answers are what small models do well."""
    assert of(text).band is Band.SIMPLE


@pytest.mark.parametrize(
    "text",
    [
        "Prove that the square root of 2 is irrational, step by step.",
        "Refactor this class and implement unit tests for it",
        "Design a rate limiter and compare the trade-offs. It must be thread safe and must not use Redis.",
        "Write a function that parses an algorithm's output. It must be fast, should never fail, without recursion.",
    ],
)
def test_demanding_tasks_are_complex(text: str) -> None:
    """Proofs, designs, comparisons and code with constraints are what small models fail at."""
    assert of(text).band is Band.COMPLEX


@pytest.mark.parametrize("text", ["hello", "What is the capital of France?", "Tell me a joke", "?", ""])
def test_nothing_told_is_unknown(text: str) -> None:
    """Short and plain is not simple: hard questions are short and plain, too."""
    complexity = of(text)
    assert (complexity.band, complexity.score) == (Band.UNKNOWN, None)


def test_a_hard_task_in_simple_words_is_not_simple() -> None:
    """Evidence of both kinds is weighed."""
    assert (
        of("Classify these proofs, compare the strategies step by step, and derive the integral.").band
        is not Band.SIMPLE
    )


def test_length_schema_and_turns_are_told() -> None:
    """The form of a job is evidence beside its words."""
    form = {"type": "json_schema", "json_schema": {"schema": {"properties": {"a": {"items": {"type": "string"}}}}}}
    evidence = of("Extract: " + "x " * 2_000, response_format=form).evidence
    assert evidence["schema_depth"] == 0.5
    assert 0 < evidence["length"] < 1
    turns = tuple(Message(role="user", content="Translate: no") for _ in range(5))
    assert measure(turns, Params()).evidence["turns"] == 0.5


@given(st.text(max_size=400))
def test_simple_always_has_its_evidence(text: str) -> None:
    """No text is simple for lack of evidence, no score leaves its bounds, and no text breaks the measure."""
    complexity = of(text)
    assert complexity.band is not Band.SIMPLE or set(complexity.evidence) & set(SIMPLE)
    assert (complexity.score is None) == (complexity.band is Band.UNKNOWN)
