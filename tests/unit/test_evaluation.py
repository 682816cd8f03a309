"""The measuring: rows with their truth, outcomes, counts and shares. The detectors are fakes here."""

import io
import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from router.evaluation import tally
from router.evaluation.looking import Look, Outcome, outcomes
from router.evaluation.report import Evaluation, as_json, render
from router.evaluation.rows import MOST_PROBLEMS, Row, read_rows, rows_of
from router.evaluation.tally import Share
from tidegate.errors import InvalidDocument
from tidegate.job import Job
from tidegate.signals import Finding, Level, Sensitivity

SECRET = "Rumpelstiltskin"


@contextmanager
def at_signs() -> Iterator[Look]:
    """A stand-in for the detectors: an `@` is an e-mail address, a `!` breaks them, and so does to close them."""
    closed = False

    def look(job: Job) -> Sensitivity:
        if closed:
            raise RuntimeError("closed")
        text = "\n".join(turn.text for turn in job.turns())
        if "!" in text:
            raise ValueError(text)
        found = (Finding(type="EMAIL_ADDRESS", score=0.9, detector="fake"),) if "@" in text else ()
        return Sensitivity(level=Level.PERSONAL if found else Level.PUBLIC, findings=found)

    try:
        yield look
    finally:
        closed = True


@contextmanager
def killed() -> Iterator[Look]:
    """Detectors that take their process with them."""

    def look(job: Job) -> Sensitivity:
        if job.text == "die":
            os._exit(9)
        return Sensitivity(level=Level.PUBLIC)

    yield look


def rows(*given: dict[str, Any]) -> tuple[Row, ...]:
    """Rows of objects."""
    return rows_of((json.dumps(row).encode() for row in given), name="data", max_bytes=10_000)


def measured(*given: dict[str, Any]) -> Evaluation:
    """What the fake detectors make of them."""
    made = rows(*given)
    return Evaluation(tuple(zip(made, outcomes(made, opener=at_signs), strict=True)), wall_s=1.0, policy="p@1", jobs=1)


def printed(tables: RenderableType) -> str:
    """As in a window of 200 columns."""
    out = Console(width=200, file=io.StringIO(), record=True)
    out.print(tables)
    return out.export_text()


def problems(*lines: bytes, max_bytes: int = 1000) -> tuple[str, ...]:
    """What is said of bad lines."""
    with pytest.raises(InvalidDocument) as caught:
        rows_of(lines, name="data", max_bytes=max_bytes)
    return caught.value.problems


@pytest.mark.parametrize(
    ("labels", "types"),
    [
        ({"spans": [[0, 4, "PERSON"], [5, 9, "DATE_TIME"]]}, {"PERSON"}),
        ({"types": ["EMAIL", "API_KEY"]}, {"EMAIL", "API_KEY"}),
        ({"type": "SSN", "value": "somebody's", "transform": "plain"}, {"SSN"}),
        ({"types": ["ORGANIZATION", "AGE"]}, set()),
        ({"types": []}, set()),
        ({}, set()),
    ],
)
def test_labels_in_each_form(labels: dict[str, Any], types: set[str]) -> None:
    """Spans, types or one type say what a row holds; what is harmless by itself makes nobody stay inside."""
    (row,) = rows({"text": "Anna was here today.", **labels})
    assert row.types == types
    assert row.personal == bool(types)


def test_an_expected_level_decides() -> None:
    """A row that says its level is personal by that level, whatever types it names."""
    made = rows(
        {"text": "a", "level": "internal", "types": ["PERSON"]},
        {"text": "a", "level": "restricted"},
        {"text": "a", "level": "unknown"},
    )
    assert [row.personal for row in made] == [False, True, True]


def test_whole_jobs() -> None:
    """A row may be a job as producers write it, with keys of the data set beside its own."""
    (row,) = rows({"messages": [{"role": "user", "content": "hi"}], "tenant": "t", "level": "public", "id": 7})
    assert row.job.turns()[0].text == "hi"
    assert row.job.tenant == "t"


