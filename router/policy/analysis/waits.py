"""Waits at which jobs would flap: sending jobs elsewhere shortens the wait, which sends them back. Pure."""

from collections.abc import Iterator

from router.policy.conditions import When
from router.policy.grammar import Bounds
from router.policy.model import Policy, ReadyRule

Found = tuple[str, tuple[str | int, ...], str]

ENOUGH = 0.8
"""A wait that ends an overflow should be this part of the wait that begins it, or less."""

_ADVISED = 0.6


def flapping(policy: Policy) -> Iterator[Found]:
    """Each with its place."""
    for index, rule in enumerate(policy.rules):
        yield from _overflow(rule, ("rules", index, "overflow"))
        yield from _condition(rule, rule.when, ("rules", index, "when"))


def _overflow(rule: ReadyRule, here: tuple[str | int, ...]) -> Iterator[Found]:
    overflow = rule.overflow
    if overflow is None:
        return
    begins = _lower(overflow.when)
    if begins is None:
        return
    advice = f"until: {{wait_s: {{under: {begins * _ADVISED:g}}}}}"
    if overflow.until is None:
        yield "flapping", (*here, "when"), f"flaps: it begins and ends at the same {begins:g} s; give `{advice}`"
    elif (ends := _upper(overflow.until)) is not None and ends > begins * ENOUGH:
        yield (
            "flapping",
            (*here, "until"),
            f"flaps: {ends:g} s is close to {begins:g} s, where it begins; try `{advice}`",
        )


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


def _lower(bounds: Bounds[float]) -> float | None:
    return bounds.over if bounds.over is not None else bounds.at_least


def _upper(bounds: Bounds[float]) -> float | None:
    return bounds.under if bounds.under is not None else bounds.at_most
