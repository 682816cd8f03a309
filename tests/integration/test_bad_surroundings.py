"""What a person sees when a part is missing or wrong: one message that says where and what to do, and no traceback."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.integration]


def test_no_store_anywhere_says_how_to_start_one(tmp_path: Path) -> None:
    """Nothing configured and nothing running: `tidegate up` is named, exit 1."""
    done = _tidegate(tmp_path, "submit", "hello")
    assert done.returncode == 1
    assert "start one with 'tidegate up'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_is_down_is_named(tmp_path: Path) -> None:
    """A configured Redis that does not answer: a job is not accepted, and that is said within seconds."""
    done = _tidegate(tmp_path, "submit", "hello", TIDEGATE_BROKER_URL="redis://:secret@127.0.0.1:1/0")
    assert done.returncode == 1
    assert "the store does not answer" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", [("router",), ("worker", "--zone", "inside"), ("status",), ("demo",)])
def test_a_broken_policy_is_told_with_its_places(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Whatever reads the policy tells each error as file:line:col, exit 2."""
    policy = tmp_path / "broken.yaml"
    lane = "{zone: insid, backend: llama_cpp, model: x, context_tokens: 1}"
    policy.write_text(f"version: 1\nlanes:\n  local-small: {lane}\n")
    done = _tidegate(tmp_path, *command, TIDEGATE_POLICY=str(policy), TIDEGATE_BROKER_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 2, done.stderr
    assert "broken.yaml:3:23" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """A key file with mode 644 is not used; the command that mends it is named."""
    keys = tmp_path / "data" / "keys"
    keys.mkdir(parents=True)
    key = keys / "inside.key"
    key.write_text("k1:" + "A" * 43 + "=\n")
    key.chmod(0o644)
    done = _tidegate(tmp_path, "submit", "hello", TIDEGATE_BROKER_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 2
    assert f"chmod 600 {key}" in done.stderr.replace("\n", "")


def test_a_wrong_key_is_told_by_its_variable_and_never_quoted(tmp_path: Path) -> None:
    """The variable's name and the expected form, not the value."""
    done = _tidegate(
        tmp_path, "submit", "hello", TIDEGATE_INSIDE_KEY="k1:tooshort", TIDEGATE_BROKER_URL="redis://127.0.0.1:1/0"
    )
    assert done.returncode == 2
    assert "TIDEGATE_INSIDE_KEY: each key is written id:base64 of 32 bytes" in done.stderr
    assert "tooshort" not in done.stderr


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """`up` says which folder, exit 1."""
    blocked = tmp_path / "data"
    blocked.write_text("a file where the folder should be")
    done = _tidegate(tmp_path, "up")
    assert done.returncode == 1
    assert str(blocked) in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_a_demo_without_jobs_says_which_file_it_wanted(tmp_path: Path) -> None:
    """A file that is not there, or a wheel without a checkout: exit 2, and nothing was started."""
    done = _tidegate(tmp_path, "demo", "--jobs", str(tmp_path / "none.jsonl"))
    assert done.returncode == 2
    assert "none.jsonl: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_keys_made_on_first_use_are_private(tmp_path: Path) -> None:
    """The doctor makes what is missing; nobody else may read it."""
    _tidegate(tmp_path, "doctor")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data" / "keys").glob("*.key")}
    assert modes == {"inside.key": 0o600, "outside.key": 0o600, "clearance.key": 0o600}


def _tidegate(folder: Path, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    ours = {"TIDEGATE_HOME": str(ROOT), "TIDEGATE_DATA": str(folder / "data"), "NO_COLOR": "1", **env}
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *args],
        env={**kept, **ours},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=ROOT,
    )
