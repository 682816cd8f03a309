"""The version of a policy: a hash of what it says. Comments, layout, the order of keys and the cases do not count."""

import hashlib
import json

from router.policy.model import PolicyFile

DIGITS = 12
"""Enough that two policies of one house never meet by chance, and few enough to read aloud."""


def digest(file: PolicyFile) -> str:
    """The hash. What is not written is not in it, so a new field of the grammar changes no version."""
    said = file.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"tests", "include"})
    content = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def version(name: str, file: PolicyFile) -> str:
    """`default@3f9c…`."""
    return f"{name}@{digest(file)[:DIGITS]}"
