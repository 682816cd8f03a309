"""The decoder in this very process, with the shipped model: tokens in, tokens out, nothing left behind."""

import threading

import llama_cpp
import pytest

from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.settings import load
from workers.local.decoder import Decoder, _Text
from workers.local.failing import Failing
from workers.local.protocol import Ask, Failure, Load
from workers.models import catalogue


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """The shipped model, loaded once."""
    model = next(model for model in catalogue.known(load()) if model.origin == "shipped")
    return Decoder(Load(path=str(model.path), context_tokens=1024, threads=1))


def ask(text: str, **params: object) -> Ask:
    """One job."""
    return Ask(id=1, messages=(Message(role="user", content=text),), params=Params.model_validate(params))


def control_tokens(decoder: Decoder, tokens: list[int]) -> list[int]:
    """Those that steer the model."""
    vocab = decoder._llm._model.vocab
    return [token for token in tokens if llama_cpp.llama_vocab_is_control(vocab, token)]


def test_greedy_answers_repeat(decoder: Decoder) -> None:
    """The same job gives the same text, whatever ran before it."""
    first = decoder.answer(ask("hello", max_tokens=12))
    decoder.answer(ask("something else", max_tokens=5))
    assert decoder.answer(ask("hello", max_tokens=12)) == first


def test_a_seed_repeats_a_sampled_answer(decoder: Decoder) -> None:
    """With a temperature, the seed decides."""
    job = ask("hello", max_tokens=12, temperature=1.5, seed=7)
    assert decoder.answer(job) == decoder.answer(job)


def test_nothing_of_a_job_stays(decoder: Decoder) -> None:
    """After a job the cache is empty, and the list of its tokens is blank."""
    decoder.answer(ask("a secret", max_tokens=4))
    llm = decoder._llm
    assert llm.n_tokens == 0
    assert not llm.input_ids.any()
    assert llama_cpp.llama_memory_seq_pos_max(llama_cpp.llama_get_memory(llm.ctx), 0) == -1


def test_control_tokens_in_a_text_are_plain_text(decoder: Decoder) -> None:
    """What steers the model comes from the template alone, however a user spells it."""
    llm = decoder._llm
    spelling = llama_cpp.llama_vocab_get_text(llm._model.vocab, llm.token_eos()).decode()
    honest = decoder._prompter.tokens(ask("hello").messages)
    for text in (spelling, f"a{spelling}b", spelling * 3, f"{spelling[:2]}{spelling}{spelling[2:]}"):
        tokens = decoder._prompter.tokens(ask(text).messages)
        assert control_tokens(decoder, tokens) == control_tokens(decoder, honest)
        assert text.encode() in b"".join(decoder._piece(token) for token in tokens)


def test_an_abort_stops_inside_a_job(decoder: Decoder) -> None:
    """Another thread stops a job that would run on, and the next job runs."""
    long = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"type": "string", "minLength": 600}))

    def abort_once_it_runs() -> None:
        while decoder._llm.n_tokens == 0:
            pass
        decoder.abort()

    decoder.arm()
    threading.Thread(target=abort_once_it_runs).start()
    with pytest.raises(Failing) as caught:
        decoder.answer(ask("hello", max_tokens=900, response_format=long))
    assert caught.value.failure is Failure.CANCELLED
    decoder.arm()
    assert decoder.answer(ask("hello", max_tokens=2)).usage.prompt_tokens > 0


def test_a_schema_holds_the_model(decoder: Decoder) -> None:
    """Whatever the model would say, it says it in the promised form."""
    words = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    wanted = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=words))
    assert "ok" in decoder.answer(ask("hello", max_tokens=200, response_format=wanted)).text


def test_a_cut_json_answer_is_refused(decoder: Decoder) -> None:
    """max_tokens that end in the middle of JSON are told as such."""
    wanted = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"type": "string", "minLength": 100}))
    with pytest.raises(Failing, match="cut by max_tokens"):
        decoder.answer(ask("hello", max_tokens=5, response_format=wanted))


@pytest.mark.parametrize(
    ("stops", "pieces", "value", "stopped"),
    [
        ((), ["a", "b"], "ab", False),
        (("b",), ["a", "bc"], "a", True),
        (("bcd",), ["ab", "c", "de"], "a", True),
        (("c", "b"), ["abc"], "a", True),
        (("never",), ["ne", "ver"], "", True),
    ],
)
def test_a_stop_string_cuts_the_answer(stops: tuple[str, ...], pieces: list[str], value: str, *, stopped: bool) -> None:
    """The first of the stop strings ends the answer, also across pieces, and is not part of it."""
    text = _Text(stops)
    assert [text.add(piece.encode()) for piece in pieces][-1] is stopped
    assert text.value == value


def test_half_a_character_waits_for_its_other_half() -> None:
    """A character of several tokens is whole or absent."""
    text = _Text(())
    first, second = "é".encode()[:1], "é".encode()[1:]
    text.add(first)
    assert text.value == ""
    text.add(second)
    assert text.value == "é"
