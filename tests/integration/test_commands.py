"""The command line against a running installation: what people type, what they see, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from installations import Running

from tidegate.job import Job, Params
from tidegate.ledger.states import State

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
HARD = "Compare two designs, analyse each step by step and prove which is better. "


def test_submit_and_wait_prints_the_answer(running: Running) -> None:
    """The answer goes to standard output alone; where it came from is a remark on standard error."""
    done = _tidegate(running, "submit", "--wait", HARD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[stand-in]")
    assert "zone outside" in done.stderr


def test_submit_reads_jsonl_from_standard_input_and_prints_one_id_a_line(running: Running) -> None:
    """Ids come in the order of the lines, as JSON where asked, and `result` finds each."""
    lines = "\n".join(json.dumps({"text": f"{HARD}{number}"}) for number in range(3))
    done = _tidegate(running, "submit", "--jsonl", "-", "--json", stdin=lines)
    ids = [json.loads(line)["job_id"] for line in done.stdout.splitlines()]
    assert len(set(ids)) == 3
    for job_id in ids:
        answer = _tidegate(running, "result", job_id, "--timeout", "30", "--json")
        assert json.loads(answer.stdout)["job_id"] == job_id


def test_a_malformed_line_is_named_and_nothing_is_submitted(running: Running) -> None:
    """Exit 2; the line, the field and the expectation are told, the text is not; no other line went in."""
    before = running.client.ledger.redis.dbsize()
    lines = '{"text": "fine"}\n{"text": "Mortimer Snerd", "params": {"max_tokens": 0}, "colour": "red"}\n{nonsense'
    done = _tidegate(running, "submit", "--jsonl", "-", stdin=lines)
    assert done.returncode == 2
    assert "<stdin>:2: params.max_tokens: " in done.stderr
    assert "<stdin>:2: colour: " in done.stderr
    assert "<stdin>:3: " in done.stderr
    assert "Snerd" not in done.stderr
    assert "Traceback" not in done.stderr
    assert running.client.ledger.redis.dbsize() == before


def test_explain_shows_every_rule_with_what_it_saw_and_no_text(running: Running) -> None:
    """The rules up to the one that matched, each condition's wanted and seen value, and not a word of the job."""
    job_id = running.client.submit(Job(text=HARD + "for a walled garden", params=Params(max_tokens=8)))
    running.client.result(job_id, timeout_s=60)
    shown = _tidegate(running, "explain", job_id).stdout
    told = json.loads(_tidegate(running, "explain", job_id, "--json").stdout)
    assert "sensitive-stays-inside" in shown
    assert "complex-goes-large" in shown
    assert told["rule"] == "complex-goes-large"
    assert [rule["matched"] for rule in told["trace"]][-1] is True
    assert "garden" not in shown + json.dumps(told)


def test_status_shows_lanes_and_workers(running: Running) -> None:
    """Every lane of the policy with its slots, and a worker of each role."""
    told = json.loads(_tidegate(running, "status", "--json").stdout)
    assert set(told["lanes"]) == {"intake", "local-small", "openai-small", "openai-large"}
    assert {(worker["role"], worker.get("zone")) for worker in told["workers"]} >= {
        ("router", None),
        ("worker", "inside"),
        ("worker", "outside"),
        ("janitor", None),
    }
    shown = _tidegate(running, "status").stdout
    assert "openai-large" in shown
    assert "succeeded" in shown


def test_a_dead_letter_is_listed_shown_redriven_and_purged(running: Running) -> None:
    """The life of a letter by command: dry runs change nothing, redrive routes again, purge removes for good."""
    client = running.client
    job_id = client.submit(Job(text=HARD + "please refuse this one", params=Params(max_tokens=8)))
    assert list(client.stream_states(job_id, timeout_s=60))[-1] is State.DEAD
    listed = [json.loads(line) for line in _lines(running, "dead", "list", "--reason", "content_refused", "--json")]
    assert job_id in [letter["id"] for letter in listed]
    shown = json.loads(_tidegate(running, "dead", "show", job_id, "--json").stdout)
    assert [event["move"] for event in shown["history"]] == ["accepted", "placed", "claimed", "dead"]
    assert _lines(running, "dead", "redrive", job_id, "--dry-run") == [job_id]
    assert client.record(job_id).redrives == 0
    assert _tidegate(running, "dead", "redrive", job_id).returncode == 0
    assert list(client.stream_states(job_id, timeout_s=60))[-1] is State.DEAD
    assert client.record(job_id).redrives == 1
    assert _lines(running, "dead", "purge", job_id) == [job_id]
    assert _tidegate(running, "result", job_id).returncode == 2


def test_the_doctor_finds_a_running_installation_in_order(running: Running) -> None:
    """Exit 0, and each part is named with what was seen."""
    done = _tidegate(running, "doctor", "--json")
    findings = {finding["check"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    assert findings["persistence"]["detail"] == "appendonly yes, appendfsync always"
    assert findings["eviction"]["detail"] == "maxmemory-policy noeviction"
    assert findings["model of local-small"]["ok"]
    assert not [finding for finding in findings.values() if finding["ok"] is False]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("result", "0" * 32), "no job 00000000000000000000000000000000 is on record"),
        (("explain", "0" * 32), "is on record"),
        (("cancel", "0" * 32), "is on record"),
        (("dead", "redrive"), "which dead letters?"),
        (("dead", "purge", "0" * 32), "no such dead letter"),
        (("dead", "list", "--older-than", "soon"), "expected a number and one of s, m, h, d"),
        (("submit",), "give one of: a text, --file, --jsonl"),
        (("submit", "--file", "/nowhere.txt"), "/nowhere.txt: cannot be read"),
        (("worker", "--zone", "inside", "--lane", "locl-small"), "no inside lane locl-small"),
        (("worker", "--zone", "sideways"), "'sideways' is not one of"),
    ],
)
def test_misuse_gets_one_clear_message_and_exit_2(running: Running, args: tuple[str, ...], says: str) -> None:
    """No traceback for a user's mistake; the message says what was expected."""
    done = _tidegate(running, *args)
    said = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == 2, done.stderr
    assert says in said
    assert "Traceback" not in done.stderr


def _lines(running: Running, *args: str) -> list[str]:
    done = _tidegate(running, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _tidegate(running: Running, *args: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **running.environment, "TIDEGATE_HOME": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *args],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=ROOT,
    )
