"""Keepers of the audit log as real processes, killed while they write."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from auditing import checked, keeper, said

from tidegate import connections
from tidegate.audit import journal
from tidegate.connections import StoreClient
from tidegate.settings import Settings

pytestmark = pytest.mark.integration

KEEPING = """
import sys, threading
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tidegate import connections
from tidegate.audit import keeper
from tidegate.audit.folder import Folder
from tidegate.keys import Signer
keeper.LOCK_S, keeper.PERIOD_S, keeper.BATCH = 1, 0.001, 7
key = Signer(Ed25519PrivateKey.from_private_bytes(b"a" * 32))
redis = connections.connect(sys.argv[1], timeout_s=5)
one = keeper.Keeper(redis, Folder(Path(sys.argv[2])), signs=key, verifier=lambda: key.verifier, name=sys.argv[3])
print("ready", flush=True)
one.run(threading.Event())
"""


def test_a_keeper_that_is_killed_at_any_moment_misses_and_doubles_nothing(
    redis: StoreClient, settings: Settings, tmp_path: Path
) -> None:
    """Real processes, killed while they write; in the end each entry is in the log once, and the chain holds."""
    where, count = connections.addresses(settings).store, 0
    for number in range(3):
        command = [sys.executable, "-c", KEEPING, where, str(tmp_path), f"k{number}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            until = time.monotonic() + 60
            written = len(said(tmp_path))
            while len(said(tmp_path)) < written + 20:  # it is at it
                assert time.monotonic() < until
                for _ in range(50):
                    journal.act(redis, "test", by="t")
                    count += 1
            process.kill()
    last = keeper(redis, tmp_path, name="last")
    until = time.monotonic() + 60
    while journal.length(redis):  # the last one's lock lapses first
        assert time.monotonic() < until
        last.step()
    result = checked(redis, tmp_path)
    assert (result.findings, result.events) == ((), count)
