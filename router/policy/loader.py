"""A policy file into a `Policy`: the only part of the policy that touches a disk.

All errors are told at once, with their places. A policy is loaded whole or not at all.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType

from router.policy.contradictions import DEFAULT_RULE, contradictions
from router.policy.guarantees import Guarantee
from router.policy.hashing import version
from router.policy.matching import conditions
from router.policy.model import Overflow, Policy, PolicyFile, ReadyGuarantee, ReadyOverflow, ReadyRule, Rule
from router.policy.sensitivity import ready
from router.policy.sensitivity.mistakes import mistakes
from router.policy.sensitivity.remarks import remarks
from router.policy.truth import together
from router.policy.warnings import warnings
from router.signals.sensitivity.levels import Table
from tidegate import budgets, limiting
from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument
from tidegate.includes import with_includes
from tidegate.lane import Lane, Zone
from tidegate.lanes import LanesPart, misplaced_names
from tidegate.prices import Rate, dearest, unpriced
from tidegate.signals import Level
from tidegate.value import many

__all__ = ["DEFAULT_RULE", "Policy", "load_policy", "policy_from"]


def load_policy(path: Path) -> Policy:
    """Read and check a policy. Raises InvalidDocument with every error."""
    return policy_from(with_includes(read(path), path), name=path.stem)


def policy_from(document: Document, *, name: str) -> Policy:
    """Check a document (with its includes) and make it ready. Raises InvalidDocument with every error."""
    file, problems = document.attempt(PolicyFile)
    problems = (*problems, *misplaced_names(document), *contradictions(document), *mistakes(document))
    problems = (*problems, *budgets.mistakes(document), *limiting.mistakes(document), *_unpriced(document))
    if file is None or problems:
        raise InvalidDocument(in_order(problems))
    return _ready(file, document, file.name or name)


def _unpriced(document: Document) -> Iterator[str]:
    """Lanes outside of which nobody knows what they cost: no budget could be kept, and no bill be foreseen."""
    found, _ = document.attempt(LanesPart)
    for name, lane in found.lanes.items() if found else ():
        for path, message in unpriced(lane):
            yield document.at(("lanes", name, *path), message, value=True)


def _rates(lanes: Mapping[str, Lane]) -> dict[str, Rate]:
    """The dearest of each lane's deployments: which one it will be is not known before."""
    return {name: dearest(lane) for name, lane in lanes.items()}


def _ready(file: PolicyFile, document: Document, name: str) -> Policy:
    rules = ready.rules(file.sensitivity, document)
    return Policy(
        name=name,
        version=version(name, file),
        lanes=MappingProxyType(dict(file.lanes)),
        rules=tuple(_ready_rule(rule, rules.table) for rule in file.rules),
        default=_ready_rule(
            Rule.model_construct(name=DEFAULT_RULE, send=file.default.send, why=file.default.why),
            rules.table,
        ),
        guarantees=tuple(_ready_guarantees(file, rules.table)),
        allow_outside=frozenset(file.allow_outside),
        sensitivity=rules,
        budgets=tuple(file.budgets.values()),
        rates=_rates(file.lanes),
        scope=file.scope,
        warnings=(*warnings(file, document), *remarks(file, rules, document)),
        file=file,
    )


def _ready_rule(rule: Rule, table: Table) -> ReadyRule:
    return ReadyRule(
        name=rule.name,
        when=rule.when,
        conditions=conditions(rule.when, table=table),
        send=many(rule.send),
        why=rule.why,
        overflow=_ready_overflow(rule.overflow) if rule.overflow else None,
        split=_shares(rule.split) if rule.split else (),
        shadow=rule.shadow,
        refuse=rule.refuse.when.wait_s if rule.refuse else None,
        redact=rule.redact is True,
    )


def _ready_overflow(overflow: Overflow) -> ReadyOverflow:
    return ReadyOverflow(overflow.to, overflow.when.wait_s, overflow.until.wait_s if overflow.until else None)


def _shares(weights: dict[str, float]) -> tuple[tuple[str, float], ...]:
    """Each lane with the upper end of its share of [0, 1)."""
    total = sum(weights.values())
    ends = (end / total for end in accumulate(weights.values()))
    return tuple(zip(weights, ends, strict=True))


def _ready_guarantees(file: PolicyFile, table: Table) -> Iterator[ReadyGuarantee]:
    for promise in file.guarantees:
        if isinstance(promise, Guarantee):
            test = together(condition.test for condition in conditions(promise.when, table=table))
            regions = _regions(promise, file)
            yield ReadyGuarantee(
                promise.name,
                promise.when,
                test,
                lanes=_barred(promise, file, regions),
                regions=regions,
                at_most=Level(promise.answers.at_most) if promise.answers else None,
            )


def _regions(promise: Guarantee, file: PolicyFile) -> frozenset[str] | None:
    """Those that it leaves. Of `never`, those that this file names: one that nobody has named yet is not among them."""
    if promise.only is not None:
        return frozenset(many(promise.only.regions))
    if promise.never is None or promise.never.regions is None:
        return None
    named = {one.region for lane in file.lanes.values() for one in lane.every_deployment}
    return frozenset(region for region in named if region is not None) - frozenset(many(promise.never.regions))


def _barred(promise: Guarantee, file: PolicyFile, regions: frozenset[str] | None) -> frozenset[str]:
    """The lanes that it takes away as a whole."""
    if regions is not None:
        return frozenset(name for name, lane in file.lanes.items() if not lane.deployments_in(regions))
    if promise.never is None:
        return frozenset()
    if promise.never.zone is not None:
        return frozenset(name for name, lane in file.lanes.items() if lane.zone is Zone.OUTSIDE)
    return frozenset(many(promise.never.lanes))
