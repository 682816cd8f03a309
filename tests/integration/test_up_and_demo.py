"""The two commands that a newcomer runs first, as processes, with real signals."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
_MARK = "STARTED_IN"
"""A variable that whatever a command starts inherits: so it is found, whoever its parent is by then."""


def test_the_demo_runs_the_main_job_and_leaves_nothing_running(tmp_path: Path) -> None:
    """Exit 0; jobs inside and outside; no sensitive job outside; a redriven letter; no process left."""
    done = _run("demo", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["inside"] >= 15
    assert facts["outside"] >= 8
    assert facts["sensitive"] >= 8
    assert facts["sensitive_outside"] == facts["sensitive_calls"] == 0
    assert facts["refused"] == 1
    assert facts["dead"] >= 1
    assert facts["redriven"]
    assert facts["cost_usd"] < facts["all_outside_usd"]
    assert _left(tmp_path) == []


def test_up_prints_its_urls_and_stops_in_order_on_ctrl_c(tmp_path: Path) -> None:
    """One Ctrl-C stops every process, with exit 0; accepted jobs stay in the data folder."""
    with _up(tmp_path) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 7
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert list((tmp_path / "data" / "store").rglob("*.aof"))


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    """Whoever is in a hurry waits for nothing: all processes are gone within seconds."""
    with _up(tmp_path) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        for child in family:
            if "worker" in child.cmdline():
                child.suspend()  # it will not stop in order
        process.send_signal(signal.SIGINT)
        _read_until(process, "stopping")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=14)  # the patience that is cut short is 15 s
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_a_second_up_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """It says where the first one runs, with exit 2, and does it no harm."""
    with _up(tmp_path) as process:
        second = _run("up", folder=tmp_path)
        assert second.returncode == 2
        assert "runs already" in second.stderr
        assert process.poll() is None


def _tidegate(*args: str) -> list[str]:
    return [sys.executable, "-m", "tidegate", *args]


def _run(*args: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _tidegate(*args), env=_env(folder), capture_output=True, text=True, timeout=200, check=False, cwd=ROOT
    )


def _env(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    given = {"TIDEGATE_HOME": str(ROOT), "TIDEGATE_DATA": str(folder / "data"), "TIDEGATE_FLOWER_PORT": "0"}
    return {**kept, **given, _MARK: str(folder)}


@contextmanager
def _up(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        _tidegate("up"), env=_env(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    try:
        said = _read_until(process, "Ctrl-C stops everything")
        assert "Flower" in said
        assert "stand-in" in said
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=60)
        assert process.stdout
        process.stdout.close()


def _read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What the process said up to some words; kills it where they do not come."""
    said = ""
    giving_up = threading.Timer(240, process.kill)
    giving_up.start()
    try:
        assert process.stdout
        for line in process.stdout:
            said += line
            if words in line:
                return said
    finally:
        giving_up.cancel()
    raise AssertionError(f"'{words}' was not said:\n{said}")


def _left(folder: Path) -> list[str]:
    """What still runs of all that was started with this folder in its environment."""
    return [one.name() for one in psutil.process_iter() if _environment(one).get(_MARK) == str(folder)]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:  # gone, or somebody else's
        return {}
