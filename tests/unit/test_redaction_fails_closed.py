"""Where anything still shows, or anything goes wrong, there is no redacted copy."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redacting import Eyes, as_written, redact

from router.redaction.outcome import NotRedacted
from router.redaction.values import MIN_SEARCHED_CHARS
from router.signals.sensitivity.detector import Failure, GaveUpError
from router.signals.sensitivity.lists import Rules
from router.signals.sensitivity.places import Places
from router.signals.sensitivity.views.view import View
from tidegate.job import Job, Message
from tidegate.redaction import restore
from tidegate.signals import Signals


def test_a_choice_that_no_longer_names_a_tool_keeps_the_job_inside() -> None:
    """Where the copy would ask for another thing than the job, there is no copy."""
    tools = [{"function": {"name": "write_anna_lopez"}}]
    asked = {"tools": tools, "tool_choice": {"function": {"name": "write_anna_lopez"}}}
    with pytest.raises(NotRedacted):
        redact(Job.model_validate({"text": "Tell Anna Lopez.", "params": asked}))


@pytest.mark.parametrize(
    ("eyes", "text", "cause"),
    [
        (Eyes(failures=(Failure("presidio", "timeout"),)), "Anna Lopez", "presidio: timeout"),
        (Eyes(unknown="gone"), "Anna Lopez", "second look: test: gone"),
        (Eyes(blind=frozenset({"US_SSN"})), "Anna Lopez 078-05-1120", "US_SSN left"),
        (Eyes(), '{"Anna Lopez": 1, "anna lopez": 2}', "failed with Ambiguous"),
    ],
)
def test_where_anything_goes_wrong_there_is_no_copy(eyes: Eyes, text: str, cause: str) -> None:
    """A failure at any step is told by types and names of detectors."""
    with pytest.raises(NotRedacted) as caught:
        redact(text, eyes)
    assert str(caught.value) == cause


def test_a_bug_is_no_way_out() -> None:
    """Nor is an exception's message: it may quote the text."""

    class Broken(Eyes):
        def places(self, text: str, *, rules: Rules, gated: bool) -> Places:
            raise KeyError(text)

    with pytest.raises(NotRedacted) as caught:
        redact("Anna Lopez", Broken())
    assert str(caught.value) == "failed with KeyError"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("step", range(6))
def test_no_step_that_fails_gives_a_copy(step: int) -> None:
    """Whichever look it is, at the sheets, at the seams, at the copy, or at its readings."""
    steps = iter(range(100))

    def count() -> None:
        if next(steps) == step:
            raise TimeoutError

    class Failing(Eyes):
        def places(self, text: str, *, rules: Rules, gated: bool) -> Places:
            count()
            return super().places(text, rules=rules, gated=gated)

        def inspect(self, job: Job, *, rules: Rules, gated: bool) -> Signals:
            count()
            return super().inspect(job, rules=rules, gated=gated)

    def readings(text: str) -> Iterable[View]:
        count()
        return as_written(text)

    turns = tuple(Message(role="user", content=text) for text in ("Patient Bo Li has diabetes", "Anna Lopez"))
    with pytest.raises(NotRedacted, match=r"^failed with TimeoutError$"):
        redact(Job(messages=turns), Failing(), readings=readings)


def test_a_value_that_can_still_be_read_in_another_way_is_left() -> None:
    """The second look reads the copy in every way; what cannot be read to the end is no copy either."""

    def backwards(text: str) -> Iterable[View]:
        return (View(text), View(text[::-1], name="reversed"))

    def gives_up(text: str) -> Iterable[View]:
        yield View(text)
        raise GaveUpError("nesting")

    with pytest.raises(NotRedacted, match=r"^EMAIL_ADDRESS, PERSON left$|^PERSON left$"):
        redact("Anna Lopez or zepoL annA", readings=backwards)
    with pytest.raises(NotRedacted, match=r"^US_SSN left$"):
        redact("078-05-1120 and 0 7 8 0 5 1 1 2 0")
    with pytest.raises(NotRedacted, match=r"^second look: nesting$"):
        redact("Anna Lopez", readings=gives_up)


_WORDS = st.sampled_from(
    [
        *(
            "Anna Lopez",
            "anna@example.org",
            "4111 1111 1111 1111",
            "078-05-1120",
            "password=p4$s",
            "Anna",
            "LOPEZ",
            "Will",
        ),
        *(
            "hello",
            "the",
            "[PERSON_1]",
            "will",
            "{",
            '"',
            "\\",
            "\n",
            "https://x.org",
            "aged 47",
            "Patient Bo Li has diabetes",
        ),
    ]
)
_TEXTS = st.lists(_WORDS, min_size=1, max_size=12).map(" ".join)


@given(st.lists(_TEXTS, min_size=1, max_size=3))
def test_nothing_that_was_found_is_in_a_copy(texts: list[str]) -> None:
    """Whatever a job holds: there is no copy, or none of the values is in it; and each comes back as it was."""
    job = Job(messages=tuple(Message(role="user", content=text) for text in texts))
    try:
        found = redact(job)
    except NotRedacted:
        return
    sent = found.job.to_json().lower()
    for value in found.placeholders.values.values():
        assert len(value) < MIN_SEARCHED_CHARS or value.lower() not in sent
    for turn, text in zip(found.job.turns(), texts, strict=True):
        back = restore(turn.text, found.placeholders)
        assert re.sub(r"\W+", "", back.text).casefold() == re.sub(r"\W+", "", text).casefold()
