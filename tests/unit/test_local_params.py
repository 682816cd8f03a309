"""What a job asks of the engine, token by token: in this very process, with the shipped model."""

import json
from typing import Any

import numpy as np
import pytest
from ggufs import HERMES, shipped, with_template
from hypothesis import given
from hypothesis import strategies as st

from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from workers.local.chances import LEAST, Chances
from workers.local.decoder import Decoder
from workers.local.failing import Failing
from workers.local.protocol import Ask, Done, Load, Piece

REVIEW = "What is the sentiment of this review? Answer positive, negative or neutral.\nThe food was great."
WORDS = ResponseFormat(
    type="json_schema",
    json_schema=JsonSchema(
        schema={"type": "array", "items": {"enum": ["aa", "bb", "cc"]}, "minItems": 6, "maxItems": 6}
    ),
)
LONG = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"type": "string", "maxLength": 4}))
SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
LOOK = {"function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    """The shipped model, which knows tools here, with eight slots."""
    path = with_template(HERMES, tmp_path_factory.mktemp("models") / "tools.gguf")
    return Decoder(Load(path=str(path), context_tokens=1024, threads=1, slots=8))


def ask(number: int = 1, text: str = REVIEW, *, stream: bool = False, **params: Any) -> Ask:
    """One job."""
    made = Params.model_validate({"max_tokens": 24} | params)
    return Ask(id=number, messages=(Message(role="user", content=text),), params=made, stream=stream)


def said(decoder: Decoder, *asks: Ask) -> list[Any]:
    """All that is told of some jobs."""
    for one in asks:
        decoder.take(one)
    told: list[Any] = []
    while not decoder.idle:
        told += decoder.step()
    return told


def answer(decoder: Decoder, one: Ask) -> Done:
    """The answer of a job that runs alone."""
    done = said(decoder, one)[-1]
    assert isinstance(done, Done), done
    return done


def tokens_of(decoder: Decoder, text: str) -> list[int]:
    """A text as the model's tokens."""
    return decoder._native.tokens(text, trusted=False)


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 1.3, "seed": 11},
        {"temperature": 1.3, "seed": 11, "repeat_penalty": 1.4, "frequency_penalty": 0.5},
        {"temperature": 0.0, "frequency_penalty": 1.0, "logit_bias": {"300": 4.0}},
        {"temperature": 0.0, "logprobs": True, "top_logprobs": 4},
    ],
    ids=["chance", "penalties", "greedy", "log-probabilities"],
)
def test_company_changes_nothing(decoder: Decoder, params: dict[str, Any]) -> None:
    """The same seed gives the same text alone and among seven others, where the model knows what to say.

    Elsewhere a step's size decides: for other numbers of rows llama.cpp's kernels round otherwise.
    """
    alone = answer(decoder, ask(**params))
    others = [ask(number, f"{REVIEW} {number}", temperature=1.0, seed=number) for number in range(2, 9)]
    told = said(decoder, ask(**params), *others)
    together = next(one for one in told if isinstance(one, Done) and one.id == 1)
    assert (together.text, together.finish_reason) == (alone.text, alone.finish_reason)


