"""Mending an answer that breaks its form: once, with what was wrong, in the run's own time, and paid for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from doubles import answer, lane

from tidegate.errors import BadRequest, ContentRefused, MalformedAnswer, RateLimited, RunError, SchemaInvalid
from tidegate.job import FunctionCall, JsonSchema, Message, Params, ResponseFormat, ToolCall
from tidegate.lane import Lane, Zone
from tidegate.result import Answer, Usage
from workers.backend import Run
from workers.managed.repairing import Repairing, without_asking
from workers.settling import failed

API = lane("api", zone=Zone.OUTSIDE)
SCHEMA = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}
FORM = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=SCHEMA))
GOOD, BAD = '{"price": 2}', '{"price": "two"}'
TOOLS = {"tools": [{"type": "function", "function": {"name": "pay", "parameters": SCHEMA}}], "tool_choice": "required"}


def run(**params: Any) -> Run:
    """A run that promises JSON, unless said otherwise."""
    asked = Params.model_validate(params or {"response_format": FORM})
    messages = (Message(role="user", content="What is the price?"),)
    return Run(job_id="job", attempt=1, messages=messages, params=asked, timeout_s=60.0)


@dataclass
class Provider:
    """Says one thing after the other, and remembers what it was asked."""

    says: list[Answer | RunError]
    takes_s: float = 1.0
    asked: list[Run] = field(default_factory=list)
    now: float = 0.0

    def __call__(self, run: Run) -> Answer:
        """The next thing."""
        self.asked.append(run)
        self.now += self.takes_s
        said = self.says[len(self.asked) - 1]
        if isinstance(said, RunError):
            raise said
        return said

    def answered(self, run: Run, *, on: Lane = API, told: bool = False) -> Answer:
        """By way of the repairing."""
        return Repairing(lane=on, ask=self, clock=lambda: self.now).answered(run, told=told)


def calling(arguments: str) -> Answer:
    """An answer that calls the tool."""
    call = ToolCall(id="c1", function=FunctionCall(name="pay", arguments=arguments))
    return answer("", tool_calls=(call,), finish_reason="tool_calls")


def test_a_good_answer_is_left_alone() -> None:
    """One call, and nothing is said of a repair."""
    provider = Provider([answer(GOOD)])
    assert provider.answered(run()).repaired is None
    assert len(provider.asked) == 1


def test_words_around_json_cost_no_call() -> None:
    """They are taken away, and the result says so."""
    provider = Provider([answer(f"Here:\n```json\n{GOOD}\n```")])
    found = provider.answered(run())
    assert (found.text, found.repaired, len(provider.asked)) == (GOOD, "unwrapped", 1)


def test_a_broken_answer_is_asked_for_once_more() -> None:
    """With the job's messages, the answer and where it is broken; both calls are counted."""
    provider = Provider([answer(BAD), answer(f"Sorry: {GOOD}")])
    found = provider.answered(run())
    assert (found.text, found.repaired) == (GOOD, "asked_again")
    assert found.usage == Usage(prompt_tokens=18, completion_tokens=6)
    first, second = provider.asked
    assert second.job_id == "job-repair", "a provider that answers one name once must not answer from its memory"
    assert second.timeout_s == first.timeout_s - 1.0
    assert second.messages[:1] == first.messages
    assert [turn.role for turn in second.messages[1:]] == ["assistant", "user"]
    assert second.messages[1].text == BAD
    assert second.messages[2].text == (
        'That breaks the promised JSON schema at $.price: type ("number"). '
        "Answer again with all of it, corrected, and with nothing around it."
    )


def test_a_broken_call_is_told_to_the_model_as_tools_tell_it() -> None:
    """In a turn of the tool's, under the call's own id."""
    provider = Provider([calling(BAD), calling(GOOD)])
    found = provider.answered(run(**TOOLS))
    assert (found.tool_calls[0].function.arguments, found.repaired) == (GOOD, "asked_again")
    said, told = provider.asked[1].messages[1:]
    assert (said.role, said.tool_calls) == ("assistant", calling(BAD).tool_calls)
    assert (told.role, told.tool_call_id) == ("tool", "c1")
    assert "a call's arguments break the tool's schema: type" in told.text


