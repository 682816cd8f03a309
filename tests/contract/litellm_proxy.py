"""LiteLLM's proxy in front of the stand-in: a gateway that nobody wrote for these tests, with words of its own.

It lives in an environment of its own, since it pins other versions than ours: `bin/test-peers` makes that and names its
command in TIDEGATE_PEERS_LITELLM.
"""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

COMMAND = os.environ.get("TIDEGATE_PEERS_LITELLM")
"""Read at import: no test sees the variables of the shell."""

KEY = "sk-peer"
START_S = 300.0
"""It imports for a quarter of a minute of CPU time."""

NAMES = (
    "litellm_openai",
    "litellm_claude",
    "litellm_responses",
    "litellm_bridged",
    "litellm_azure",
    "litellm_messages",
)
"""The names of the fixtures of lanes that call it, where it is there."""

PEERS = NAMES if COMMAND else ()

SIXTEEN = "it asks OpenAI for 16 tokens at least"
NO_LOGPROBS = "Anthropic tells none"
WARM = "Anthropic takes no temperature above 1"
ONE_OF_TWO = "Anthropic's models take a temperature or top_p, and it sends both"

APART: Mapping[tuple[str, str], str] = {
    ("litellm_responses", "test_a_form_that_was_cut_is_an_error"): SIXTEEN,
    ("litellm_responses", "test_errors_carry_no_text[cut]"): SIXTEEN,
    ("litellm_responses", "test_no_more_is_written_than_was_asked_for"): SIXTEEN,
    **{
        (name, test): why
        for name in ("litellm_claude", "litellm_bridged")
        for test, why in {
            "test_log_probabilities_come_when_asked_for": NO_LOGPROBS,
            "test_what_openai_has_is_taken_and_a_seed_repeats_it[temperature+top_k+top_p+min_p]": WARM,
            "test_what_openai_has_is_taken_and_a_seed_repeats_it[temperature+top_p]": ONE_OF_TWO,
        }.items()
    },
}
"""What a gateway cannot be held to: the lane's fixture and the test -> why."""


@contextlib.contextmanager
def running(upstream: str, folder: Path) -> Iterator[str]:
    """The proxy's URL, once it can be called. `upstream` is the stand-in's."""
    assert COMMAND is not None
    config = folder / "litellm.yaml"
    config.write_text(json.dumps(_config(upstream)))  # JSON is YAML
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [COMMAND, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    alone = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    alone.pop("PYTHONPATH", None)
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=alone, cwd=folder)
    try:
        _await_health(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _config(upstream: str) -> dict[str, object]:
    """`chat` is passed on, `claude` and `bridged` are put into another API's words on the way."""
    own = {"api_key": "any", "api_base": f"{upstream}/v1"}
    served = {
        "chat": {"model": "openai/gpt-4o-mini", **own},
        "bridged": {"model": "anthropic/claude-sonnet-4-5", "api_key": "any", "api_base": upstream},
        "claude": {"model": "anthropic/claude-sonnet-4-5", "api_key": "any", "api_base": upstream},
        "embed": {"model": "openai/text-embedding-3-small", **own},
        "limited": {**own, "model": "openai/gpt-4o-mini", "mock_response": "litellm.RateLimitError"},
        "broken": {**own, "model": "openai/gpt-4o-mini", "mock_response": "litellm.InternalServerError"},
        "long": {**own, "model": "openai/gpt-4o-mini", "mock_response": "litellm.ContextWindowExceededError"},
    }
    return {
        "model_list": [{"model_name": name, "litellm_params": params} for name, params in served.items()],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"num_retries": 0, "telemetry": False, "drop_params": True},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }


def _await_health(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + START_S
    while True:
        with (
            contextlib.suppress(OSError, urllib.error.HTTPError),
            urllib.request.urlopen(f"{url}/health/liveliness", timeout=2) as said,
        ):
            if said.status == 200:
                return
        assert process.poll() is None, f"the proxy ended with {process.returncode}"
        assert time.monotonic() < until, "the proxy did not start"
        time.sleep(0.2)  # there is no event to wait for
