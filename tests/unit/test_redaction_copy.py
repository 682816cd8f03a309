"""The redacted copy of a job: what gives way, and what stays."""

import json
import re
from typing import Any

import pytest
from redacting import Eyes, redact, signals

from router.signals.sensitivity.levels import judge
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from router.signals.sensitivity.places import Places
from tidegate.job import FunctionCall, Job, JsonSchema, Message, Params, ResponseFormat, TextPart, ToolCall
from tidegate.redaction import restore
from tidegate.signals import Finding, Signals


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("To Anna Lopez <anna@example.org>", "To [PERSON_1] <[EMAIL_ADDRESS_1]>"),
        ("Anna Lopez, ANNA LOPEZ, anna  lopez, anna_lopez", "[PERSON_1], [PERSON_1], [PERSON_1], [PERSON_1]"),
        (
            "Anna Lopez and Bo Li; Anna is in, Li is out",
            "[PERSON_1] and [PERSON_2]; [PERSON_1A] is in, [PERSON_2A] is out",
        ),
        ("I am Anna. Anna Lopez.", "I am [PERSON_1A]. [PERSON_1]."),
        ("Will Smith will pay. Will you, Smith?", "[PERSON_1] will pay. [PERSON_1A] you, [PERSON_1B]?"),
        ("my card 4111 1111 1111 1111!", "my card [CREDIT_CARD_1]!"),
        ("4111111111111111 is 4111-1111-1111-1111", "[CREDIT_CARD_1] is [CREDIT_CARD_2]"),
        ("password=abcd! not abcd", "password=[PASSWORD_1] not [PASSWORD_1]"),
        ("Patient Anna Lopez has diabetes. Anna smiles", "Patient [PERSON_1] has [HEALTH_1]. [PERSON_1A] smiles"),
        ("aged 47, owes 47 EUR to Bo Li", "aged [AGE_1], owes 47 EUR to [PERSON_1]"),
        ("see https://example.org/a, Bo Li", "see https://example.org/a, [PERSON_1]"),
        ("[PERSON_1] or Person 2 is Bo Li", "[PERSON_1] or Person 2 is [PERSON_3]"),
        ("田中太郎さん", "[PERSON_1]さん"),
        ("nothing here", "nothing here"),
    ],
)
def test_what_was_found_gives_way(text: str, copy: str) -> None:
    """The same value to the same placeholder wherever it stands; what says nothing of anybody stays."""
    found = redact(text)
    assert found.job.text == copy
    restored = restore(copy, found.placeholders)
    assert re.findall(r"[^\W_]+", restored.text.casefold()) == re.findall(r"[^\W_]+", text.casefold())


def test_every_string_of_a_job_is_reached() -> None:
    """Parts, names, calls and their arguments, results, schemas and stops; arguments and schema stay what they are."""
    arguments = '{"who": "Anna Lopez", "card": 4111111111111111, "also": ["\\u0041nna Lopez"], "Bo Li": 1}'
    schema: dict[str, Any] = {"properties": {"Bo Li": {"enum": ["Bo Li", "078-05-1120"]}}, "required": ["Bo Li"]}
    job = Job(
        messages=(
            Message(role="system", content="You serve Anna Lopez."),
            Message(role="user", name="Anna", content=(TextPart(text="I am Anna"), TextPart(text="Bo Li"))),
            Message(
                role="assistant",
                tool_calls=(ToolCall(id="c1", function=FunctionCall(name="find_anna_lopez", arguments=arguments)),),
            ),
            Message(role="tool", tool_call_id="c1", content='{"mail": "anna@example.org"}'),
        ),
        params=Params(
            stop=("Bo Li",),
            response_format=ResponseFormat(type="json_schema", json_schema=JsonSchema(schema_=schema)),
        ),
        tenant="lopez",
        idempotency_key="anna",
        conversation_id="Anna Lopez",
    )
    found = redact(job)
    copy = found.job
    assert not re.search(r"anna|lopez|\bbo\b|4111|078-05", copy.to_json(), re.IGNORECASE)
    assert copy.messages is not None
    call = (copy.messages[2].tool_calls or ())[0].function
    assert (copy.messages[1].name, call.name) == ("PERSON_1A", "find_PERSON_1")
    assert json.loads(call.arguments) == {
        "who": "[PERSON_1]", "card": "[CREDIT_CARD_1]", "also": ["[PERSON_1]"], "PERSON_2": 1,
    }  # fmt: skip
    assert copy.messages[3].content == '{"mail": "[EMAIL_ADDRESS_1]"}'
    assert copy.params.stop == ("[PERSON_2]",)
    promised = copy.params.response_format
    assert promised is not None
    assert promised.json_schema is not None
    assert promised.json_schema.schema_ == {
        "properties": {"PERSON_2": {"enum": ["[PERSON_2]", "[US_SSN_1]"]}}, "required": ["PERSON_2"],
    }  # fmt: skip
    assert found.counts == {"CREDIT_CARD": 1, "EMAIL_ADDRESS": 1, "PERSON": 3, "US_SSN": 1}
    assert Job.from_json(copy.to_json()) == copy


