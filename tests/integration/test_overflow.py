"""A burst beyond what the inside can do, with real processes: it flows out, sensitive jobs stay, and it comes back.

A short sample of `benchmarks/managed/burst.py`, which measures the same second by second.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tidegate.client import Client
from tidegate.job import Hints, Job
from tidegate.lanes import read_lanes
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.runtime.installation import Installation
from tidegate.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

POLICY = """\
version: 1
name: bursting
lanes:
  near: {zone: inside, backend: noop, model: noop-400ms, context_tokens: 4096, concurrency: 2}
  far: {zone: outside, backend: openai, model: m, context_tokens: 4096, concurrency: 8,
        price: {input_usd: 1, output_usd: 1}}
rules:
  - name: simple
    when: {sensitivity: {at_most: internal}}
    send: near
    overflow:
      to: far
      when: {wait_s: {over: 2}}
      until: {wait_s: {under: 1}}
    why: for the test
default: {send: near, why: for the test}
"""
BURST, GUARDED = 60, 6


@dataclass
class Site:
    """An installation, and what its stand-in saw."""

    installation: Installation
    client: Client

    def ended(self, jobs: list[str]) -> list[Record]:
        """Their records, once each has succeeded."""
        for job in jobs:
            assert list(self.client.stream_states(job, timeout_s=120))[-1] is State.SUCCEEDED
        return list(self.client.ledger.get_many(jobs))

    def waits(self, records: list[Record]) -> list[float]:
        """In the inside lane's line."""
        found = []
        for record in records:
            at = {event.move: event.at for event in self.client.ledger.history(record.id)}
            if record.lane == "near":
                found.append(at["claimed"] - at["placed"])
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Real processes; the inside does five jobs a second."""
    data = tmp_path_factory.mktemp("bursting")
    policy = data / "policy.yaml"
    policy.write_text(POLICY)
    settings = load(data=data / "data", policy=policy, flower_port=0, overflow_dwell_s=1.0)
    installation = Installation(settings, read_lanes(policy), always_standin=True)
    try:
        installation.start()
        installation.wait_ready(timeout_s=200)
        yield Site(installation, Client(installation.settings))
    finally:
        installation.stop()


def simple(number: int, latency: str = "interactive") -> Job:
    """Nobody's data."""
    hints = Hints.model_validate({"latency": latency})
    return Job(text=f"Is this urgent? Answer yes or no.\nTicket {number}: no paper in the printer.", hints=hints)


def guarded(number: int) -> Job:
    """Somebody's."""
    return Job(text=f"Is this urgent? Answer yes or no.\nTicket {number}: Anna Petrova, anna.petrova@example.com")


def test_a_burst_flows_out_within_the_bound_and_comes_back(site: Site) -> None:
    """Simple jobs leave above the bound and only then; sensitive ones stay; afterwards all run inside again."""
    site.ended([site.client.submit(simple(0))])  # so that the lane's pace is known
    jobs = site.client.submit_many([*map(simple, range(BURST)), *map(guarded, range(GUARDED))])
    records = site.ended(jobs)
    lanes = [record.lane for record in records]
    assert "far" in lanes[:BURST]
    assert 5 <= lanes[:BURST].count("near") < BURST
    assert set(lanes[BURST:]) == {"near"}
    # The bound, the sensitive jobs' own time, and as much again for a machine that does other things as well.
    assert max(site.waits(records[:BURST])) < 2 * (2 + GUARDED * 0.2 + 1)
    assert {record.lane for record in site.ended(site.client.submit_many(map(simple, range(3))))} == {"near"}


def test_batch_jobs_in_line_send_no_interactive_job_out(site: Site) -> None:
    """They come later in any case: whoever is next waits for none of them."""
    batch = site.client.submit_many(simple(number, "batch") for number in range(40))
    settled = [record for record in site.client.ledger.get_many(batch) if record.state.ended]
    assert len(settled) < len(batch)
    (record,) = site.ended([site.client.submit(simple(1))])
    site.ended(batch)
    assert record.lane == "near"
    assert site.waits([record])[0] < 2
