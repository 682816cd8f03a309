"""Which slot of the registry a policy belongs to: one of its own where it is for some, else the one for all others."""

from router.policy.model import Policy
from router.policy.registry.entry import FALLBACK


def slot_of(policy: Policy) -> str:
    """The slot."""
    return policy.name if policy.scope else FALLBACK
