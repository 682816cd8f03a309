"""The noop backend: a pause that a lane's model names, and nothing else."""

import threading

import pytest
from doubles import lane

from tidegate.errors import InvalidSettings, RunTimedOut
from tidegate.job import Message, Params
from tidegate.settings import load
from workers.backend import Backend, Run, open_backend


def _run(*, timeout_s: float = 5.0) -> Run:
    said = (Message(role="user", content="anything"),)
    return Run(job_id="j", attempt=1, messages=said, params=Params(), timeout_s=timeout_s)


def _opened(model: str) -> Backend:
    return open_backend(lane(backend="noop", model=model), load())


def test_it_answers_with_nothing() -> None:
    """A rehearsal's answer is empty and costs no tokens."""
    answer = _opened("noop").answer(_run(), stop=threading.Event())
    assert (answer.text, answer.usage.prompt_tokens, answer.model) == ("", 0, "noop")


def test_a_pause_ends_with_its_time_or_when_it_is_stopped() -> None:
    """A pause that is longer than the run may be is a timeout, and a stop ends any pause at once."""
    with pytest.raises(RunTimedOut, match="in time"):
        _opened("noop-60000ms").answer(_run(timeout_s=0.01), stop=threading.Event())
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(RunTimedOut, match="cancelled"):
        _opened("noop-60000ms").answer(_run(), stop=stopped)


def test_a_model_that_names_no_pause_is_refused_with_what_it_may_be() -> None:
    """A lane that rehearses with a real model's name is a mistake, told in words."""
    with pytest.raises(InvalidSettings, match="noop-50ms"):
        _opened("gpt-5")
