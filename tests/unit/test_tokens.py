"""Tokens: an estimate that errs on the safe side, and what a job needs of a lane."""

from typing import Any

import pytest

from router.signals.tokens import estimate, needs
from tidegate.job import Job, Message, Params
from tidegate.signals import Capability

LOOK = {"function": {"name": "look", "description": "Looks for something."}}
CALL = {"id": "c", "function": {"name": "f", "arguments": "{}"}}


def test_the_estimate_follows_its_formula() -> None:
    """Three characters a token, eight tokens a message, three for the reply."""
    assert estimate((Message(role="user", content="x" * 300),), Params()) == 100 + 8 + 3
    assert estimate((Message(role="user", content="x" * 300),), Params(), 4.0) == 75 + 8 + 3


def test_other_scripts_weigh_more() -> None:
    """A Chinese character is a token or more, not a third of one."""
    assert estimate((Message(role="user", content="好" * 100),), Params()) == 150 + 8 + 3


def test_calls_and_schemas_count() -> None:
    """What a provider puts into the prompt is counted, whatever field it came in."""
    plain = Job.model_validate({"messages": [{"role": "user", "content": "hi"}]})
    called = Job.model_validate({"messages": [{"role": "assistant", "content": "hi", "tool_calls": [CALL]}]})
    asked = Params.model_validate({"response_format": {"type": "json_object"}})
    assert estimate(called.turns(), Params()) > estimate(plain.turns(), Params())
    offered = Params.model_validate({"tools": [LOOK]})
    assert estimate(plain.turns(), asked) > estimate(plain.turns(), Params())
    assert estimate(plain.turns(), offered) > estimate(plain.turns(), Params()) + 15


@pytest.mark.parametrize(
    ("message", "params", "needed"),
    [
        ({"role": "user", "content": "hi"}, {}, ()),
        ({"role": "user", "content": "hi"}, {"response_format": {"type": "text"}}, ()),
        ({"role": "user", "content": "hi"}, {"response_format": {"type": "json_object"}}, (Capability.JSON,)),
        ({"role": "assistant", "tool_calls": [CALL]}, {}, (Capability.TOOLS,)),
        ({"role": "tool", "content": "42", "tool_call_id": "c"}, {}, (Capability.TOOLS,)),
        ({"role": "user", "content": "hi"}, {"tools": [LOOK]}, (Capability.TOOLS,)),
        ({"role": "user", "content": "hi"}, {"tools": [LOOK], "tool_choice": "none"}, ()),
    ],
)
def test_needs(message: dict[str, Any], params: dict[str, Any], needed: tuple[Capability, ...]) -> None:
    """JSON answers and tools ask for lanes that can."""
    job = Job.model_validate({"messages": [message], "params": params})
    assert needs(job.turns(), job.params) == needed


def test_a_long_prompt_needs_a_long_context() -> None:
    """From the length on at which models on one's own machines end."""
    assert needs((), Params(), length=30_000) == ()
    assert needs((), Params(), length=30_001) == (Capability.LONG_CONTEXT,)
