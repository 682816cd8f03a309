"""Values come back into an answer: however a model wrote the placeholders, and however the answer was cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.job import FunctionCall, Job, ToolCall
from tidegate.lane import Zone
from tidegate.redaction import Placeholders, Restorer, bracketed, restore, restored_result
from tidegate.result import JobResult, Timings, Usage
from tidegate.testing import InMemoryClient, redacted

VALUES = {
    "PERSON_1": "Anna Lopez",
    "PERSON_1A": "Anna",
    "PERSON_12": "Bo",
    "US_SSN_1": "078-05-1120",
    "PASSWORD_1": 'a"b\\c\nd',
}
LONGEST = 40
"""Of these placeholders, with escapes and brackets."""
PLACEHOLDERS = Placeholders(values=VALUES)


@pytest.mark.parametrize(
    ("written", "restored"),
    [
        ("Dear [PERSON_1],", "Dear Anna Lopez,"),
        ("Dear [person_1a],", "Dear Anna,"),
        ("[Person 1]'s card", "Anna Lopez's card"),
        ("[ PERSON-1 ]", "Anna Lopez"),
        ("**PERSON_1** and PERSON_12.", "**Anna Lopez** and Bo."),
        (r"\[PERSON\_1\]", "Anna Lopez"),
        (r"C:\[PERSON_1]", r"C:\Anna Lopez"),
        ("{PERSON_1} <PERSON_1> 【PERSON_1】", "Anna Lopez Anna Lopez Anna Lopez"),
        ("[see PERSON_12]", "[see Bo]"),
        ("get_PERSON_12_age", "get_Bo_age"),
        ("[US SSN 1] [Us_Ssn_01]", "078-05-1120 078-05-1120"),
        ("Person 1 met person 12", "Person 1 met person 12"),
        ("[PERSON_123] PERSON_1x SUPERSON_1", "[PERSON_123] PERSON_1x SUPERSON_1"),
        ("[PASSWORD_1]", VALUES["PASSWORD_1"]),
    ],
)
def test_a_placeholder_is_known_as_models_write_it(written: str, restored: str) -> None:
    """In any case, without brackets or with others, with escapes; and nothing else is taken for one."""
    assert restore(written, PLACEHOLDERS).text == restored


def test_calls_get_their_values_back() -> None:
    """In the arguments, which stay JSON, keys and values; what stands for nothing is told with the text's."""
    arguments = '{"to": "[PERSON_1]", "PERSON_12": "[PASSWORD_1]", "or": "[PERSON_7]"}'
    result = JobResult(
        job_id="a",
        text="I ask [PERSON_1A].",
        finish_reason="tool_calls",
        usage=Usage(),
        model="m",
        lane="l",
        zone=Zone.OUTSIDE,
        attempts=1,
        timings=Timings(queued_s=0, run_s=0, total_s=0),
        tool_calls=(ToolCall(id="c", function=FunctionCall(name="write", arguments=arguments)),),
    )
    found = restored_result(result, PLACEHOLDERS)
    assert found.text == "I ask Anna."
    (call,) = found.tool_calls
    assert (call.id, call.function.name) == ("c", "write")
    assert json.loads(call.function.arguments) == {
        "to": "Anna Lopez", "Bo": VALUES["PASSWORD_1"], "or": "[PERSON_7]",
    }  # fmt: skip
    assert (found.restored, found.unknown_placeholders) == (4, ("PERSON_7",))


@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```"])
def test_json_stays_json(fence: str) -> None:
    """A value with quotes and line ends is escaped where the whole answer is JSON, and comes back as it was."""
    found = restore(
        fence.format('{"a": "is [PASSWORD_1]", "b": ["x\\nPERSON_1", "\\\\[PERSON\\\\_1\\\\]"]}'), PLACEHOLDERS
    )
    body = found.text.removeprefix("```json\n").removesuffix("\n```")
    assert json.loads(body) == {"a": f"is {VALUES['PASSWORD_1']}", "b": ["x\nAnna Lopez", "Anna Lopez"]}
    assert found.count == 3


def test_made_up_placeholders_are_told() -> None:
    """Only in brackets and only of types that there were: any other word in brackets is the model's business."""
    found = restore("[PERSON_7] and [PERSON_1] in [FIG_1], PERSON_8", PLACEHOLDERS)
    assert (found.count, found.unknown) == (1, ("PERSON_7",))


_PIECES = st.one_of(
    st.sampled_from([*map(bracketed, VALUES), *VALUES, "[person 1]", r"\[PERSON\_1\]", "[PERSON_9]", "<US SSN 1>"]),
    st.text(alphabet='[]{}<>\\_ -PERSONUS_SSN_PASSWORD_0123 aAn\n"', max_size=12),
)
_ANSWERS = st.lists(_PIECES, max_size=12).map("".join)


@given(_ANSWERS, st.lists(st.integers(0, 200), max_size=20), st.sampled_from("jt"))
def test_any_chunks_give_the_same_as_the_whole(answer: str, cuts: list[int], form: str) -> None:
    """The text, the count and what is unknown; and what is held back is never longer than a placeholder."""
    whole = Restorer(PLACEHOLDERS, in_json=form == "j")
    expected = whole.feed(answer) + whole.close()
    ends = [0, *sorted(cut for cut in cuts if cut < len(answer)), len(answer)]
    restorer = Restorer(PLACEHOLDERS, in_json=form == "j")
    parts = [restorer.feed(answer[start:end]) for start, end in pairwise(ends)]
    assert "".join(parts) + restorer.close() == expected
    assert (restorer.count, restorer.unknown) == (whole.count, whole.unknown)


@given(_ANSWERS)
def test_what_is_held_back_is_short(answer: str) -> None:
    """Character by character: no reader waits for more than one placeholder's length."""
    restorer = Restorer(Placeholders(values={name: bracketed(name) for name in VALUES}))
    for char in answer:
        restorer.feed(char)
        assert len(restorer.held) <= LONGEST


def test_plain_prose_is_not_held_back() -> None:
    """A word that begins no placeholder is told at once."""
    restorer = Restorer(PLACEHOLDERS)
    assert [restorer.feed(word) for word in ("Dear ", "friend, ", "you owe ", "[PER", "SON_1", "]", " 20 EUR")] == [
        "Dear ", "friend, ", "you owe ", "", "", "", "Anna Lopez 20 EUR",
    ]  # fmt: skip


def test_values_are_in_no_repr() -> None:
    """A repr ends up in logs and tracebacks."""
    assert "Anna" not in f"{PLACEHOLDERS!r}{PLACEHOLDERS}"


def test_a_backend_can_test_with_a_redacted_answer() -> None:
    """The in-memory client restores as the real one does."""
    client = InMemoryClient(answer=redacted("Dear [PERSON_1], [PERSON_2]", {"PERSON_1": "Anna Lopez"}))
    result = client.result(client.submit(Job(text="Write to Anna Lopez")))
    assert result.text == "Dear Anna Lopez, [PERSON_2]"
    assert (result.restored, result.unknown_placeholders, result.zone) == (1, ("PERSON_2",), "outside")
