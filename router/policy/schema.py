"""The JSON Schema of a policy file, for completion and hover texts in editors."""

from typing import Any

from router.policy.model import PolicyFile
from tidegate.describing import described


def schema() -> dict[str, Any]:
    """The schema of the grammar, generated from its models."""
    found = described(PolicyFile)
    for kind in ("Lane", "Budget"):
        _name_is_the_key(found["$defs"][kind])
    _lanes_may_be_included(found)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": "tidegate policy"}


def _name_is_the_key(kind: dict[str, Any]) -> None:
    """In a file a lane's (or a budget's) name is the key above it, not one of its fields."""
    del kind["properties"]["name"]
    kind["required"].remove("name")


def _lanes_may_be_included(policy: dict[str, Any]) -> None:
    """A policy has lanes of its own, or those of the files that it includes."""
    policy["required"].remove("lanes")
    policy["anyOf"] = [{"required": ["lanes"]}, {"required": ["include"]}]