def test_groups_and_places() -> None:
    """A row knows its file, its line, and by what it can be told apart; empty lines count, and are passed over."""
    made = rows_of([b"", b'{"text": "a", "source": "s", "template": 3}\n'], name="data", max_bytes=99)
    assert [(row.file, row.line, row.groups) for row in made] == [("data", 2, {"source": "s", "template": "3"})]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "data:1: expected JSON"),
        (b"\xff", "data:1: expected UTF-8"),
        (b"[]", "data:1: expected a JSON object"),
        (b"{}", "data:1: (the whole): give exactly one of messages, text, prompt"),
        (b'{"text": 5}', "data:1: text: "),
        (b'{"text": "a", "level": "high"}', "data:1: level: "),
        (b'{"text": "a", "spans": [[0, 5, "X"]]}', "data:1: spans: expected"),
        (b'{"text": "a", "spans": [[0, "X"]]}', "data:1: spans[0]"),
        (b'{"text": "a", "types": "X"}', "data:1: types: "),
        (b'{"text": "a", "spanz": []}', "nearly `spans`"),
        (b'{"text": "a", "pad": "' + b"x" * 1000 + b'"}', "data:1: longer than 1000 bytes"),
        (b"[" * 900, "data:1: "),
    ],
)
def test_bad_rows_are_told_with_their_place(line: bytes, told: str) -> None:
    """File, line, and what was expected."""
    (problem,) = problems(line)
    assert told in problem


def test_bad_rows_never_quote_the_text() -> None:
    """Somebody's data must not end in a terminal's scrollback because of a missing bracket."""
    lines = [
        f'{{"text": "{SECRET}"'.encode(),
        f'{{"text": {{"{SECRET}": 1}}}}'.encode(),
        f'{{"text": "a", "level": "{SECRET}"}}'.encode(),
        f'{{"messages": [{{"role": "{SECRET}", "content": "{SECRET}"}}]}}'.encode(),
        f'{{"text": "a", "params": {{"{SECRET}": 1}}}}'.encode(),
    ]
    told = problems(*lines)
    assert len(told) == len(lines)
    assert SECRET not in "".join(told)


def test_a_file_that_is_no_data_set_is_told_briefly() -> None:
    """Not a line for each of its lines."""
    told = problems(*[b"{"] * 500)
    assert len(told) == MOST_PROBLEMS + 1
    assert told[-1] == "data: and more"


def test_a_file_that_cannot_be_read(tmp_path: Any) -> None:
    """Its name and the reason."""
    with pytest.raises(InvalidDocument, match=r"gone\.jsonl: cannot be read: No such file"):
        read_rows(tmp_path / "gone.jsonl", max_bytes=99)


def test_a_detector_that_breaks_is_unknown() -> None:
    """As in the router: nobody could tell, so it stays inside, and the cause is the error's class."""
    (outcome,) = outcomes(rows({"text": f"{SECRET}!"}), opener=at_signs)
    assert (outcome.level, outcome.inside, outcome.cause) == (Level.UNKNOWN, True, "inspection: ValueError")


def test_several_processes_say_the_same_in_the_same_order() -> None:
    """Processes only make it faster."""
    made = rows(*({"text": "a@b" if number % 3 else "ab"} for number in range(100)))
    alone = [outcome.level for outcome in outcomes(made, opener=at_signs)]
    assert [outcome.level for outcome in outcomes(made, opener=at_signs, jobs=2)] == alone


def test_a_process_that_dies_is_an_error() -> None:
    """Numbers over half of the rows would be wrong numbers."""
    with pytest.raises(Exception, match="terminated abruptly"):
        list(outcomes(rows({"text": "die"}, {"text": "a"}), opener=killed, jobs=2))


def test_stopping_early_ends_the_processes() -> None:
    """Whoever takes a few outcomes and goes leaves no process behind."""
    some = outcomes(rows(*({"text": "a"} for _ in range(300))), opener=at_signs, jobs=2)
    next(some)
    some.close()
    for process in multiprocessing.active_children():
        assert connection.wait([process.sentinel], 10)


def test_counts_and_shares() -> None:
    """Recall over the personal rows, false alarms over the others."""
    found = measured(
        {"text": "a@b", "type": "EMAIL"},
        {"text": "ab", "type": "EMAIL"},
        {"text": "a@b", "types": ["EMAIL", "SSN"]},
        {"text": "a@b"},
        {"text": "ab"},
        {"text": "ab!"},
    )
    assert (found.total.recall, found.total.alarms) == (Share(2, 3), Share(2, 3))
    assert tally.by_type(found.pairs) == [
        tally.OfType("EMAIL", Share(2, 3), Share(1, 2)),
        tally.OfType("SSN", Share(1, 1), Share(0, 0)),
    ]
    assert tally.alarm_types(found.pairs) == {"EMAIL_ADDRESS": 1, "unknown": 1}
    assert tally.causes(found.pairs) == {"inspection: ValueError": 1}
    assert [row.line for row, _ in tally.misses(found.pairs)] == [2]


