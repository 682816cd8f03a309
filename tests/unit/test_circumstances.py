"""What is around a job, and the values of copies and recorded decisions: pure parts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from doubles import decision, lane, signals
from hypothesis import given
from hypothesis import strategies as st

from router.commands.decisions import moment
from router.recorded import Recorded, read_recorded
from router.shadow import compared, copy_of
from router.signals.moment import draw, minute_of_week
from tidegate.decision import Decision
from tidegate.errors import InvalidDocument
from tidegate.job import Job
from tidegate.lane import Zone

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("day", "minute"),
    [
        ("2026-01-05T00:00", 0),
        ("2026-01-05T00:01", 1),
        ("2026-01-10T18:30", 5 * 1440 + 1110),
        ("2026-01-11T23:59", 10079),
    ],
    ids=["Monday", "a minute later", "Saturday evening", "the last one"],
)
def test_the_minute_of_the_week_begins_on_monday(day: str, minute: int) -> None:
    """In UTC, whatever the machine's time zone."""
    assert minute_of_week(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) == minute


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.binary(min_size=32, max_size=32))
def test_a_draw_lies_below_one_and_stays(conversation: str, job_id: str, key: bytes) -> None:
    """For a conversation whatever the job's id, for a job without one by its id."""
    talk = Job(text="a", conversation_id=conversation)
    drawn = draw(talk, job_id=job_id, policy="p", key=key)
    assert 0 <= drawn < 1
    assert drawn == draw(Job(text="b", conversation_id=conversation), job_id=job_id + "x", policy="p", key=key)
    alone = draw(Job(text="a"), job_id=job_id, policy="p", key=key)
    assert alone == draw(Job(text="b"), job_id=job_id, policy="p", key=key)


def test_draws_differ_by_tenant_policy_and_key() -> None:
    """Or the same conversations would be the guinea pigs of every split."""
    one = Job(text="a", conversation_id="c")
    drawn = {
        draw(one, job_id="j", policy="p", key=KEY),
        draw(one, job_id="j", policy="q", key=KEY),
        draw(one, job_id="j", policy="p", key=b"x" * 32),
        draw(Job(text="a", conversation_id="c", tenant="t"), job_id="j", policy="p", key=KEY),
        draw(Job(text="a"), job_id="c", policy="p", key=KEY),
    }
    assert len(drawn) == 5


def test_draws_are_even() -> None:
    """A tenth of the jobs is a tenth, more or less."""
    drawn = [draw(Job(text="a"), job_id=str(number), policy="p", key=KEY) for number in range(2000)]
    assert 150 < sum(one < 0.1 for one in drawn) < 250


@pytest.mark.parametrize(
    ("one", "other", "agreement", "length_ratio"),
    [
        ("positive", " positive\n", 1.0, 1.0),
        ("positive", "negative", 0.0, 1.0),
        ("yes", "yes, sir", 0.0, 3 / 8),
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}', 1.0, 15 / 18),
        ('{"a": 1}', '{"a": 1.5}', 0.0, 0.8),
        ("", "", 1.0, 1.0),
        ("", "a", 0.0, 0.0),
        ("[" * 100_000, "]", 0.0, 1 / 100_000),
    ],
    ids=["blanks", "other", "longer", "json", "other json", "nothing", "half nothing", "deep"],
)
def test_answers_are_compared(one: str, other: str, agreement: float, length_ratio: float) -> None:
    """The same text, or the same JSON; and the lengths as a ratio."""
    found = compared(one, other)
    assert (found.agreement, found.length_ratio) == (agreement, pytest.approx(length_ratio))


def shadowed(*, cleared: tuple[str, ...] = ()) -> Decision:
    """A decision that wants a copy on `shade`."""
    return decision("local", *cleared, cleared=cleared).model_copy(update={"shadow": "shade"})


def test_a_copy_runs_on_its_lane_and_no_other() -> None:
    """A failure there ends it; and a copy is not copied again."""
    copied = copy_of(shadowed(cleared=("api",)), lane("shade"))
    assert (copied.lanes, copied.cleared, copied.zone, copied.shadow) == (("shade",), (), Zone.INSIDE, None)
    copied = copy_of(shadowed(), lane("shade", zone=Zone.OUTSIDE))
    assert (copied.cleared, copied.zone) == (("shade",), Zone.OUTSIDE)


def recorded(**changes: object) -> Recorded:
    """A recorded decision."""
    given_ = {"at": 1.5, "job": "j", "policy": "p@1", "rule": "r", "zone": Zone.INSIDE, "signals": signals(), **changes}
    return Recorded.model_validate(given_)


def test_an_export_is_read_back(tmp_path: Path) -> None:
    """Line by line, with blank lines passed over, and a later release's fields as well."""
    path = tmp_path / "decisions.jsonl"
    later = json.dumps({**json.loads(recorded(job="k").to_json()), "news": 1})
    path.write_text(f"{recorded().to_json()}\n\n{later}\n")
    assert [one.job for one in read_recorded(path)] == ["j", "k"]
    assert [one.job for one in read_recorded(path, limit=1)] == ["j"]


@pytest.mark.parametrize("text", ['{"v": 1}', "nonsense", '{"text": "Mrs Quillfeather"}'])
def test_what_is_no_export_is_told_by_line(tmp_path: Path, text: str) -> None:
    """With its place, and without quoting what stands there."""
    path = tmp_path / "decisions.jsonl"
    path.write_text(f"{recorded().to_json()}\n{text}\n")
    with pytest.raises(InvalidDocument) as caught:
        list(read_recorded(path))
    assert caught.value.problems[0].startswith(f"{path}:2:1: no recorded decision: ")
    assert "Quillfeather" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """As every document is."""
    with pytest.raises(InvalidDocument, match="cannot be read"):
        list(read_recorded(tmp_path / "none.jsonl"))


def test_times_are_written_as_people_do() -> None:
    """An age, a date, a date with its zone; anything else is misuse."""
    assert moment("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC).timestamp()
    assert moment("2026-01-31T08:00+01:00") == datetime(2026, 1, 31, 7, tzinfo=UTC).timestamp()
    assert moment("2h") == pytest.approx(moment("120m"), abs=5)
    with pytest.raises(typer.BadParameter):
        moment("yesterday")
