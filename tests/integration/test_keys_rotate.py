"""Keys change while real processes work, and no job notices; what they did is in an audit log that verifies."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tidegate.client import Client
from tidegate.job import Job
from tidegate.keychecks import held_by
from tidegate.keys import keyring
from tidegate.lane import Zone
from tidegate.lanes import read_lanes
from tidegate.ledger.census import Census
from tidegate.runtime.installation import Installation
from tidegate.settings import Settings, load
from tidegate.vault import head_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

POLICY = """\
version: 1
name: rotating
lanes:
  near: {zone: inside, backend: noop, model: noop-5ms, context_tokens: 4096, concurrency: 2}
  far: {zone: outside, backend: noop, model: noop-5ms, context_tokens: 4096, concurrency: 2}
rules:
  - {name: far-ones, when: {tenant: traveller}, send: far, why: for the test}
default: {send: near, why: for the test}
"""


@dataclass
class Site:
    """An installation that runs, and what an operator types there."""

    settings: Settings
    client: Client
    ids: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def submit_until_stopped(self) -> None:
        """A producer that never rests; every other job leaves."""
        while not self.stop.wait(0.03):
            tenant = "traveller" if len(self.ids) % 2 else "resident"
            self.ids.append(self.client.submit(Job(text="How far is the moon?", tenant=tenant)))

    def types(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command."""
        names = {"TIDEGATE_DATA": self.settings.data, "TIDEGATE_POLICY": self.settings.policy_file}
        env = {**os.environ, **{name: str(value) for name, value in names.items()}, "COLUMNS": "200"}
        command = [sys.executable, "-P", "-m", "tidegate", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Store, router, a worker a zone, janitor: separate processes that share one folder with keys."""
    data = tmp_path_factory.mktemp("rotating")
    policy = data / "policy.yaml"
    policy.write_text(POLICY)
    settings = load(data=data / "data", policy=policy, broker_url=None, store_url=None, flower_port=0, nudge_s=2.0)
    installation = Installation(settings, read_lanes(policy), always_standin=True)
    try:
        installation.start()
        installation.wait_ready(timeout_s=200)
        yield Site(installation.settings, Client(installation.settings))
    finally:
        installation.stop()


def test_no_job_fails_while_every_key_changes(site: Site) -> None:
    """Under load: inside, outside, clearance and audit key, one after the other; each job ends well and can be read."""
    producer = threading.Thread(target=site.submit_until_stopped)
    producer.start()
    try:
        before = {zone: keyring(site.settings, zone).sealing[0] for zone in Zone}
        for use in ("inside", "outside", "clearance", "audit"):
            done = site.types("keys", "rotate", use)
            assert done.returncode == 0, done.stderr
            assert "activated" in done.stderr
            seen = len(site.ids)
            while len(site.ids) < seen + 20:  # some under the new key before the next one changes
                assert producer.is_alive()
                site.stop.wait(0.05)
    finally:
        site.stop.set()
        producer.join()
    lanes = [site.client.result(job_id, timeout_s=60).lane for job_id in site.ids]
    assert set(lanes) == {"near", "far"}
    after = {zone: keyring(site.settings, zone).sealing[0] for zone in Zone}
    assert all(before[zone] != after[zone] for zone in Zone)
    last = site.client.record(site.ids[-1]).result or ""
    assert any(site.client.vault.envelope(last).startswith(head_of(zone, after[zone])) for zone in Zone)


def test_every_process_says_what_it_reads(site: Site) -> None:
    """`list` names each key, what it does, and that all who need it read it; no key is printed."""
    shown = site.types("keys", "list", "--json")
    assert shown.returncode == 0, shown.stderr
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {row["use"] for row in rows} == {"inside", "outside", "clearance", "audit"}
    assert all(row["lacking"] == [] for row in rows)
    names = [worker.name for worker in Census(site.client.ledger.redis).workers()]
    assert len(held_by(site.client.ledger.redis, names)) == len(names)
    for path in site.settings.keys_folder.glob("*.key"):
        for secret in path.read_text().split():
            assert secret.rpartition(":")[2] not in shown.stdout


def test_a_key_goes_when_nothing_needs_it(site: Site) -> None:
    """Retiring is refused while results are sealed with it, with how long that lasts; then ids stay as they are."""
    ring = keyring(site.settings, Zone.INSIDE)
    old = next(iter(ring.keys))
    refused = site.types("keys", "retire", "inside", old)
    assert refused.returncode == 2
    assert "texts are sealed with it" in refused.stderr
    named = site.client.submit(Job(text="How far is the sun?", idempotency_key="once"))
    for key in site.client.ledger.redis.scan_iter("tg:vault:*"):
        site.client.ledger.redis.unlink(key)
    done = site.types("keys", "retire", "inside", old)
    assert done.returncode == 0, done.stderr
    assert list(keyring(site.settings, Zone.INSIDE).keys) == [ring.sealing[0]]
    assert Client(site.settings).submit(Job(text="How far is the sun?", idempotency_key="once")) == named


def test_the_audit_log_verifies(site: Site) -> None:
    """Everything above is in it, signed under both audit keys: decisions with their rule, each step of a rotation."""
    for _ in range(100):
        if json.loads(site.types("audit", "head", "--json").stdout)["waiting"] == 0:
            break
    told = site.types("audit", "verify")
    assert told.returncode == 0, told.stdout + told.stderr
    steps = [json.loads(line) for line in site.types("audit", "show", "--move", "keys", "--json").stdout.splitlines()]
    assert [(line["event"]["note"]["use"], line["event"]["note"]["step"]) for line in steps][:2] == [
        ("inside", "prepared"),
        ("inside", "activated"),
    ]
    shown = site.types("audit", "show", "--job", site.ids[1])
    assert "far-ones" in shown.stdout
    assert "moon" not in shown.stdout
    _no_text_in(site.settings.audit_folder)
    file = max(site.settings.audit_folder.glob("*.jsonl"))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:5] + lines[6:]))
    broken = site.types("audit", "verify")
    assert broken.returncode == 1
    assert "line 6 is missing" in broken.stdout


def _no_text_in(folder: Path) -> None:
    for file in folder.glob("*.jsonl"):
        assert b"moon" not in file.read_bytes()
