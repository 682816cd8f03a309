"""A lane for each managed backend, at any server that speaks its API: the contract is the same for all."""

from typing import Any

from tidegate.lane import Lane, Zone

GOOGLE = "v1/projects/project/locations/europe-west4"


def managed(url: str, called: str, **changed: Any) -> Lane:
    """The lane by the name of its fixture. `url` is a server's, without a path."""
    own: dict[str, dict[str, Any]] = {
        "openai": {"backend": "openai", "base_url": url},
        "openai_responses": {"backend": "openai_responses", "base_url": url},
        "azure": {"backend": "azure", "base_url": url, "api_version": "2024-10-21"},
        "vertex": {
            "backend": "vertex",
            "base_url": f"{url}/{GOOGLE}/endpoints/openapi",
            "model": "google/gemini-2.5-flash",
            "key_env": "CONTRACT_CREDENTIALS",
        },
        "vertex_openai": {
            "backend": "vertex",
            "base_url": f"{url}/{GOOGLE}/publishers/openai/v1",
            "key_env": "CONTRACT_CREDENTIALS",
        },
        "anthropic": {"backend": "anthropic", "base_url": url, "model": "claude-haiku-4-5"},
    }
    fields = {
        "name": called.replace("_", "-"),
        "zone": Zone.OUTSIDE,
        "model": "gpt-4o-mini",
        "key_env": "CONTRACT_KEY",
        "context_tokens": 512,
    }
    return Lane.model_validate(fields | own[called] | changed)


def peer(url: str, called: str, *, model: str) -> Lane:
    """The same lane at a gateway with a key of its own."""
    return managed(url, called, model=model, key_env="CONTRACT_LITELLM_KEY", name=f"litellm-{model}")
