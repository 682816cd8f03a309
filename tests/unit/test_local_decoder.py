"""The decoder in this very process, with the shipped model: tokens in, tokens out, nothing left behind."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from tidegate.job import FunctionCall, JsonSchema, Message, Params, ResponseFormat, ToolCall
from tidegate.settings import load
from workers.local.decoder import Decoder
from workers.local.failing import Failing
from workers.local.protocol import Ask, Done, Failed, Failure, Load
from workers.models import catalogue

LONG = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"type": "string", "minLength": 600}))


def shipped() -> Path:
    """The model that comes with the checkout."""
    return next(model for model in catalogue.known(load()) if model.origin == "shipped").path


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """The shipped model, loaded once, with four slots."""
    return Decoder(Load(path=str(shipped()), context_tokens=1024, threads=1, slots=4))


def ask(text: str, number: int = 1, **params: object) -> Ask:
    """One job."""
    return Ask(id=number, messages=(Message(role="user", content=text),), params=Params.model_validate(params))


def answers(decoder: Decoder, asks: Sequence[Ask]) -> list[Any]:
    """All of them at once, in order."""
    for one in asks:
        decoder.take(one)
    ended: list[Any] = []
    while not decoder.idle:
        ended += decoder.step()
    return sorted(ended, key=lambda one: one.id or 0)


def answer(decoder: Decoder, one: Ask) -> Done:
    """The answer of a job that runs alone."""
    (ended,) = answers(decoder, [one])
    assert isinstance(ended, Done), ended
    return ended


def control_tokens(decoder: Decoder, tokens: list[int]) -> list[int]:
    """Those that steer the model."""
    vocab = decoder._native.vocab
    return [token for token in tokens if llama_cpp.llama_vocab_is_control(vocab, token)]


def test_greedy_answers_repeat(decoder: Decoder) -> None:
    """The same job gives the same text, whatever ran before it."""
    first = answer(decoder, ask("hello", max_tokens=12))
    answer(decoder, ask("something else", max_tokens=5))
    assert answer(decoder, ask("hello", max_tokens=12)) == first


def test_a_seed_repeats_a_sampled_answer(decoder: Decoder) -> None:
    """With a temperature, the seed decides."""
    job = ask("hello", max_tokens=12, temperature=1.5, seed=7)
    assert answer(decoder, job) == answer(decoder, job)


def test_an_answer_is_the_same_alone_and_in_company(decoder: Decoder) -> None:
    """What the model was made for comes out the same, whoever else is in the batch."""
    said = ("The food was great.", "It broke after a day.", "They never answered.", "Lovely staff!", "It is a chair.")
    texts = [f"What is the sentiment of this review? Answer positive, negative or neutral.\n{text}" for text in said]
    alone = [answer(decoder, ask(text, max_tokens=8)).text for text in texts]
    together = answers(decoder, [ask(text, number, max_tokens=8) for number, text in enumerate(texts)])
    assert [one.text for one in together if isinstance(one, Done)] == alone


def test_nothing_of_a_job_stays(decoder: Decoder) -> None:
    """After a job its sequence is empty."""
    answer(decoder, ask("a secret", max_tokens=4))
    memory = llama_cpp.llama_get_memory(decoder._native.context)
    assert {llama_cpp.llama_memory_seq_pos_max(memory, seq) for seq in range(4)} == {-1}


def test_control_tokens_in_a_text_are_plain_text(decoder: Decoder) -> None:
    """What steers the model comes from the template alone, however a user spells it."""
    native = decoder._native
    spelling = llama_cpp.llama_vocab_get_text(native.vocab, llama_cpp.llama_vocab_eos(native.vocab)).decode()
    honest = decoder._prompter.tokens(ask("hello").messages)
    for text in (spelling, f"a{spelling}b", spelling * 3, f"{spelling[:2]}{spelling}{spelling[2:]}"):
        tokens = decoder._prompter.tokens(ask(text).messages)
        assert control_tokens(decoder, tokens) == control_tokens(decoder, honest)
        assert text.encode() in b"".join(native.piece(token) for token in tokens)


def test_a_cancel_stops_inside_a_job_and_the_others_go_on(decoder: Decoder) -> None:
    """Another thread breaks off the step of two jobs, one is cancelled; the other ends, and the next runs."""
    decoder.take(ask("hello", 10, max_tokens=900, response_format=LONG))
    decoder.take(ask("hello", 11, max_tokens=20))
    threading.Thread(target=decoder.interrupt).start()
    ended: list[Any] = [*decoder.step(), *decoder.cancel(10)]
    decoder.resume()
    while not decoder.idle:
        ended += decoder.step()
    failures = {one.id: one.failure for one in ended if isinstance(one, Failed)}
    assert failures == {10: Failure.CANCELLED}
    assert answer(decoder, ask("hello", 12, max_tokens=2)).usage.prompt_tokens > 0


def test_a_schema_holds_the_model(decoder: Decoder) -> None:
    """Whatever the model would say, it says it in the promised form."""
    words = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    wanted = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=words))
    assert "ok" in answer(decoder, ask("hello", max_tokens=200, response_format=wanted)).text


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_form_holds_against_the_models_wish(decoder: Decoder, temperature: float) -> None:
    """Where the model wants something else, the form decides, and the confidence says so; the seed repeats it."""
    wanted = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"enum": ["qx", "zzy"]}))
    job = ask("hello", max_tokens=20, response_format=wanted, temperature=temperature, seed=3)
    said = answer(decoder, job)
    assert said.text.strip() in ('"qx"', '"zzy"')
    assert said == answer(decoder, job)
    assert said.confidence is not None
    assert said.confidence.free_share is not None
    assert said.confidence.free_share < 1


def test_a_cut_json_answer_is_refused(decoder: Decoder) -> None:
    """max_tokens that end in the middle of JSON are told as such."""
    (ended,) = answers(decoder, [ask("hello", max_tokens=5, response_format=LONG)])
    assert isinstance(ended, Failed)
    assert "cut by max_tokens" in ended.message


def test_a_text_that_cannot_fit_is_refused_unread(decoder: Decoder) -> None:
    """Ten megabytes are not cut into tokens first."""
    with pytest.raises(Failing, match="cannot fit") as caught:
        decoder.take(ask("a" * 10_000_000))
    assert caught.value.failure is Failure.CONTEXT_OVERFLOW


def calling(chars: int) -> tuple[Message, ...]:
    """A turn that calls a tool with so long an argument."""
    call = ToolCall(id="1", function=FunctionCall(name="f", arguments="a" * chars))
    return (Message(role="assistant", tool_calls=(call,)),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"messages": (Message(role="user", content="a"),) * 5_000}, "5,000 messages"),
        ({"messages": calling(10_000_000)}, "cannot fit"),
        ({"params": Params(stop=("a" * 1_001,))}, "params.stop: a string of more than 1,000"),
    ],
)
def test_what_would_hold_up_the_others_is_refused_unread(
    decoder: Decoder, changes: dict[str, object], words: str
) -> None:
    """All jobs share one thread: nothing of one may take it for seconds."""
    with pytest.raises(Failing, match=words):
        decoder.take(ask("hello").model_copy(update=changes))
    assert decoder.idle


def loaded(**options: object) -> Decoder:
    """The shipped model with these options."""
    return Decoder(Load.model_validate({"path": str(shipped()), "context_tokens": 512, "threads": 1} | options))


def test_every_option_of_the_engine_computes() -> None:
    """A quantised memory, a bound on it, small steps, weights in memory: the answer comes, and Ready says how."""
    options = {"kv_type": "q8_0", "flash_attention": "on", "mmap": False, "kv_tokens": 1024, "confidence": False}
    decoder = loaded(slots=4, step_tokens=32, prefixes=2, **options)
    ready = decoder.ready
    assert (ready.context_tokens, ready.kv_tokens, ready.slots, ready.threads) == (512, 1024, 4, 1)
    said = answers(decoder, [ask("hello", number, max_tokens=4) for number in range(6)])
    assert [type(one) for one in said] == [Done] * 6
    assert said[0].confidence is None


def test_more_jobs_than_llama_cpp_can_tell_apart_wait() -> None:
    """A lane may have a thousand jobs at a time; its engine runs as many as it can."""
    assert loaded(slots=1024, context_tokens=64, prefixes=1).ready.slots == 255


@pytest.mark.parametrize(
    ("options", "words", "failure"),
    [
        ({"kv_tokens": 10**9}, r"needs about .* GB .* are free", Failure.NO_MEMORY),
        ({"gpu_layers": -1}, "n_gpu_layers asks for 5, and 0 of 5", Failure.MODEL_MISSING),
    ],
)
def test_what_this_machine_cannot_do_is_refused_before_any_job(
    options: dict[str, object], words: str, failure: Failure
) -> None:
    """In words that say what to change."""
    if "gpu_layers" in options and llama_cpp.llama_supports_gpu_offload():
        pytest.skip("there is a GPU here")
    with pytest.raises(Failing, match=words) as caught:
        loaded(**options)
    assert caught.value.failure is failure
