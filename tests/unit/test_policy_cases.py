"""Cases of a policy: in short, in full, as text; expected against got with places; coverage, watching, explaining."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from router import cli
from router.commands import explain as explain_command
from router.commands import test as test_command
from router.policy.cases.given import Given, Inspect
from router.policy.cases.trial import Trials, files_of, try_policy
from tidegate.documents import parse, read
from tidegate.errors import InvalidDocument
from tidegate.job import Job
from tidegate.settings import Settings
from tidegate.signals import Band, BudgetLeft, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals

RUNNER = CliRunner()
SHIPPED = [path for path in sorted((Settings().home / "policies").glob("*.yaml")) if "rules" in read(path).tree]
POLICY = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 128000}
rules:
  - name: personal-stays
    when: {sensitivity: {at_least: personal}}
    send: near
    why: Stays.
  - name: short
    when: {complexity: simple}
    send: near
    overflow: {to: far, when: {wait_s: {over: 20}}}
    why: Short.
  - name: weekend
    when: {time: {days: [sat, sun]}}
    send: far
    why: Nobody is here.
default: {send: near, why: stays}
tests:
"""
PASSING = """\
  - name: a mail address is personal
    given: {entities: EMAIL_ADDRESS}
    expect: {lane: near, rule: personal-stays, zone: inside}
  - name: a busy lane overflows
    given: {complexity: simple, wait_s: {near: 25}}
    expect: {lanes: [far, near], zone: outside}
  - name: a lane that is down overflows
    given: {complexity: simple, health: {near: down}}
    expect: {lane: far}
  - name: too long for every lane inside
    given: {sensitivity: personal, tokens: 5000}
    expect: {lanes: []}
"""
FAILING = """\
  - name: saturday goes out
    given: {minute: sat 18:30}
    expect: {lane: near, rule: weekend, zone: inside}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A policy with cases that pass."""
    path = tmp_path / "p.yaml"
    path.write_text(POLICY + PASSING)
    return path


def no_inspector(_: Path) -> AbstractContextManager[Inspect]:
    """For cases without texts: opening detectors would be a mistake."""
    raise AssertionError("no case gives a text")


def tried(path: Path) -> Trials:
    """The cases of a policy, tried without detectors."""
    return try_policy(path, open_inspector=no_inspector)


def test_cases_that_hold_pass(file: Path) -> None:
    """Signals in short; what is not said is ordinary."""
    assert (tried(file).passed, len(tried(file).trials)) == (True, 4)


def test_what_differs_is_told_with_its_place(file: Path) -> None:
    """Expected against got, at the value that was expected."""
    file.write_text(POLICY + FAILING)
    result = tried(file)
    assert not result.passed
    assert result.trials[0].place == f"{file}:21:5"
    assert set(result.problems) == {
        f"{file}:23:20: tests[0].expect.lane: expected near, got far",
        f"{file}:23:47: tests[0].expect.zone: expected inside, got outside",
    }


def test_a_case_that_names_what_is_not_there_fails(file: Path) -> None:
    """With a hint, instead of differing for ever."""
    file.write_text(POLICY + "  - {name: x, expect: {rule: wekend, lanes: [neer]}}\n")
    said = " ".join(tried(file).problems)
    assert "no such rule; did you mean 'weekend'?" in said
    assert "no such lane; did you mean 'near'?" in said


def test_errors_of_all_files_come_at_once(file: Path) -> None:
    """Those of the policy's cases and those of the files beside it."""
    file.write_text(POLICY + "  - {name: x, given: {complexity: simpel}, expect: {zone: inside}}\n")
    file.with_name("p.tests.yaml").write_text("tests:\n  - {name: y, expect: {}}\n")
    with pytest.raises(InvalidDocument) as caught:
        tried(file)
    assert [problem.split(": ", 1)[1] for problem in caught.value.problems] == [
        "tests[0].given.complexity: should be 'simple', 'moderate', 'complex' or 'unknown'; did you mean 'simple'?",
        "tests[0].expect: give at least one of lane, lanes, rule, zone, shadow, redacted, regions, answers_at_most",
    ]


def test_cases_stand_beside_the_policy_too(file: Path) -> None:
    """`NAME.tests.yaml` and `NAME.*.tests.yaml`; one of them alone finds its policy."""
    beside = file.with_name("p.night.tests.yaml")
    beside.write_text("tests:\n" + FAILING)
    assert files_of(file) == (file, beside)
    assert [trial.passed for trial in tried(file).trials] == [True, True, True, True, False]
    beside.write_text("policy: p.yaml\ntests:\n" + FAILING)
    assert (tried(beside).path, len(tried(beside).trials)) == (file, 1)


def test_coverage_counts_rules_and_lanes(file: Path) -> None:
    """What no case speaks of has 0."""
    assert dict(tried(file).rules) == {"personal-stays": 2, "short": 2, "weekend": 0, "default": 0}
    assert dict(tried(file).lanes) == {"near": 1, "far": 2}


