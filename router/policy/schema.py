"""The JSON Schema of a policy file, for completion and hover texts in editors."""

from typing import Any

from router.policy.model import PolicyFile
from tidegate.describing import described


def schema() -> dict[str, Any]:
    """The schema of the grammar, generated from its models."""
    found = described(PolicyFile)
    for keyed in ("Lane", "Budget"):
        _name_is_the_key(found["$defs"][keyed])
    _lanes_may_be_included(found)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "tidegate policy"}


def _name_is_the_key(keyed: dict[str, Any]) -> None:
    """In a file the name of a lane, or of a budget, is the key above it, not one of its fields."""
    del keyed["properties"]["name"]
    keyed["required"].remove("name")


def _lanes_may_be_included(policy: dict[str, Any]) -> None:
    """A policy has lanes of its own, or those of the files that it includes."""
    policy["required"].remove("lanes")
    policy["anyOf"] = [{"required": ["lanes"]}, {"required": ["include"]}]
