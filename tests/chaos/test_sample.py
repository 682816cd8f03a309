"""The short form of `bin/chaos`: all faults once, in three minutes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import skip_or_fail

from tidegate.errors import MissingExtra
from tidegate.runtime.server import find_server

HOME = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 400

pytestmark = [pytest.mark.integration, pytest.mark.timeout(LIMIT_S + 20)]


def test_every_accepted_job_ends_once_whatever_is_killed() -> None:
    """Kills, zombies, cuts, a full disk, clocks that jump: no job is lost, stranded or finished twice; none leaks."""
    try:
        find_server()
    except MissingExtra as exc:
        skip_or_fail(str(exc))
    command = (sys.executable, "-P", "-m", "chaos", "--sample", "--json", "--seed", "1")
    env = {**os.environ, "PYTHONPATH": f"{HOME}{os.pathsep}{HOME / 'tests'}", "NO_COLOR": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["accepted"] > 0
    assert facts["kills"] > 0
    promised = ("lost", "stranded", "finished_twice", "sensitive_outside")
    assert {name: facts[name] for name in promised} == dict.fromkeys(promised, 0)
