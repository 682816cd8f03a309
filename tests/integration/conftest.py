"""A whole installation of real processes for the tests that need one, started once a session."""

import json
from collections.abc import Iterator

import pytest
from installations import Running

from tidegate.client import Client
from tidegate.lanes import read_lanes
from tidegate.runtime.installation import Installation
from tidegate.settings import load

FAULTS = [
    {"fault": "content_filter", "times": "forever", "when": {"contains": "please refuse"}},
    {"fault": "rate_limited", "times": 1, "retry_after_s": 0.2, "when": {"contains": "please retry"}},
    {"fault": "server_error", "times": 1, "when": {"contains": "please fail once"}},
    {"fault": "slow", "times": 1, "delay_s": 20.0, "when": {"contains": "please dawdle once"}},
    {"fault": "slow", "times": "forever", "delay_s": 20.0, "when": {"contains": "please dawdle always"}},
    {"fault": "slow", "times": 1, "delay_s": 3.0, "when": {"contains": "please linger once"}},
    {"fault": "slow", "times": 1, "delay_s": 20.0, "when": {"contains": "please dawdle at the deploy"}},
]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Store, router, workers, janitor, Flower and the stand-in, as separate processes."""
    data = tmp_path_factory.mktemp("installation")
    faults, record = data / "faults.json", data / "received.jsonl"
    faults.write_text(json.dumps(FAULTS))
    settings = load(
        data=data, broker_url=None, store_url=None, openai_base_url=None, flower_port=0, lease_s=3.0, nudge_s=2.0
    )
    installation = Installation(
        settings,
        read_lanes(settings.policy_file),
        always_standin=True,
        standin_options=("--rules", str(faults), "--record", str(record)),
    )
    try:
        installation.start()
        installation.wait_ready(timeout_s=90)
        yield Running(installation, installation.settings, Client(installation.settings), record)
    finally:
        installation.stop()
