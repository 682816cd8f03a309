"""A job with an image through a whole installation: out by the policy that takes images for harmless, else inside."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate.client import Client
from tidegate.decision import Decision
from tidegate.errors import JobFailed
from tidegate.job import Job
from tidegate.lanes import read_lanes
from tidegate.runtime.installation import Installation
from tidegate.settings import load
from tidegate.signals import Level

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PIXELS = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
PNG = f"data:image/png;base64,{PIXELS}"
POLICY: dict[str, Any] = {
    "version": 1,
    "name": "pictures",
    "lanes": {
        "seeing": {
            "zone": "outside",
            "backend": "openai_responses",
            "model": "gpt-4o-mini",
            "context_tokens": 128_000,
            "retry": {"attempts": 1},
            "capabilities": ["vision"],
        },
        "local": {
            "zone": "inside",
            "backend": "noop",
            "model": "m",
            "context_tokens": 8000,
            "retry": {"attempts": 1},
            "capabilities": ["vision"],
        },
    },
    "sensitivity": {"images": {"level": "internal", "why": "pictures of our own catalogue"}},
    "rules": [{"name": "plain", "when": {"sensitivity": ["public", "internal"]}, "send": "seeing", "why": "harmless"}],
    "default": {"send": "local", "why": "anything else stays"},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path, Path]]:
    """An installation, the record of what the stand-in received, and the data folder."""
    data = tmp_path_factory.mktemp("pictures")
    policy, record = data / "policy.yaml", data / "received.jsonl"
    policy.write_text(json.dumps(POLICY))
    elsewhere = dict.fromkeys(("broker_url", "store_url", "openai_base_url", "anthropic_base_url"))
    settings = load(data=data, policy=policy, flower_port=0, nudge_s=1.0, **elsewhere)
    made = Installation(settings, read_lanes(policy), always_standin=True, standin_options=("--record", str(record)))
    try:
        made.start()
        made.wait_ready(timeout_s=200)
        yield Client(made.settings), record, data
    finally:
        made.stop()


def picture(text: str) -> Job:
    """A job with an image."""
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": PNG}}]
    return Job.model_validate({"messages": [{"role": "user", "content": parts}]})


def test_an_image_goes_where_the_policy_lets_it(installed: tuple[Client, Path, Path]) -> None:
    """Whole, to the provider and nowhere else: no log and no record has a byte of it."""
    client, record, data = installed
    job_id = client.submit(picture("What is on this picture?"))
    result = client.result(job_id, timeout_s=60)
    assert (result.lane, result.model) == ("seeing", "stand-in:gpt-4o-mini")
    (sent,) = (json.loads(json.loads(line)["body"]) for line in record.read_text().splitlines())
    assert sent["input"][0]["content"][1] == {"type": "input_image", "image_url": PNG, "detail": "auto"}
    assert sent["store"] is False
    sensitivity = Decision.from_json(client.record(job_id).decision or "").signals.sensitivity
    assert sensitivity.level is Level.INTERNAL
    assert sensitivity.coverage is not None
    assert sensitivity.coverage.skipped == ("image: binary",)
    for path in (data / "logs").rglob("*"):
        assert not path.is_file() or PIXELS[:40].encode() not in path.read_bytes()


def test_an_image_does_not_take_what_is_personal_with_it(installed: tuple[Client, Path, Path]) -> None:
    """What stands beside it is looked at as ever, and the job stays."""
    client, record, _ = installed
    job_id = client.submit(picture("Is this Erika Mustermann, card 4111 1111 1111 1111?"))
    with pytest.raises(JobFailed, match="on local"):  # a lane that runs nothing here
        client.result(job_id, timeout_s=60)
    assert "Mustermann" not in record.read_text()
