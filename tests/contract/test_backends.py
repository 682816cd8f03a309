"""What every backend keeps, whatever runs behind it: one suite over all of them. The backends are in conftest.py."""

import json
import threading
import time

import pytest
from backends import CANARY, VERDICT, Served, form, run, said

from tidegate.errors import ContextOverflow, RunError, RunTimedOut, SchemaInvalid
from workers.backend import Run


def test_an_answer_says_what_it_took(served: Served) -> None:
    """Text, why it ended, tokens of both kinds and a model's name."""
    answer = served.ask(run())
    assert isinstance(answer.text, str)
    assert answer.finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens <= 16
    assert answer.model


def test_greedy_answers_repeat(served: Served) -> None:
    """At temperature 0 the same job gives the same answer."""
    assert said(served.ask(run("twice"))) == said(served.ask(run("twice")))


def test_a_promised_form_is_kept(served: Served) -> None:
    """An answer that comes back keeps the schema."""
    answer = served.ask(run("I love it.", max_tokens=64, response_format=form(**VERDICT)))
    assert json.loads(answer.text)["sentiment"] in ("positive", "negative")


def test_a_form_that_was_cut_is_an_error(served: Served) -> None:
    """max_tokens that end in the middle of JSON never come back as an answer."""
    with pytest.raises(SchemaInvalid):
        served.ask(run(max_tokens=1, response_format=form(**VERDICT)))


def test_a_stop_that_was_said_before_is_heard(served: Served) -> None:
    """A run that nobody wants any more ends soon."""
    stop = threading.Event()
    stop.set()
    started = time.monotonic()
    with pytest.raises(RunTimedOut):
        served.ask(run(), stop=stop)
    assert time.monotonic() - started < 30


def test_a_run_ends_with_its_time(served: Served) -> None:
    """No answer within the time is RunTimedOut, and soon."""
    started = time.monotonic()
    with pytest.raises(RunTimedOut):
        served.ask(run("x " * 200, timeout_s=0.0001, max_tokens=200))
    assert time.monotonic() - started < 30


def test_threads_may_share_it(served: Served) -> None:
    """As many threads as the lane's concurrency, and more, each get their own answer."""
    alone = {text: served.ask(run(text)).text for text in ("one", "two", "three")}
    together: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda text=text: together.update({text: served.ask(run(text)).text})) for text in alone
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_a_prompt_beyond_the_context_is_refused(served: Served) -> None:
    """More than the lane's context is ContextOverflow, not half an answer."""
    with pytest.raises(ContextOverflow):
        served.ask(run("word " * (2 * served.lane.context_tokens)))


def test_an_answer_may_be_watched(served: Served) -> None:
    """What is told while it grows is the answer, in whatever pieces."""
    pieces: list[str] = []
    answer = served.backend.answer(run(), stop=threading.Event(), on_text=pieces.append)
    assert "".join(pieces) == answer.text
    assert said(answer) == said(served.ask(run()))


@pytest.mark.parametrize(
    "job",
    [
        run(CANARY, timeout_s=0.0001),
        run(CANARY * 20_000),
        run(CANARY, max_tokens=1, response_format=form(**VERDICT)),
        run(CANARY, response_format=form(**{"$ref": f"https://example.invalid/{CANARY}"})),
        run(CANARY, response_format=form(type=CANARY)),
    ],
    ids=["timeout", "overflow", "cut", "foreign schema", "no schema"],
)
def test_errors_carry_no_text(served: Served, job: Run) -> None:
    """Whatever fails: an error of ours, without a word of the job in it or in its cause."""
    with pytest.raises(RunError) as caught:
        served.ask(job)
    assert "Mustermann" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or "Mustermann" not in str(caught.value.__context__)
