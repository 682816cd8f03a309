"""`tidegate bench local`: what it prints, and what it makes of its numbers."""

import json

import pytest
from typer.testing import CliRunner

from tidegate.cli.main import app
from tidegate.errors import ModelMissing
from workers.bench.advice import Level, Tried, advice, least


def test_the_least_that_comes_near_the_best_is_advised() -> None:
    """A tenth more is not worth twice the jobs, and the best may lie in the middle."""
    speeds = {1: 100.0, 2: 180.0, 4: 240.0, 8: 235.0, 16: 262.0}
    tried = [Tried(setting=setting, tokens_per_s=speed) for setting, speed in speeds.items()]
    assert least(tried) == 4
    levels = [Level(jobs=jobs, tokens_per_s=speed, ratio_to_sequential=1) for jobs, speed in speeds.items()]
    best = advice(levels=levels, reading=tried[:1], threads=tried[:2])
    assert (best.concurrency, best.step_tokens, best.threads) == (4, 1, 2)


def test_the_last_line_has_the_levels() -> None:
    """For programs: each number of jobs with its speed and how many times that of calls in sequence it is."""
    asked = ["bench", "local", "--model", "tidegate-tiny", "--json", "--jobs", "1", "--jobs", "3", "--limit-s", "0.5"]
    done = CliRunner().invoke(app, [*asked, "--tokens", "8"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert [level["jobs"] for level in found["levels"]] == [1, 3]
    for level in found["levels"]:
        ratio = level["tokens_per_s"] / found["sequential_tokens_per_s"]
        assert level["ratio_to_sequential"] == pytest.approx(ratio)
    assert found["recommended"]["concurrency"] in (1, 3)


def test_people_get_tables() -> None:
    """And a line that can be copied into the lane."""
    asked = ["bench", "local", "--model", "tidegate-tiny", "--jobs", "2", "--tokens", "4", "--limit-s", "0.5"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "times sequential" in done.output
    assert "engine: {step_tokens:" in done.output


def test_an_unknown_model_is_told() -> None:
    """With what to do, as everywhere."""
    done = CliRunner().invoke(app, ["bench", "local", "--model", "nobody"])
    assert isinstance(done.exception, ModelMissing)
