"""The router's commands: exit codes, places with carets, JSON beside each, streams that go on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import router.inspection
from router import cli
from router.commands import record
from router.policy.schema import schema
from tidegate.decision import Decision
from tidegate.errors import UnknownJob
from tidegate.job import Job
from tidegate.lane import Zone
from tidegate.settings import Settings
from tidegate.signals import Band, Complexity, Level, Sensitivity, Signals

RUNNER = CliRunner()
SOUND = """\
version: 1
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}
rules:
  - name: all
    send: near
    why: [red]because[/red]
default: {send: near, why: stays}
""".replace("[red]because[/red]", '"[red]because[/red]"')
SIGNALS = Signals(
    sensitivity=Sensitivity(level=Level.PUBLIC), complexity=Complexity(band=Band.SIMPLE), tokens=3, max_tokens=9
)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A policy without an error."""
    path = tmp_path / "sound.yaml"
    path.write_text(SOUND)
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A policy with two errors."""
    path = tmp_path / "broken.yaml"
    path.write_text(SOUND.replace("    send: near", "    sned: near").replace("send: near, why", "send: neer, why"))
    return path


@pytest.fixture
def inspector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An inspector that finds nothing and needs no time to start."""

    class Blind:
        def inspect(self, job: Job, **_: object) -> Signals:
            return SIGNALS

        def close(self) -> None:
            pass

    monkeypatch.setattr(router.inspection, "open_inspector", lambda _: Blind())
    return


def test_a_sound_policy_holds(sound: Path) -> None:
    """Exit code 0, the version and the counts."""
    result = RUNNER.invoke(cli.app, ["policy", "check", str(sound)])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{sound}: holds: sound@")
    assert result.stdout.endswith(", 1 lane, 1 rule\n")


def test_errors_come_with_place_line_and_caret(broken: Path) -> None:
    """Exit code 1; the caret stands under the word, and no line is wrapped."""
    result = RUNNER.invoke(cli.app, ["policy", "check", str(broken)])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{broken}:5:5: error: rules[0].send: is missing",
        "      - name: all",
        "        ^",
        f"{broken}:6:5: error: rules[0].sned: unknown field; did you mean 'send'?",
        "        sned: near",
        "        ^",
        f"{broken}:8:17: error: default.send: no such lane; did you mean 'near'?",
        "    default: {send: neer, why: stays}",
        "                    ^",
        f"{broken}: 3 errors",
    ]


def test_check_speaks_json(sound: Path, broken: Path) -> None:
    """The same for machines, with the same exit codes."""
    good = RUNNER.invoke(cli.app, ["policy", "check", "--json", str(sound)])
    bad = RUNNER.invoke(cli.app, ["policy", "check", "--json", str(broken)])
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert json.loads(good.stdout)["holds"] is True
    assert json.loads(bad.stdout)["errors"][1] == {
        "file": str(broken),
        "line": 6,
        "column": 5,
        "message": "rules[0].sned: unknown field; did you mean 'send'?",
    }


def test_warnings_do_not_fail_a_check(tmp_path: Path) -> None:
    """They are told, and the policy holds."""
    path = tmp_path / "warned.yaml"
    far = "  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 1024}\nrules:"
    path.write_text(SOUND.replace("rules:", far).replace("    send: near", "    send: far"))
    result = RUNNER.invoke(cli.app, ["policy", "check", str(path)])
    assert result.exit_code == 0
    assert f"{path}:7:11: warning: rules[0].send: sends outside only" in result.stdout


def test_escapes_in_a_policy_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A quoted key may hold an escape sequence."""
    path = tmp_path / "evil.yaml"
    path.write_text(SOUND + '"\\e[2J": 1\n')
    result = RUNNER.invoke(cli.app, ["policy", "check", str(path)])
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["policy", "check", "/no/such/file"],
        ["policy"],
        ["explain"],
        ["explain", "some-id", "--jsonl", "-"],
        ["explain", "some-id", "--policy", "x.yaml"],
        ["explain", "--jsonl", "/no/such/file"],
        ["explain", "--jsonl", "-", "--policy", "/no/such/file"],
    ],
)
def test_misuse_ends_with_two(arguments: list[str], inspector: None) -> None:
    """What the caller can mend."""
    assert RUNNER.invoke(cli.app, arguments).exit_code == 2


def test_the_schema_is_printed() -> None:
    """To be written beside the policies."""
    result = RUNNER.invoke(cli.app, ["policy", "schema"])
    assert (result.exit_code, json.loads(result.stdout)) == (0, schema())


def test_a_stream_is_decided_line_by_line(sound: Path, tmp_path: Path, inspector: None) -> None:
    """From standard input and from a file; a bad line does not end it, and the exit code is 0."""
    lines = '{"text": "a"}\nnonsense\n{"text": "b", "label": 1}\n'
    (tmp_path / "in.jsonl").write_text(lines)
    for source, given in [("-", lines), (str(tmp_path / "in.jsonl"), None)]:
        result = RUNNER.invoke(cli.app, ["explain", "--jsonl", source, "--policy", str(sound)], input=given)
        assert result.exit_code == 0
        out = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["rule"] for line in out] == ["all", "fail-closed", "all"]


def test_a_stream_needs_a_policy_that_holds(broken: Path, inspector: None) -> None:
    """Nothing is decided by half a policy."""
    result = RUNNER.invoke(cli.app, ["explain", "--jsonl", "-", "--policy", str(broken)], input='{"text": "a"}\n')
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'send'?" in result.stderr


def test_a_job_on_record_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a table, and as the decision's JSON."""
    decision = Decision(lanes=("near",), zone=Zone.INSIDE, rule="all", policy="p@1", signals=SIGNALS)
    monkeypatch.setattr(record, "on_record", lambda _: decision)
    table = RUNNER.invoke(cli.app, ["explain", "some-id"])
    assert (table.exit_code, "near" in table.stdout) == (0, True)
    machine = RUNNER.invoke(cli.app, ["explain", "some-id", "--json"])
    assert Decision.from_json(machine.stdout) == decision


def test_a_job_that_is_not_decided_yet_falls_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1: the job is there, the decision is not."""
    monkeypatch.setattr(record, "on_record", lambda _: None)
    assert RUNNER.invoke(cli.app, ["explain", "some-id"]).exit_code == 1


def test_an_unknown_job_is_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told in words, with exit code 2."""

    def unknown(_: str) -> Decision:
        raise UnknownJob("no job some-id is on record")

    monkeypatch.setattr(record, "on_record", unknown)
    result = RUNNER.invoke(cli.app, ["explain", "some-id"])
    assert (result.exit_code, result.stderr) == (2, "no job some-id is on record\n")


def test_the_configured_policy_is_checked_where_none_is_named() -> None:
    """The shipped one, in a checkout."""
    result = RUNNER.invoke(cli.app, ["policy", "check"])
    assert result.stdout.startswith(f"{Settings().policy_file}: holds: ")