def test_texts_go_through_the_detectors_opened_once(file: Path) -> None:
    """Lazily, once for all cases; the world around the job is added to what they say."""
    opened: list[Path] = []

    @contextmanager
    def fake(path: Path) -> Iterator[Inspect]:
        opened.append(path)
        yield lambda job: Signals(
            sensitivity=Sensitivity(level=Level.PERSONAL if "@" in str(job.text) else Level.PUBLIC),
            complexity=Complexity(band=Band.SIMPLE),
            tokens=3,
            max_tokens=9,
            tenant=job.tenant,
        )

    texts = (
        "  - {name: a, given: {text: me@example.org}, expect: {rule: personal-stays}}\n"
        "  - {name: b, given: {text: hello, wait_s: {near: 30}}, expect: {lane: far}}\n"
    )
    file.write_text(POLICY + texts)
    assert try_policy(file, open_inspector=fake).passed
    assert opened == [file]


def test_a_detector_that_fails_fails_the_case_and_not_the_others(file: Path) -> None:
    """And no message carries the text."""

    @contextmanager
    def broken(_: Path) -> Iterator[Inspect]:
        def inspect(_: Job) -> Signals:
            raise ValueError("secret text")

        yield inspect

    file.write_text(POLICY + "  - {name: a, given: {text: secret text}, expect: {lane: near}}\n" + PASSING)
    result = try_policy(file, open_inspector=broken)
    assert [trial.passed for trial in result.trials] == [False, True, True, True, True]
    assert result.problems == (f"{file}:21:15: tests[0].given: could not be inspected: ValueError",)


def no_text(_: Job) -> Signals:
    """For what gives no text."""
    raise AssertionError("asked about texts only")


LOADS = st.builds(
    LaneLoad, queued=st.integers(0, 9), slots=st.integers(0, 9), wait_s=st.none() | st.floats(0, 1e6, allow_nan=False)
)
SIGNALS = st.builds(
    Signals,
    sensitivity=st.builds(
        Sensitivity,
        level=st.sampled_from(Level),
        findings=st.lists(st.builds(Finding, type=st.just("URL"), score=st.floats(0, 1), detector=st.just("d"))),
        cause=st.none() | st.just("presidio: timeout"),
    ),
    complexity=st.builds(Complexity, band=st.sampled_from(Band), score=st.none() | st.floats(0, 1)),
    tokens=st.integers(0, 10**6),
    max_tokens=st.integers(0, 10**6),
    tenant=st.sampled_from(["default", "acme"]),
    latency=st.sampled_from(["interactive", "batch"]),
    task=st.none() | st.just("review"),
    load=st.dictionaries(st.sampled_from(["near", "far"]), LOADS),
    minute=st.none() | st.integers(0, 7 * 24 * 60 - 1),
    draw=st.floats(0, 1, exclude_max=True),
    overflowing=st.sampled_from([(), ("short",)]),
    budget_left_usd=st.sampled_from([{}, {"lane:far": 2.5}]),
    budgets=st.sampled_from([{}, {"house": BudgetLeft(usd=-0.5)}, {"acme": BudgetLeft(usd=1.0, tokens=7)}]),
)


@given(signals=SIGNALS)
def test_recorded_signals_are_given_as_they_are(signals: Signals) -> None:
    """Whatever was recorded can be explained and tested: nothing is lost on the way."""
    assert Given.model_validate_json(signals.to_json()).signals(no_text) == signals


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{text: a, messages: [{role: user, content: b}]}", "give one of messages, text"),
        ("{text: a, tokens: 5}", "with text the detectors say tokens: leave that out"),
        ("{hints: {}}", "hints goes with text, messages or prompt"),
        ("{minute: sat 25:00}", "should be a day and a time, such as 'sat 18:30'"),
        ("{entities: email}", "match pattern"),
        ("{wait_s: {near: -1}}", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_meant_is_an_error(written: str, problem: str) -> None:
    """In words, at its place."""
    with pytest.raises(InvalidDocument, match="<text>:1:") as caught:
        parse(f"given: {written}").parse(Given, part=("given",))
    assert problem in " ".join(caught.value.problems)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_policies_pass_their_cases(path: Path) -> None:
    """With the real detectors where a case gives a text; each rule but the default has a case."""
    result = RUNNER.invoke(cli.app, ["policy", "test", "--json", str(path)])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["errors"]) == (0, [])
    assert told["policies"][0]["cases"]
    rules = told["policies"][0]["coverage"]["rules"]
    assert [rule for rule, cases in rules.items() if not cases and rule != "default"] == []