def test_by_group() -> None:
    """Rows that do not say it are in none."""
    found = measured(
        {"text": "a@b", "type": "EMAIL", "transform": "plain"},
        {"text": "ab", "type": "EMAIL", "transform": "disguised"},
        {"text": "ab", "type": "EMAIL"},
    )
    assert [(x.name, x.recall) for x in tally.by_group(found.pairs, "transform")] == [
        ("disguised", Share(0, 1)),
        ("plain", Share(1, 1)),
    ]


def test_confusion_of_expected_and_found_levels() -> None:
    """Only over rows that say what they expect, in the order of the levels."""
    found = measured(
        {"text": "a@b", "level": "personal"}, {"text": "ab", "level": "personal"}, {"text": "ab", "level": "public"},
        {"text": "ab"},
    )  # fmt: skip
    assert tally.confusion(found.pairs) == {
        Level.PUBLIC: {Level.PUBLIC: 1},
        Level.PERSONAL: {Level.PERSONAL: 1, Level.PUBLIC: 1},
    }
    assert list(tally.confusion(found.pairs)) == [Level.PUBLIC, Level.PERSONAL]


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share(hits: int, more: int) -> None:
    """The share lies within, the bounds within 0 and 1; of nothing there is none."""
    share = Share(hits, hits + more)
    if share.interval is None:
        assert share.of == 0
        return
    low, high = share.interval
    assert 0 <= low <= (share.share or 0) + 1e-9
    assert (share.share or 0) - 1e-9 <= high <= 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_times_are_those_of_some_row(taken: list[float]) -> None:
    """The 95th percentile is one of the times, and not below the median."""
    (row,) = rows({"text": "a"})
    pairs = [(row, Outcome(Level.PUBLIC, (), None, cpu_s, 1)) for cpu_s in taken]
    times = tally.times(pairs, wall_s=1.0)
    assert times.p95_cpu_ms in [cpu_s * 1000 for cpu_s in taken]
    assert (times.p95_cpu_ms or 0) >= (times.median_cpu_ms or 0) - 1e-9


def test_a_report_holds_numbers_and_places_and_no_text() -> None:
    """Tables and JSON go into tickets: nobody's text may be in them."""
    found = measured(
        {"text": f"{SECRET}@", "type": "EMAIL", "value": SECRET},
        {"text": SECRET, "type": "EMAIL", "transform": "plain"},
        {"text": f"@{SECRET}", "level": "public"},
        {"text": f"{SECRET}!"},
    )
    told = json.dumps(as_json(found, by=("type", "transform"), misses=9))
    shown = printed(render(found, by=("type", "transform"), misses=9))
    assert SECRET not in told
    assert SECRET not in shown
    for expected in ("data:2", "50.00%", "EMAIL", "plain", "expected", "why unknown", "inspection: ValueError"):
        assert expected in shown


def test_rows_that_ran_out_of_time_are_told() -> None:
    """They count as kept inside, so on a slow machine the recall would look better than it is."""
    pairs = [(row, Outcome(Level.UNKNOWN, (), "presidio: timeout", 5.0, 1)) for row in rows({"text": "a", "type": "X"})]
    assert "1 rows ran out of time" in printed(
        render(Evaluation(pairs, wall_s=1, policy=None, jobs=1), by=(), misses=0)
    )


def test_json_holds_what_programs_need() -> None:
    """Shares with their counts and intervals, tables by what was asked, places of misses."""
    told = as_json(
        measured({"text": "ab", "type": "EMAIL"}, {"text": "a@b", "level": "personal"}), by=("type",), misses=5
    )
    assert told["policy"] == "p@1"
    assert told["personal"] == {"of": 2, "inside": 1, "share": 0.5, "interval": told["personal"]["interval"]}
    assert told["by"]["type"]["EMAIL"]["inside"] == 0
    assert told["confusion"] == {"personal": {"personal": 1}}
    assert told["misses"][0] | {"cause": None} == {
        "file": "data", "line": 1, "holds": ["EMAIL"], "found": [], "level": "public", "cause": None,
    }  # fmt: skip


def test_one_miss_in_many_is_never_100_percent() -> None:
    """A rounded figure must not hide a leak."""
    pairs = [(row, Outcome(level, (), None, 0.0, 1))
             for row, level in zip(rows({"text": "a", "type": "X"}) * 20_001,
                                   [Level.PUBLIC, *[Level.PERSONAL] * 20_000], strict=True)]  # fmt: skip
    shown = printed(render(Evaluation(pairs, wall_s=1, policy=None, jobs=1), by=(), misses=0))
    assert "99.99%" in shown
    assert "100%" not in shown.replace("100.0%", "")
