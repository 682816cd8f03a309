"""A job's messages as Anthropic's turns: nothing is lost, nothing changes its order, and what comes out is sound."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BadRequest
from tidegate.images import ImagePart, ImageUrl
from tidegate.job import FunctionCall, Message, Params, TextPart, ToolCall
from workers.backend import Run
from workers.managed.anthropic_api.request import body
from workers.managed.anthropic_api.turns import OPENING, system, turns
from workers.standin.messages_check import problem

PIXEL = "data:image/png;base64,iVBORw0KGgo="
SAID = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def call(name: str, **arguments: Any) -> ToolCall:
    """A call whose id is its tool's name."""
    return ToolCall(id=name, function=FunctionCall(name=name, arguments=json.dumps(arguments)))


def user(text: str) -> Message:
    """A user's turn."""
    return Message(role="user", content=text)


def text_of(blocks: list[dict[str, Any]]) -> list[str]:
    """All that is said in blocks, results included."""
    found = []
    for block in blocks:
        found += text_of(block.get("content", [])) if block["type"] == "tool_result" else [block.get("text", "")]
    return [text for text in found if text]


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Whatever OpenAI's API would take: any order of roles, calls that are answered, empty texts, parts."""
    messages: list[Message] = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["system", "developer", "user", "assistant", "parts", "calls"]))
        if kind == "calls":
            ids = [f"call.{index}" for index in range(draw(st.integers(1, 3)))]  # the same in each turn
            calls = tuple(ToolCall(id=one, function=FunctionCall(name="look", arguments="{}")) for one in ids)
            messages.append(Message(role="assistant", content=draw(st.none() | SAID), tool_calls=calls))
            order = draw(st.permutations(ids))
            messages += [Message(role="tool", tool_call_id=one, content=draw(SAID)) for one in order]
        elif kind == "parts":
            texts = tuple(TextPart(text=text) for text in draw(st.lists(SAID, min_size=1, max_size=3)))
            messages.append(Message(role="user", content=texts))
        else:
            messages.append(Message(role=kind, content=draw(SAID)))  # type: ignore[arg-type]
    return messages


def spoken_by(roles: tuple[str, ...], messages: list[Message]) -> list[str]:
    """What these said, but for white space."""
    contents = [message.content for message in messages if message.role in roles]
    texts = [[one] if isinstance(one, str) else [part.text for part in one or ()] for one in contents]  # type: ignore[union-attr]
    return [text for several in texts for text in several if text.strip() and text != OPENING["text"]]


@given(conversations())
def test_whatever_was_said_is_said_in_the_same_order(messages: list[Message]) -> None:
    """Each text of the conversation once, the system's apart, and none but the opening is made up."""
    assert text_of(system(messages)) == [text for text in text_of(system(messages)) if text.strip()]
    assert [text for text in text_of(system(messages)) if text != OPENING["text"]] == spoken_by(
        ("system", "developer"), messages
    )
    told = [text for turn in turns(messages) for text in text_of(turn["content"]) if text != OPENING["text"]]
    said = spoken_by(("user", "assistant", "tool"), messages)
    assert told[:-1] == said[:-1]
    assert [text.rstrip() for text in told[-1:]] == [text.rstrip() for text in said[-1:]]  # the last may be continued


@given(conversations(), st.sampled_from([(), ({"function": {"name": "look", "parameters": {"type": "object"}}},)]))
def test_what_comes_out_is_a_request_that_anthropic_takes(messages: list[Message], tools: Any) -> None:
    """By turns, the user first, results first and each call answered: a strict check has nothing to say."""
    params = Params.model_validate({"tools": tools})
    asked = body(Run(job_id="job", attempt=1, messages=tuple(messages), params=params, timeout_s=1), model="m")
    assert problem(asked) is None
    roles = [turn["role"] for turn in asked["messages"]]
    assert roles[0] == "user"
    assert all(one != other for one, other in pairwise(roles))


def test_the_system_is_gathered_and_results_go_before_words() -> None:
    """One conversation with everything in it, by hand."""
    messages = [
        Message(role="system", content="be brief"),
        user("look"),
        Message(role="assistant", content="I look.", tool_calls=(call("a", x=1), call("b"))),
        user("hurry"),
        Message(role="developer", content="be kind"),
        Message(role="tool", tool_call_id="b", content="found b"),
        Message(role="tool", tool_call_id="a", content=""),
        user("and?"),
    ]
    assert system(messages) == [{"type": "text", "text": "be brief"}, {"type": "text", "text": "be kind"}]
    assert turns(messages) == [
        {"role": "user", "content": [{"type": "text", "text": "look"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "a", "name": "a", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "b", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "found b"}]},
                {"type": "tool_result", "tool_use_id": "a"},
                {"type": "text", "text": "hurry"},
                {"type": "text", "text": "and?"},
            ],
        },
    ]


