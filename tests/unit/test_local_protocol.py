"""What worker and engine say to each other survives the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.result import Confidence, Usage
from tidegate.value import Value
from workers.local.protocol import (
    Ask,
    Beat,
    Cancel,
    Done,
    Failed,
    Failure,
    Load,
    Piece,
    Ready,
    read_by_engine,
    read_by_parent,
    to_wire,
)

SURE = Confidence(mean_logprob=-0.1, lowest_logprob=-1.5, mean_margin=2.0, free_share=0.5)
SCHEMA = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"properties": {"a": {"const": None}}}))


@pytest.mark.parametrize(
    "message",
    [
        Load(path="/a/b.gguf", context_tokens=512, threads=1),
        Ask(id=0, messages=(Message(role="user", content="x"),), params=Params(response_format=SCHEMA, stop=("a",))),
        Cancel(id=3),
    ],
)
def test_what_the_parent_says_arrives(message: Value) -> None:
    """Each message comes out as it went in, a null in a schema too."""
    assert read_by_engine(to_wire(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        Ready(context_tokens=512, kv_tokens=512, slots=1, gpu=None, gpu_layers=0, layers=5, threads=1, warm_up_s=0.1),
        Beat(),
        Piece(id=1, text="half"),
        Done(id=2, text="a", finish_reason="length", usage=Usage(), confidence=SURE),
        Done(id=1, text="", finish_reason="stop", usage=Usage(prompt_tokens=1)),
        Failed(failure=Failure.MODEL_MISSING, message="gone"),
        Failed(id=1, failure=Failure.CANCELLED, message="cancelled"),
    ],
)
def test_what_the_engine_says_arrives(message: Value) -> None:
    """Each message comes out as it went in."""
    assert read_by_parent(to_wire(message)) == message


@given(st.text())
def test_any_text_survives(content: str) -> None:
    """Zero bytes, line ends and every script."""
    ask = Ask(id=1, messages=(Message(role="user", content=content),), params=Params())
    assert read_by_engine(to_wire(ask)) == ask


@given(st.binary())
def test_noise_is_a_validation_error(frame: bytes) -> None:
    """A frame that is no message is refused, whatever it holds."""
    with pytest.raises(ValidationError):
        read_by_parent(frame)
    with pytest.raises(ValidationError):
        read_by_engine(frame)