@pytest.mark.parametrize(
    "second",
    [answer(BAD), answer("not at all"), RateLimited(), ContentRefused("no"), MalformedAnswer("x"), answer("")],
    ids=["broken again", "no JSON", "limited", "refused", "malformed", "empty"],
)
def test_there_is_one_attempt(second: Answer | RunError) -> None:
    """Whatever becomes of it, the run ends as it would have without."""
    provider = Provider([answer(BAD), second])
    with pytest.raises(SchemaInvalid) as raised:
        provider.answered(run())
    assert len(provider.asked) == 2
    assert raised.value.tokens == (24 if isinstance(second, Answer) and second.text else 12)
    assert "two" not in str(raised.value)
    assert raised.value.__cause__ is None


NOT_ASKED: dict[str, tuple[Answer, Lane, float]] = {
    "the lane forbids it": (answer(BAD), lane("api", zone=Zone.OUTSIDE, repair=False), 1.0),
    "it was cut by max_tokens": (answer('{"price":', finish_reason="length"), API, 1.0),
    "no time is left": (answer(BAD), API, 59.5),
}


@pytest.mark.parametrize(("said", "on", "takes_s"), NOT_ASKED.values(), ids=NOT_ASKED.keys())
def test_nobody_is_asked_in_vain(said: Answer, on: Lane, takes_s: float) -> None:
    """Where the second call could not help, or may not be made."""
    provider = Provider([said], takes_s=takes_s)
    with pytest.raises(SchemaInvalid):
        provider.answered(run(), on=on)
    assert len(provider.asked) == 1


def test_what_was_handed_on_is_not_changed_behind_its_reader() -> None:
    """A text that somebody watched stays as it came, or is no answer."""
    with pytest.raises(SchemaInvalid):
        Provider([answer(f"Here: {GOOD}")]).answered(run(), told=True)
    assert Provider([answer(GOOD)]).answered(run(), told=True).text == GOOD


@pytest.mark.parametrize(
    "params",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"pattern": "(?=a)a"}}}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"pattern": r"(a)\1"}}}]},
    ],
    ids=["form", "tool"],
)
def test_nobody_is_paid_for_what_cannot_be_checked(params: dict[str, Any]) -> None:
    """The job ends before anything is sent."""
    provider = Provider([answer(GOOD)])
    with pytest.raises(BadRequest, match="bounded time"):
        provider.answered(run(**params))
    assert not provider.asked


def test_a_schema_that_turns_out_to_be_none_is_the_job_s_mistake() -> None:
    """No second call could help."""
    provider = Provider([answer(GOOD)])
    with pytest.raises(BadRequest):
        provider.answered(run(response_format={"type": "json_schema", "json_schema": {"schema": {"type": "oops"}}}))
    assert len(provider.asked) == 1


def test_tokens_that_nobody_counted_stay_unknown() -> None:
    """The sum of a number and of nothing known is not known."""
    provider = Provider([answer(BAD, usage=Usage()), answer(GOOD)])
    assert provider.answered(run()).usage == Usage()


def test_what_both_calls_took_is_settled() -> None:
    """Also where neither brought an answer."""
    with pytest.raises(SchemaInvalid) as raised:
        Provider([answer(BAD), answer(BAD)]).answered(run())
    settled = failed(raised.value, took_s=2.0, time_limit_s=60.0, lane_limit_s=60.0, heard=())
    assert (settled.tokens, settled.usd, settled.outcome) == (24, None, "job")


def test_a_batch_s_answers_are_held_to_the_same_without_a_call() -> None:
    """Unwrapped, refused or broken."""
    assert without_asking(answer(f"```\n{GOOD}\n```"), run(), API).text == GOOD
    cases: list[tuple[Answer, Callable[[], Run], type[RunError]]] = [
        (answer(BAD), run, SchemaInvalid),
        (answer("Output blocked by content filtering policy"), run, ContentRefused),
    ]
    for said, asked, error in cases:
        with pytest.raises(error):
            without_asking(said, asked(), API)


def test_json_that_is_promised_without_a_schema_is_an_object() -> None:
    """A list is asked for once more; the model is told in words."""
    provider = Provider([answer(json.dumps([1])), answer(GOOD)])
    assert provider.answered(run(response_format={"type": "json_object"})).repaired == "asked_again"
    assert "the answer is JSON, but no object" in provider.asked[1].messages[-1].text
