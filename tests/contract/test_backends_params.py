"""What a job may ask of a model: every backend does it, or says by name that it does not."""

import threading
import time
from typing import Any

import pytest
from backends import Served, run

from tidegate.errors import BadRequest, RunTimedOut
from tidegate.job import Message

REVIEW = "What is the sentiment of this review? Answer positive, negative or neutral.\nThe food was great."
"""Of a kind that the shipped model was made for."""

ANY_TOKEN = "300"
"""A number in the shipped model's vocabulary."""


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 1.0, "top_p": 0.5},
        {"temperature": 1.0, "top_k": 3},
        {"temperature": 1.0, "min_p": 0.2},
        {"temperature": 1.5, "top_k": 0, "top_p": 1.0, "min_p": 0.0},
        {"frequency_penalty": 1.0, "presence_penalty": -1.0},
        {"repeat_penalty": 1.3},
        {"logit_bias": {ANY_TOKEN: -100.0, "301": 5}},
        {"stop": ("\n", "zzz")},
        {"n": 1, "logprobs": False, "tool_choice": "none"},
    ],
    ids="+".join,
)
def test_what_openai_has_is_taken_and_a_seed_repeats_it(served: Served, params: dict[str, Any]) -> None:
    """Whatever chance is told to do, the same seed does it again; what an API has not is refused by its name."""
    job = run("Say something.", seed=7, **params)
    if lacking := served.lacks & {name for name, value in params.items() if value}:
        with pytest.raises(BadRequest, match="|".join(rf"params\.{name}:" for name in lacking)):
            served.ask(job)
        return
    assert served.ask(job).text == served.ask(job).text


def test_a_stop_string_ends_the_answer_before_it(served: Served) -> None:
    """The text up to the first stop string, and not a character of it."""
    if "stop" in served.lacks:
        pytest.skip("its API has none")
    whole = served.ask(run(REVIEW, max_tokens=32)).text
    at = len(whole) // 2
    cut = served.ask(run(REVIEW, max_tokens=32, stop=(whole[at : at + 3], "never said")))
    assert cut.text == whole[: whole.index(whole[at : at + 3])]
    assert cut.finish_reason == "stop"


def test_no_more_is_written_than_was_asked_for(served: Served) -> None:
    """max_tokens is a limit, and an answer that met it says so."""
    answer = served.ask(run("Repeat: one two three four five six", max_tokens=2))
    assert answer.usage.completion_tokens <= 2
    assert answer.finish_reason == "length"


def test_log_probabilities_come_when_asked_for(served: Served) -> None:
    """A token each, with as many others as were asked for; together they are the text."""
    if "logprobs" in served.lacks:
        with pytest.raises(BadRequest, match=r"params\.logprobs"):
            served.ask(run(REVIEW, logprobs=True))
        return
    answer = served.ask(run(REVIEW, logprobs=True, top_logprobs=3))
    assert answer.logprobs is not None
    assert "".join(token.token for token in answer.logprobs) == answer.text
    assert all(token.logprob <= 0 and len(token.top_logprobs) <= 3 for token in answer.logprobs)
    assert served.ask(run(REVIEW)).logprobs is None
    bare = served.ask(run(REVIEW, logprobs=True)).logprobs
    assert bare is not None
    assert not any(token.top_logprobs for token in bare)


def test_the_likeliest_token_is_the_greedy_one(real: Served) -> None:
    """At temperature 0 each token stands first among those at its place."""
    answer = real.ask(run(REVIEW, logprobs=True, top_logprobs=3))
    assert answer.logprobs
    for token in answer.logprobs:
        assert len(token.top_logprobs) == 3
        assert token.top_logprobs[0].token == token.token
        assert token.top_logprobs[0].logprob == pytest.approx(token.logprob, abs=1e-5)
        assert [other.logprob for other in token.top_logprobs] == sorted(
            (other.logprob for other in token.top_logprobs), reverse=True
        )


def test_a_bias_outweighs_the_model(real: Served) -> None:
    """A token that is made likely enough is all that is said; a penalty ends its reign."""
    said = real.ask(run(max_tokens=8, logprobs=True, logit_bias={ANY_TOKEN: 100.0})).logprobs
    assert said is not None
    assert len({token.token for token in said}) == 1
    biased = {"max_tokens": 32, "logit_bias": {ANY_TOKEN: 20.0}}
    assert real.ask(run(**biased, frequency_penalty=2.0)).text != real.ask(run(**biased)).text


def test_a_model_sounds_the_same_wherever_it_runs(llama_cpp: Served, llama_server: Served) -> None:
    """The engine and llama.cpp's own server say the same, with the same numbers, of what the model was made for."""
    ours, theirs = (served.ask(run(REVIEW, logprobs=True)) for served in (llama_cpp, llama_server))
    assert ours.text == theirs.text
    assert ours.logprobs
    assert theirs.logprobs
    for one, other in zip(ours.logprobs, theirs.logprobs, strict=False):  # it counts the token that ends the answer
        assert one.logprob == pytest.approx(other.logprob, abs=0.01)


def test_a_sampler_keeps_its_bounds(real: Served) -> None:
    """Where one token is left to choose from, chance is none: the greedy answer comes."""
    greedy = real.ask(run(REVIEW)).text
    for bound in ({"top_k": 1}, {"top_p": 0.0}, {"min_p": 1.0}):
        assert real.ask(run(REVIEW, temperature=2.0, **bound)).text == greedy


def test_what_a_server_cannot_do_is_refused_by_name(served: Served) -> None:
    """A token that must end the answer is known to engines of one's own alone."""
    if served.lane.backend == "llama_cpp":
        pytest.skip("it can")
    with pytest.raises(BadRequest, match=r"params\.stop_tokens"):
        served.ask(run(stop_tokens=(5,)))


def test_a_stop_in_the_middle_ends_the_run_and_the_next_one_comes(real: Served) -> None:
    """Who hears the first piece and goes away waits for no more, and leaves room for the next."""
    stop = threading.Event()
    started = time.monotonic()
    with pytest.raises(RunTimedOut):
        real.ask(
            run("hello", max_tokens=900, logit_bias={ANY_TOKEN: 100.0}), stop=stop, on_text=lambda _piece: stop.set()
        )
    assert time.monotonic() - started < 60
    assert real.ask(run(REVIEW)).text


def test_a_real_model_says_how_sure_it_was(real: Served) -> None:
    """Confidence comes unasked from every lane inside, and has a margin."""
    sure = real.ask(run(REVIEW)).confidence
    assert sure is not None
    assert sure.lowest_logprob <= sure.mean_logprob <= 0
    assert sure.mean_margin is not None


def test_a_tool_s_answer_is_read(served: Served) -> None:
    """A conversation with a call and its result is taken, whether the job offers tools or not."""
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    turns = (
        Message(role="user", content="hello"),
        Message.model_validate({"role": "assistant", "tool_calls": [call]}),
        Message(role="tool", content="nothing there", tool_call_id="abcdefghi"),
    )
    job = run()
    assert served.ask(type(job)(**{**vars(job), "messages": turns})).usage.prompt_tokens > 0
