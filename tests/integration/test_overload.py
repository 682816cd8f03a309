"""A store of 8 MB filled to the brim: submits are refused in words, and every job that is in ends well."""

from pathlib import Path

import pytest

from tidegate.client import Client
from tidegate.errors import StorageFull, SubmitRefused
from tidegate.lanes import read_lanes
from tidegate.ledger.pressure import Pressure
from tidegate.ledger.states import State
from tidegate.runtime.installation import Installation
from tidegate.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

POLICY = """\
version: 1
name: brim
lanes:
  local: {zone: inside, backend: noop, model: noop, context_tokens: 1000000, concurrency: 2}
  away: {zone: outside, backend: noop, model: noop, context_tokens: 1000000, concurrency: 2}
rules:
  - {name: harmless-leaves, when: {sensitivity: {at_most: internal}}, send: [away, local], why: It may.}
default: {send: local, why: The rest stays.}
"""

TEXT = "The lighthouse keeper counts the waves and writes the number into a book. " * 400
"""About 30 kB, and twice that once its copy for the outside is sealed."""


def test_a_store_filled_to_the_brim_ends_every_job_that_it_took(tmp_path: Path) -> None:
    """Nobody is refused by the store itself, before or after; when there is room again submits are taken again."""
    policy = tmp_path / "brim.yaml"
    policy.write_text(POLICY)
    settings = load(
        data=tmp_path / "data", policy=policy, store_max_bytes=8_000_000, flower_port=0, store_fsync="everysec"
    )
    installation = Installation(settings, read_lanes(policy))
    try:
        installation.start()
        installation.wait_ready(timeout_s=200)
        with Client(installation.settings) as client:
            accepted = _filled(client, refusals=20)
            for job_id in accepted:
                client.result(job_id, timeout_s=60)
            assert {client.record(job_id).state for job_id in accepted} == {State.SUCCEEDED}
            assert Pressure(client.ledger.redis).use().open_ == 0
            client.result(client.submit({"text": "There is room again."}), timeout_s=30)
    finally:
        installation.stop()
    logs = "".join(file.read_text(errors="replace") for file in (settings.data / "logs").glob("*.log"))
    assert "OOM command not allowed" not in logs


def _filled(client: Client, *, refusals: int) -> list[str]:
    """Submit without a pause, whatever is said, until so many were refused. Returns the ids of those that were not."""
    accepted, refused = [], 0
    while refused < refusals:
        try:
            accepted.append(client.submit({"text": TEXT}))
        except SubmitRefused as exc:
            refused += exc.limit == "memory"
        except StorageFull:
            pytest.fail("the store was full before anybody was refused")
    return accepted