def test_tools_are_reached_and_stay_tools() -> None:
    """Descriptions and schemas give way like any text; a model can still call what is left, and be told which."""
    asked = {
        "tools": [
            {
                "function": {
                    "name": "write_anna_lopez",
                    "description": "Writes to Anna Lopez.",
                    "parameters": {
                        "type": "object",
                        "properties": {"Bo Li": {"type": "string", "description": "Bo Li", "default": "078-05-1120"}},
                        "required": ["Bo Li"],
                    },
                }
            }
        ],
        "tool_choice": "required",
        "logit_bias": {"4111111": 1.0},
        "stop_tokens": [4111111],
    }
    found = redact(Job.model_validate({"text": "Tell Anna Lopez.", "params": asked}))
    params = found.job.params
    assert not re.search(r"anna|lopez|\bbo\b|078-05", found.job.to_json(), re.IGNORECASE)
    assert params.tools[0].function.model_dump(exclude_none=True) == {
        "name": "write_PERSON_1",
        "description": "Writes to [PERSON_1].",
        "parameters": {
            "type": "object",
            "properties": {"PERSON_2": {"type": "string", "description": "[PERSON_2]", "default": "[US_SSN_1]"}},
            "required": ["PERSON_2"],
        },
    }
    assert (params.tool_choice, params.logit_bias, params.stop_tokens) == ("required", {"4111111": 1.0}, (4_111_111,))


def test_a_value_split_over_two_turns_gives_way_in_both() -> None:
    """As one value it stands in neither."""
    turns = ("it is 4111 1111", "1111 1111, thanks")
    found = redact(Job(messages=tuple(Message(role="user", content=text) for text in turns)))
    assert [turn.text for turn in found.job.turns()] == ["it is [CREDIT_CARD_1]", "[CREDIT_CARD_2], thanks"]
    assert found.placeholders.values == {"CREDIT_CARD_1": "4111 1111", "CREDIT_CARD_2": "1111 1111"}


def test_a_value_split_over_two_fields_gives_way_in_both() -> None:
    """Of a tool's arguments, say. A key that was found with its value stays: it says what the value was."""
    job = Job(text='{"first": "4111 1111", "last": "1111 1111", "my card": "4111111111111111", "note": "to pay"}')
    assert json.loads(redact(job).job.text or "") == {
        "first": "[CREDIT_CARD_1]",
        "last": "[CREDIT_CARD_2]",
        "my card": "[CREDIT_CARD_3]",
        "note": "to pay",
    }


def test_the_words_beside_a_value_are_looked_at_with_it() -> None:
    """A key is on one line with its value, and all of a job on one sheet."""
    eyes = Eyes()
    redact(
        Job(messages=(Message(role="user", content='{"ssn": "x", "y": [1]}'), Message(role="user", content="z"))), eyes
    )
    assert "ssn: x\n" in eyes.seen[0]
    assert "1\nz" in eyes.seen[0]
    assert set(eyes.asked) == {False}, "no gate"


def test_weaker_findings_count_for_a_copy() -> None:
    """Half of the score is enough, for replacing and for being left."""

    class Weak(Eyes):
        def places(self, text: str, *, rules: Rules, gated: bool) -> Places:
            assert rules.table.weight("EMAIL_ADDRESS").least == 0.5 * AS_SHIPPED.table.weight("EMAIL_ADDRESS").least
            return super().places(text, rules=rules, gated=gated)

    assert redact("anna@example.org", Weak()).job.text == "[EMAIL_ADDRESS_1]"


def test_more_is_replaced_where_less_is_not_enough() -> None:
    """What is harmless by itself gives way where together with the rest it is not."""

    class Together(Eyes):
        def inspect(self, job: Job, *, rules: Rules, gated: bool) -> Signals:
            seen = super().inspect(job, rules=rules, gated=gated)
            worse = judge([Finding(type="PERSON", score=1.0, detector="test")])
            return signals(worse) if "example" in job.to_json() else seen

    assert redact("Bo Li at https://example.org", Together()).job.text == "[PERSON_1] at [URL_1]"
