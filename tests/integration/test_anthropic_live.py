"""A job all the way to a lane of Anthropic's: routed, cleared, run by a real worker, answered by the stand-in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate.client import Client
from tidegate.errors import JobFailed
from tidegate.job import Job, Params
from tidegate.lanes import read_lanes
from tidegate.ledger.states import State
from tidegate.runtime.installation import Installation
from tidegate.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KEY = "sk-ant-nobody-may-see-this"
POLICY: dict[str, Any] = {
    "version": 1,
    "name": "claude",
    "lanes": {
        "claude": {
            "zone": "outside",
            "backend": "anthropic",
            "model": "claude-haiku-4-5",
            "context_tokens": 200_000,
            "concurrency": 4,
            "retry": {"base_s": 0.1},
            "capabilities": ["json", "tools"],
        },
        "local": {"zone": "inside", "backend": "noop", "model": "m", "context_tokens": 4096, "retry": {"attempts": 1}},
    },
    "rules": [{"name": "plain", "when": {"sensitivity": ["public", "internal"]}, "send": "claude", "why": "harmless"}],
    "default": {"send": "local", "why": "anything else stays"},
}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
FAULTS = [
    {"fault": "overloaded", "times": 1, "when": {"contains": "please retry"}},
    {"fault": "refusal", "times": "forever", "when": {"contains": "please refuse"}},
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path]]:
    """An installation with such a lane, and the record of what the stand-in received."""
    data = tmp_path_factory.mktemp("claude")
    policy, faults, record = data / "policy.yaml", data / "faults.json", data / "received.jsonl"
    policy.write_text(json.dumps(POLICY))
    faults.write_text(json.dumps(FAULTS))
    elsewhere = dict.fromkeys(("broker_url", "store_url", "openai_base_url", "anthropic_base_url"))
    settings = load(data=data, policy=policy, flower_port=0, nudge_s=1.0, **elsewhere)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        made = Installation(
            settings,
            read_lanes(policy),
            always_standin=True,
            standin_options=("--rules", str(faults), "--record", str(record)),
        )
        try:
            made.start()
            made.wait_ready(timeout_s=200)
            yield Client(made.settings), record
        finally:
            made.stop()


def test_a_job_is_answered_by_the_lane(installed: tuple[Client, Path]) -> None:
    """The result names the lane, the model and the tokens; what left is Anthropic's request and no key."""
    client, record = installed
    result = client.result(client.submit(Job(text="Write a haiku about tides.")), timeout_s=60)
    assert (result.lane, result.model) == ("claude", "stand-in:claude-haiku-4-5")
    assert result.text.startswith("[stand-in] I received 5 words")
    assert result.usage.prompt_tokens > 0
    received = [json.loads(line) for line in record.read_text().splitlines()]
    assert [one["path"] for one in received] == ["/v1/messages"]
    assert KEY not in record.read_text()


def test_a_form_and_calls_come_back(installed: tuple[Client, Path]) -> None:
    """As they were promised."""
    client, _ = installed
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    form = {"type": "json_schema", "json_schema": {"schema": schema}}
    formed = client.submit(Job(text="Count.", params=Params.model_validate({"response_format": form})))
    params = Params.model_validate({"tools": [TOOL], "tool_choice": "required"})
    called = client.submit(Job(text="Look.", params=params))
    assert json.loads(client.result(formed, timeout_s=60).text) == {"n": 0}
    assert [call.function.name for call in client.result(called, timeout_s=60).tool_calls] == ["look"]


def test_failures_go_by_the_table(installed: tuple[Client, Path]) -> None:
    """An overload is tried again; a refusal is the end; what is personal never left."""
    client, record = installed
    retried, refused = (client.submit(Job(text=f"Please: {what}.")) for what in ("please retry", "please refuse"))
    personal = client.submit(Job(text="Write to Erika Mustermann, erika@example.org, card 4111 1111 1111 1111."))
    assert client.result(retried, timeout_s=60).attempts == 2
    with pytest.raises(JobFailed):
        client.result(refused, timeout_s=60)
    assert (client.record(refused).state, client.record(refused).reason) == (State.DEAD, "content_refused")
    with pytest.raises(JobFailed, match="on local"):  # a lane that runs nothing here
        client.result(personal, timeout_s=60)
    assert "Mustermann" not in record.read_text()
