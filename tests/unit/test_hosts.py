"""Whether a host may be anybody's, by its name."""

import pytest
from pydantic import ValidationError

from tidegate.hosts import is_public
from tidegate.lane import Lane


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "10.0.0.7",
        "192.168.1.9",
        "100.64.0.3",
        "[::1]",
        "[fd00::1]",
        "llama",
        "vllm.gpu.svc",
        "models.bank.internal",
        "box.local",
        "box.home.arpa",
        "vllm.gpu.svc.cluster.local",
        "BOX.LAN.",
        "169.254.1.1",
    ],
)
def test_names_that_nobody_else_can_have(host: str) -> None:
    """Private addresses, names without a dot, endings that no registry gives away."""
    assert not is_public(f"http://{host}:8000/v1")


@pytest.mark.parametrize(
    "host",
    [
        "api.openai.com",
        "8.8.8.8",
        "[2606:4700::1]",
        "x.endpoints.huggingface.cloud",
        "internal.example.com",
        "localhost.example.com",
        "134744072",
        "0x8080808",
        "8.2056",
        "",
        "local.",
        "user@8.8.8.8",
        "[::ffff:8.8.8.8]",
    ],
)
def test_names_that_anybody_may_have(host: str) -> None:
    """And what cannot be read."""
    assert is_public(f"http://{host}/v1") == (host != "local.")


def lane(url: str, **changed: object) -> Lane:
    """A lane inside at this address."""
    said = {"name": "a", "zone": "inside", "backend": "openai", "model": "m", "context_tokens": 64, "base_url": url}
    return Lane.model_validate(said | changed, strict=False)


def test_a_public_host_inside_must_be_confirmed() -> None:
    """A mistake in one line would send out what must stay; and what is confirmed goes by https alone."""
    with pytest.raises(ValidationError, match="public_host_is_ours: true"):
        lane("https://llm.example.com/v1")
    with pytest.raises(ValidationError, match="https alone"):
        lane("http://llm.example.com/v1", public_host_is_ours=True)
    assert lane("https://llm.example.com/v1", public_host_is_ours=True).base_url
    assert lane("http://10.0.0.7/v1").base_url
    assert lane("https://llm.example.com/v1", zone="outside").base_url
