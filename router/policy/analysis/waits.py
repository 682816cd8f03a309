"""Waits at which jobs would flap: sending jobs elsewhere shortens the wait, which sends them back. Pure.

An overflow does not: each job decides for itself, and the line rests at the limit.
"""

from collections.abc import Iterator

from router.policy.conditions import When
from router.policy.grammar import Bounds
from router.policy.model import Policy, ReadyRule

Found = tuple[str, tuple[str | int, ...], str]


def flapping(policy: Policy) -> Iterator[Found]:
    """Each with its place."""
    for index, rule in enumerate(policy.rules):
        yield from _condition(rule, rule.when, ("rules", index, "when"))


def _condition(rule: ReadyRule, when: When, here: tuple[str | int, ...]) -> Iterator[Found]:
    """A rule whose own lane's wait decides whether it matches."""
    wanted = when.wait_s
    if wanted is not None and wanted.lane in rule.reach and _upper(wanted) is not None:
        at = f"{_upper(wanted):g} s"
        message = f"flaps: it sends to {wanted.lane} until that waits {at}, and again below; an overflow has `until`"
        yield "flapping", (*here, "wait_s"), message
    for place, inner in enumerate(when.all_of or ()):
        yield from _condition(rule, inner, (*here, "all", place))
    for place, inner in enumerate(when.any_of or ()):
        yield from _condition(rule, inner, (*here, "any", place))


def _upper(bounds: Bounds[float]) -> float | None:
    return bounds.under if bounds.under is not None else bounds.at_most
