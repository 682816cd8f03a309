"""What is an answer: refusals and empty ones over all providers, size, and JSON that has words around it."""

import json
from typing import Any

import pytest
from doubles import answer, lane
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ContentRefused, MalformedAnswer, RunError
from tidegate.job import FunctionCall, Params, ToolCall
from tidegate.lane import Zone
from tidegate.result import Answer
from workers.backend import Run
from workers.managed.acceptable import passed, refuses
from workers.managed.unwrapping import unwrapped

API = lane("api", zone=Zone.OUTSIDE, max_answer_chars=100)
CALL = ToolCall(id="1", function=FunctionCall(name="f", arguments="{}"))


def run(**more: Any) -> Run:
    """A run that asks for whatever."""
    params = Params(**more.pop("params", {}))
    return Run(**{"job_id": "j", "attempt": 1, "messages": (), "params": params, "timeout_s": 1.0, **more})


ANSWERS: dict[str, tuple[Answer, Run, type[RunError] | None]] = {
    "an answer": (answer("positive"), run(), None),
    "a refusing finish": (answer("Well,", finish_reason="content_filter"), run(), ContentRefused),
    "Azure's notice": (
        answer(
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
            "Please modify your prompt and retry."
        ),
        run(),
        ContentRefused,
    ),
    "Bedrock's notice": (answer("Sorry, the model cannot answer this question."), run(), ContentRefused),
    "Bedrock's other": (
        answer("The generated text has been blocked by our content filters."),
        run(),
        ContentRefused,
    ),
    "Anthropic's notice": (answer(" Output blocked by content filtering policy\n"), run(), ContentRefused),
    "a filter's placeholder": (answer("[Content blocked by safety filter]"), run(), ContentRefused),
    "a notice that is quoted": (
        answer("It said: Sorry, the model cannot answer this question. What does that mean?"),
        run(),
        None,
    ),
    "a model's own words": (answer("I'm sorry, but I can't help with that."), run(), None),
    "a notice beside a call": (answer("Content blocked", tool_calls=(CALL,)), run(), None),
    "empty": (answer(""), run(), MalformedAnswer),
    "blanks": (answer(" \n\t "), run(), MalformedAnswer),
    "empty, with a call": (answer("", tool_calls=(CALL,), finish_reason="tool_calls"), run(), None),
    "empty, for want of tokens": (answer("", finish_reason="length"), run(), None),
    "empty, by the job's own stop": (answer(""), run(params={"stop": ["."]}), None),
    "vectors": (answer("", embeddings=[[0.0]]), run(input=("x",)), None),
    "as long as may be": (answer("x" * 100), run(), None),
    "too long": (answer("x" * 101), run(), MalformedAnswer),
    "too long a call": (
        answer("", tool_calls=(ToolCall(id="1", function=FunctionCall(name="f", arguments="x" * 100)),)),
        run(),
        MalformedAnswer,
    ),
}


@pytest.mark.parametrize(("said", "asked", "error"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_is_an_answer(said: Answer, asked: Run, error: type[RunError] | None) -> None:
    """The table, with not a word of the answer in what is raised."""
    if error is None:
        assert passed(said, asked, API) is said
        return
    with pytest.raises(error) as raised:
        passed(said, asked, API)
    assert said.text.strip() == "" or said.text.strip() not in str(raised.value)


@pytest.mark.parametrize(
    ("finish", "declines"),
    [
        ("content_filter", True),
        ("SAFETY", True),
        ("PROHIBITED_CONTENT", True),
        ("refusal", True),
        ("guardrail_intervened", True),
        ("stop", False),
        ("length", False),
        ("", False),
        (None, False),
    ],
)
def test_reasons_to_end(finish: str | None, *, declines: bool) -> None:
    """In whatever case a provider writes them."""
    assert refuses(finish) is declines


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ("```\n[1, 2]\n```", "[1, 2]"),
        ('Here you are:\n```JSON\r\n{"a": 1}\r\n```\nAnything else?', '{"a": 1}'),
        ('Sure! {"a": {"b": [1]}} That is it.', '{"a": {"b": [1]}}'),
        ('{"a": 1}\n\nI chose 1, since {x} is not given.', '{"a": 1}'),
        ('{"a": 1} or {"a": 2}', None),
        ('```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', None),
        ('{"a": 1', None),
        ("The answer is 7.", None),
        ('He said "yes".', None),
        ("", None),
        ("{" * 1000, None),
        ('{"a":' * 10_000, None),
        ("[" * 200_000, None),
    ],
)
def test_json_with_words_around_it(text: str, inner: str | None) -> None:
    """The one object or list, as it was written; nothing where it could be another."""
    assert unwrapped(text) == inner


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=3), st.sampled_from(["", "Well: ", "So\n\n"]))
def test_what_was_wrapped_comes_out_whole(value: dict[str, Any], before: str) -> None:
    """Whatever stands in it."""
    written = json.dumps(value)
    assert unwrapped(f"{before}```json\n{written}\n```") == written
    assert unwrapped(f"{before}{written} is what I found") == written


@given(st.text())
def test_any_text_ends_soon(text: str) -> None:
    """In JSON or in nothing."""
    found = unwrapped(text)
    assert found is None or json.loads(found) is not None
