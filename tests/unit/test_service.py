"""How a Celery worker of ours runs: what cannot be seen from outside until it is too late."""

import ast
import os
import subprocess
import sys

import pytest

ORDER = """
from tidegate.service import _pulse_step
from tidegate.slots import gate_of
from celery import Celery
app = Celery("x")
app.steps["consumer"].add(_pulse_step())
app.steps["consumer"].add(gate_of(()))
from celery.worker.consumer import Consumer
blueprint = Consumer.Blueprint(steps=app.steps["consumer"])
from celery.bootsteps import Blueprint
steps = blueprint.claim_steps()
blueprint.steps = steps
print([cls.__name__ for cls in blueprint._finalize_steps(steps)])
"""


@pytest.mark.parametrize("seed", ["1", "4", "5"])
def test_the_pulse_starts_before_the_loop_that_it_watches(seed: str) -> None:
    """Celery's order of steps depends on hashing: a pulse after the endless loop would never beat."""
    env = {**os.environ, "PYTHONHASHSEED": seed}
    order = subprocess.run([sys.executable, "-c", ORDER], env=env, capture_output=True, text=True, check=True).stdout
    names = ast.literal_eval(order)
    assert names.index("Tasks") < names.index("Gate") < names.index("Evloop")
    assert names.index("Pulse") < names.index("Evloop")
    assert names[-1] == "Evloop"