def test_an_image_goes_along_or_is_fetched_by_anthropic() -> None:
    """Between the texts where it stood."""
    message = Message(
        role="user",
        content=(
            TextPart(text="what is"),
            ImagePart(image_url=ImageUrl(url=PIXEL, detail="low")),
            TextPart(text="and"),
            ImagePart(image_url=ImageUrl(url="https://example.com/a.png")),
        ),
    )
    (turn,) = turns([message])
    assert turn["content"][1] == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
    }
    assert turn["content"][3] == {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert problem({"model": "m", "max_tokens": 1, "messages": [turn]}) is None


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (
            [user("a"), Message(role="assistant", tool_calls=(call("x"),))],
            r"messages\[1\]\.tool_calls\[0\]: no message",
        ),
        (
            [Message(role="assistant", tool_calls=(call("x"),)), Message(role="assistant", content="b")],
            r"messages\[0\]",
        ),
        ([user("a"), Message(role="tool", tool_call_id="x", content="b")], r"messages\[1\]\.tool_call_id"),
        ([Message(role="tool", content="b")], r"messages\[0\]\.tool_call_id"),
        ([Message(role="assistant", tool_calls=(call("x"), call("x")))], r"messages\[0\]\.tool_calls: two calls"),
        (
            [
                Message(role="assistant", tool_calls=(call("x"),)),
                *(Message(role="tool", tool_call_id="x", content="b") for _ in range(2)),
            ],
            r"messages\[2\]\.tool_call_id",
        ),
        *(
            (
                [
                    Message(
                        role="assistant",
                        tool_calls=(ToolCall(id="x", function=FunctionCall(name="x", arguments=arguments)),),
                    ),
                    Message(role="tool", tool_call_id="x", content="b"),
                ],
                r"messages\[0\]\.tool_calls\[0\]\.function\.arguments",
            )
            for arguments in ("[]", "secret", "[" * 100_000, "null", '{"a": NaN}', '{"a": "\\ud800"}', '{"a": 1e999}')
        ),
    ],
)
def test_a_conversation_that_would_be_refused_is_refused_by_place(messages: list[Message], told: str) -> None:
    """Before anything is sent, without a word of it."""
    with pytest.raises(BadRequest, match=told) as caught:
        turns(messages)
    assert "secret" not in str(caught.value)


def test_who_speaks_first_and_last() -> None:
    """A conversation that the assistant begins is opened by the user; one that it ends loses its last white space."""
    spoken = turns(
        [Message(role="assistant", content="Hello!"), user("hi"), Message(role="assistant", content="So: \n")]
    )
    assert spoken[0] == {"role": "user", "content": [OPENING]}
    assert spoken[-1]["content"][0]["text"] == "So:"


def test_ids_of_other_models_are_made_fit() -> None:
    """A call and its result keep one id, and a name that Anthropic would refuse is none of its business."""
    messages = [
        Message(role="assistant", tool_calls=(ToolCall(id="a.b:1", function=FunctionCall(name="n.s", arguments="")),)),
        Message(role="tool", tool_call_id="a.b:1", content="x"),
    ]
    _, calling, answering = turns(messages)
    assert calling["content"][0] == {"type": "tool_use", "id": "a_b_1", "name": "n_s", "input": {}}
    assert answering["content"][0]["tool_use_id"] == "a_b_1"


def test_ids_that_come_twice_are_told_apart() -> None:
    """A model that counts its calls from nought in each turn: each result still answers its own call."""
    spoken = turns(
        [
            user("look"),
            *(
                message
                for answer in ("one", "two", "three")
                for message in (
                    Message(role="assistant", tool_calls=(call("call_0"),)),
                    Message(role="tool", tool_call_id="call_0", content=answer),
                )
            ),
        ]
    )
    made = [turn["content"][0]["id"] for turn in spoken if turn["role"] == "assistant"]
    answered = [turn["content"][0]["tool_use_id"] for turn in spoken[2::2]]
    assert made == answered == ["call_0", "call_0_2", "call_0_3"]
