"""A stream decided without running anything: a line out for each line in, and nothing of a job's text in it."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.loader import policy_from
from router.preview import lines_of, preview
from router.prompts import Prompt, Turn
from tidegate.documents import Document
from tidegate.job import Job
from tidegate.signals import Band, Complexity, Finding, Level, Sensitivity, Signals

POLICY = policy_from(
    Document(
        "<test>",
        {
            "version": 1,
            "lanes": {
                "near": {"zone": "inside", "backend": "llama_cpp", "model": "t", "context_tokens": 1000},
                "far": {"zone": "outside", "backend": "openai", "model": "gpt-4o-mini", "context_tokens": 8000},
            },
            "rules": [{"name": "out", "send": ["far", "near"], "why": "w"}],
            "default": {"send": "near", "why": "w"},
        },
    ),
    name="test",
)
PROMPTS = {"greet": Prompt(messages=(Turn(role="user", content="Hello ${name}"),))}
MAX_BYTES = 1000


def inspect(job: Job) -> Signals:
    """A stand-in for the detectors: an `@` is an e-mail address."""
    text = "\n".join(turn.text for turn in job.turns())
    found = (Finding(type="EMAIL_ADDRESS", score=0.9, detector="fake"),) if "@" in text else ()
    return Signals(
        sensitivity=Sensitivity(level=Level.PERSONAL if found else Level.PUBLIC, findings=found),
        complexity=Complexity(band=Band.SIMPLE),
        tokens=len(text) // 4,
        max_tokens=job.params.max_tokens,
    )


def answers(*lines: bytes, look: Callable[[Job], Signals] = inspect) -> list[dict[str, Any]]:
    """The lines that come out, parsed."""
    stream = lines_of(io.BytesIO(b"".join(lines)), max_bytes=MAX_BYTES)
    out = preview(stream, policy=POLICY, inspect=look, prompts=PROMPTS, max_bytes=MAX_BYTES)
    return [json.loads(line) for line in out]


def test_a_line_says_all_that_was_decided() -> None:
    """The whole line of a sensitive job that a rule would have sent outside."""
    (answer,) = answers(b'{"text": "ann@example.org", "spans": [[0, 15]], "label": "personal"}\n')
    assert answer == {
        "sensitive": True,
        "sensitivity": "personal",
        "because": None,
        "findings": [{"type": "EMAIL_ADDRESS", "score": 0.9, "detector": "fake"}],
        "complexity": "simple",
        "tokens": 3,
        "zone": "inside",
        "lanes": ["near"],
        "redacted": None,
        "rule": "out",
        "policy": POLICY.version,
        "cause": "guarantee nothing-sensitive-outside took far",
    }


def test_jobs_of_every_shape_are_decided_in_order() -> None:
    """Texts, messages and prompts; the last line may lack its end."""
    found = answers(
        b'{"text": "hello"}\n',
        b'{"messages": [{"role": "user", "content": "a@b"}], "params": {"max_tokens": 9}}\n',
        b'{"prompt": {"name": "greet", "variables": {"name": "c@d"}}}\n',
        b'{"text": "bye"}',
    )
    assert [(line["zone"], line["lanes"]) for line in found] == [
        ("outside", ["far", "near"]),
        ("inside", ["near"]),
        ("inside", ["near"]),
        ("outside", ["far", "near"]),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"Ann Lee\n", "(the whole): expected JSON: Expecting value at character 1"),
        (b"\n", "(the whole): expected JSON: Expecting value at character 1"),
        (b'["Ann Lee"]\n', "(the whole): expected a JSON object"),
        (b'{"text": "Ann Lee \xff"}\n', "(the whole): expected UTF-8"),
        (b'{"text": "' + b"Ann Lee " * 200 + b'"}\n', "(the whole): longer than 1000 bytes"),
        (b"{}\n", "(the whole): give exactly one of messages, text, prompt"),
        (
            b'{"text": "Ann Lee", "messages": []}\n',
            "(the whole): give exactly one of messages, text, prompt",
        ),
        (b'{"text": 3}\n', "text: Input should be a valid string"),
        (b'{"text": "Ann Lee", "tenant": "Ann Lee"}\n', "tenant: String should match pattern"),
        (b'{"text": "x", "hints": {"Ann Lee": 1}}\n', "hints.(…): Extra inputs are not permitted"),
        (b'{"prompt": {"name": "greet", "variables": {}}}\n', "prompt.variables.name: is missing"),
        (b'{"text": "Ann Lee \\ud800"}\n', "(the whole): Invalid JSON"),
        (b'{"text": ' + b"[" * 900 + b"\n", "(the whole): "),
        (b'{"text": "Ann Lee", "v": ' + b"9" * 900 + b"}\n", "v: "),
    ],
)
def test_a_malformed_line_is_told_without_its_text_and_counts_as_sensitive(line: bytes, said: str) -> None:
    """Field and expectation, inside, and the stream goes on."""
    first, second = answers(line, b'{"text": "hello"}\n')
    assert said in first["error"]
    assert "Ann" not in json.dumps(first)
    assert (first["sensitive"], first["sensitivity"], first["zone"], first["lanes"]) == (
        True,
        "unknown",
        "inside",
        ["near"],
    )
    assert second["zone"] == "outside"


def test_a_detector_that_fails_means_inside() -> None:
    """Only the class of its error is told: its message may quote the text."""

    def explode(_: Job) -> Signals:
        raise ZeroDivisionError("Ann Lee")

    (answer,) = answers(b'{"text": "hello"}\n', look=explode)
    assert answer["cause"] == "inspection failed: ZeroDivisionError"
    assert (answer["sensitive"], answer["zone"], answer["lanes"]) == (True, "inside", ["near"])
    assert "Ann" not in json.dumps(answer)


def test_each_line_is_answered_before_the_next_is_read() -> None:
    """Both ends of a pipe may wait for each other."""
    given_lines = iter([b'{"text": "a"}\n', b'{"text": "b"}\n'])
    out = preview(given_lines, policy=POLICY, inspect=inspect, max_bytes=MAX_BYTES)
    next(out)
    assert next(given_lines) == b'{"text": "b"}\n'


@given(st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b""))))
def test_there_is_a_line_out_for_each_line_in(lines: list[bytes]) -> None:
    """Whatever comes, nothing is lost, nothing is raised, and what cannot be read stays inside."""
    found = answers(*(line + b"\n" for line in lines))
    assert len(found) == len(lines)
    assert all(line["zone"] == "inside" for line in found if "error" in line)


def test_a_line_that_is_too_long_is_not_kept_in_memory() -> None:
    """It is read in pieces, and the next line is found again."""
    found = list(lines_of(io.BytesIO(b"x" * 5000 + b"\nshort\n" + b"y" * 1000 + b"\n"), max_bytes=1000))
    assert [len(line) for line in found] == [1001, 6, 1001]
    assert answers(b"z" * 4004 + b"\n", b'{"text": "hello"}\n')[1]["zone"] == "outside"