def test_a_seed_repeats_chance_under_a_grammar(decoder: Decoder) -> None:
    """With penalties, and with tokens that the grammar took back; another seed says something else."""
    job = {"temperature": 1.3, "response_format": WORDS, "presence_penalty": 1.5, "max_tokens": 120}
    texts = [answer(decoder, ask(**job, seed=seed)).text for seed in (11, 11, 12, 13, 14)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_company_of_the_same_size_changes_no_number(decoder: Decoder) -> None:
    """What the others say is none of a job's business: only how many tokens a step has can change its numbers."""

    def numbers(others: str) -> Any:
        jobs = [ask(number, others, max_tokens=12, response_format=LONG) for number in range(2, 9)]
        told = said(decoder, ask(logprobs=True, top_logprobs=5, max_tokens=12, response_format=LONG), *jobs)
        return next(one for one in told if one.id == 1)

    one, other = numbers("Upper case: the food was"), numbers("Upper case: was food the")
    assert one == other


def test_a_stop_token_ends_an_answer_and_is_none_of_it(decoder: Decoder) -> None:
    """By its number in the model's vocabulary, however it is spelt."""
    whole = answer(decoder, ask(logprobs=True))
    assert whole.logprobs
    first = tokens_of(decoder, whole.text)[0]
    stopped = answer(decoder, ask(stop_tokens=(first,), logprobs=True))
    assert (stopped.text, stopped.finish_reason, stopped.logprobs) == ("", "stop", ())
    assert stopped.usage.completion_tokens == 0


def test_what_a_stop_string_cut_off_has_no_numbers(decoder: Decoder) -> None:
    """Log-probabilities are those of the text that came."""
    whole = answer(decoder, ask(logprobs=True)).text
    cut = answer(decoder, ask(logprobs=True, stop=(whole[2:],)))
    assert cut.text == whole[:2]
    assert cut.logprobs is not None
    told = "".join(token.token for token in cut.logprobs)
    assert told.startswith(cut.text)
    assert len(told) - len(cut.logprobs[-1].token) < len(cut.text)


def test_penalties_count_what_was_written(decoder: Decoder) -> None:
    """Under a grammar, too, where a token that it forbade was never written."""
    free = answer(decoder, ask(response_format=WORDS, max_tokens=120)).text
    varied = answer(decoder, ask(response_format=WORDS, max_tokens=120, frequency_penalty=2.0)).text
    assert len(set(json.loads(free))) < len(set(json.loads(varied))) == 3
    biased = {"logit_bias": {"300": 20.0}, "max_tokens": 32}
    reigns = answer(decoder, ask(**biased)).text
    assert tokens_of(decoder, reigns) == [300] * 32
    assert len(tokens_of(decoder, answer(decoder, ask(**biased, frequency_penalty=2.0)).text)) < 32


def test_a_token_that_is_banned_is_not_written(decoder: Decoder) -> None:
    """The likeliest first token gives way to the next."""
    first = tokens_of(decoder, answer(decoder, ask()).text)[0]
    other = answer(decoder, ask(logit_bias={str(first): -100.0})).text
    assert tokens_of(decoder, other)[:1] != [first]


def test_a_call_is_certain_where_it_must_be(decoder: Decoder) -> None:
    """A model that never saw a tool makes a call that keeps the schema; nothing of it is shown as text."""
    told = said(decoder, ask(stream=True, max_tokens=100, tools=[LOOK], tool_choice="required"))
    done = told[-1]
    assert isinstance(done, Done), done
    assert {call.function.name for call in done.tool_calls} == {"look"}
    assert (done.text, done.finish_reason) == ("", "tool_calls")
    assert not [one for one in told if isinstance(one, Piece)]


def test_a_template_without_a_place_for_tools_refuses_them() -> None:
    """By name, before any token; a job that forbids calls runs."""
    plain = Decoder(Load(path=str(shipped().path), context_tokens=512, threads=1))
    with pytest.raises(Failing, match=r"params\.tools: the model's chat template has no place"):
        plain.take(ask(tools=[LOOK]))
    assert answer(plain, ask(tools=[LOOK], tool_choice="none")).text


@given(
    st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=40),
    st.integers(0, 25),
    st.data(),
)
def test_the_numbers_are_those_of_a_softmax(found: list[float], top: int, data: st.DataObject) -> None:
    """Of the chosen token and of the likeliest, in order, whatever the logits are."""
    logits = np.array(found, np.float32)
    expected = logits - (logits.max() + np.log(np.exp(logits.astype(np.float64) - logits.max()).sum()))
    token = data.draw(st.integers(0, len(found) - 1))
    chances = Chances(top=top, spell=lambda number: str(number).encode())
    chances.add(logits, token, float(expected[token]))
    (told,) = chances.told(tokens=1, within_bytes=None)
    assert told.logprob == pytest.approx(min(0.0, expected[token]), abs=1e-3)
    assert len(told.top_logprobs) == min(top, len(found))
    numbers = [expected[int(other.token)] for other in told.top_logprobs]
    assert numbers == sorted(expected, reverse=True)[: len(numbers)]
    assert [other.logprob for other in told.top_logprobs] == pytest.approx([min(0.0, n) for n in numbers], abs=1e-3)


def test_half_a_character_is_told_in_bytes() -> None:
    """And a token that cannot be has a number all the same."""
    chances = Chances(top=1, spell=lambda number: "é".encode()[number : number + 1])
    chances.add(np.array([-np.inf, 1.0], np.float32), 0, float("-inf"))
    (told,) = chances.told(tokens=1, within_bytes=None)
    assert (told.token, told.bytes, told.logprob) == ("\ufffd", (0xC3,), LEAST)
    assert told.top_logprobs[0].bytes == (0xA9,)


def test_a_mark_of_a_call_that_is_a_control_token_is_seen(decoder: Decoder) -> None:
    """Such a token has no text by itself, and the call behind it would be taken for an answer."""
    (token,) = decoder._native.tokens("<|user|>", trusted=True)
    assert decoder._native.piece(token) == b""
    assert decoder._prompter.spellings(("<|user|>", "<tool_call>")) == {token: b"<|user|>"}