def test_the_command_tells_failures_and_ends_with_one(file: Path) -> None:
    """The case, the table, the place with a caret, the sum."""
    file.write_text(POLICY + PASSING + FAILING)
    result = RUNNER.invoke(cli.app, ["policy", "test", "--coverage", str(file)])
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["✗", f"{file}:33:5:", "saturday", "goes", "out"] in lines
    assert ["lane", "near", "far"] in lines
    assert ["rule", "default", "no", "case"] in lines
    assert f"{file}: 4 of 5 cases passed: p@" in result.stdout


def test_a_broken_policy_falls_short_and_the_others_are_tried(file: Path, tmp_path: Path) -> None:
    """Exit code 1; the errors stand in the JSON and beside the table."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\n")
    machine = RUNNER.invoke(cli.app, ["policy", "test", "--json", str(broken), str(file)])
    told = json.loads(machine.stdout)
    assert (machine.exit_code, told["holds"], len(told["policies"])) == (1, False, 1)
    assert "lanes: is missing" in " ".join(told["errors"])
    people = RUNNER.invoke(cli.app, ["policy", "test", str(broken)])
    assert (people.exit_code, "lanes: is missing" in people.stderr) == (1, True)


def test_no_such_file_is_misuse() -> None:
    """Exit code 2."""
    assert RUNNER.invoke(cli.app, ["policy", "test", "/no/such/file"]).exit_code == 2


def test_a_change_of_a_file_is_seen(file: Path) -> None:
    """Once at the start, then after each change: a new file beside it, too."""
    changes = test_command.changes((file,), pause_s=0.01)
    next(changes)
    seen = threading.Event()
    watcher = threading.Thread(target=lambda: (next(changes), seen.set()), daemon=True)
    watcher.start()
    file.with_name("p.tests.yaml").write_text("tests: []\n")
    assert seen.wait(30)


def test_explain_tells_each_condition_and_the_rules_that_were_not_reached(file: Path) -> None:
    """Of signals, of a case and of a recorded object in a file."""
    options = ["policy", "explain", "--policy", str(file)]
    people = RUNNER.invoke(cli.app, [*options, "--signals", "{complexity: simple, wait_s: {near: 30}}"])
    assert people.exit_code == 0
    assert "not looked at, since short decided: weekend, default" in people.stdout
    case = RUNNER.invoke(cli.app, [*options, "--json", "--case", "a busy lane overflows"])
    told = json.loads(case.stdout)
    assert (told["lanes"], told["not_reached"]) == (["far", "near"], ["weekend", "default"])
    assert [rule["rule"] for rule in told["trace"]] == ["personal-stays", "short", "short/overflow"]
    recorded = file.with_name("signals.json")
    recorded.write_text(json.dumps(told["signals"]))
    again = RUNNER.invoke(cli.app, [*options, "--json", str(recorded)])
    piped = RUNNER.invoke(cli.app, [*options, "--json", "-"], input=recorded.read_text())
    assert json.loads(again.stdout) == json.loads(piped.stdout) == told


def test_explain_takes_a_job_and_a_recorded_decision(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job with all its fields is inspected; of a line of an export the signals are taken."""
    seen: list[Job] = []

    @contextmanager
    def fake(_: Path) -> Iterator[Inspect]:
        def inspect(job: Job) -> Signals:
            seen.append(job)
            return Given().signals(no_text)

        yield inspect

    monkeypatch.setattr(explain_command, "detectors", fake)
    options = ["policy", "explain", "--policy", str(file), "--json", "-"]
    job = Job(text="hello", tenant="acme", idempotency_key="k", conversation_id="c")
    assert RUNNER.invoke(cli.app, options, input=job.model_dump_json()).exit_code == 0
    assert (seen[0].text, seen[0].tenant, seen[0].conversation_id) == ("hello", "acme", "c")
    line = {"at": 1.0, "job": "j", "signals": {"sensitivity": {"level": "personal"}}}
    recorded = RUNNER.invoke(cli.app, options, input=json.dumps(line))
    assert json.loads(recorded.stdout)["rule"] == "personal-stays"


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--text", ""],
        ["--signals", "{complexity: simpel}"],
        ["--signals", "{"],
        ["--case", "no such"],
        ["/no/such/file"],
        ["--text", "a", "--case", "b"],
    ],
)
def test_explain_misused_ends_with_two(file: Path, options: list[str]) -> None:
    """What the caller can mend."""
    result = RUNNER.invoke(cli.app, ["policy", "explain", "--policy", str(file), *options])
    assert (result.exit_code, "Traceback" in result.stderr) == (2, False)


@pytest.mark.parametrize("of", ["tests", "traffic"])
def test_there_are_schemas_of_the_other_files(of: str) -> None:
    """That a validator accepts, and by which a misspelt field is underlined."""
    result = RUNNER.invoke(cli.app, ["policy", "schema", of])
    validator = Draft202012Validator(json.loads(result.stdout))
    Draft202012Validator.check_schema(json.loads(result.stdout))
    assert len(list(validator.iter_errors({"tsets": 1}))) >= 1
