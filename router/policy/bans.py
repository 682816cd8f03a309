"""What guarantees take from a job, whatever its rule said: lanes, regions, answers. For each decision. Pure."""

from collections.abc import Iterable, Mapping

from router.policy.guarantees import BuiltIn
from router.policy.harmless import guarded
from router.policy.model import Policy
from router.policy.redacting import redactable
from router.policy.truth import Test
from tidegate.signals import Level, Signals


def bans(policy: Policy, signals: Signals, *, redacting: bool = False) -> Mapping[str, str]:
    """The lanes that this job may not take, with the guarantee that takes each away.

    Where its rule redacts, what leaves is no longer the job: the built-in guarantee speaks of what cannot be redacted
    only. The operator's own guarantees speak of the job, in whatever form.
    """
    taken: dict[str, str] = {}
    if _kept_inside(policy, signals, redacting=redacting):
        taken = dict.fromkeys(policy.outside, BuiltIn.NOTHING_SENSITIVE_OUTSIDE.value)
    return {**promised(policy, signals), **taken}


def promised(policy: Policy, signals: Signals) -> dict[str, str]:
    """The same by the operator's own guarantees. Never raises."""
    taken: dict[str, str] = {}
    allowed: frozenset[str] | None = None
    for guarantee in policy.guarantees:
        if not guarantee.restricts or not speaks(guarantee.test, signals):
            continue
        barred = guarantee.lanes
        if guarantee.regions is not None:
            # What two guarantees leave of a lane together may be nothing, though each leaves something.
            barred |= policy.barred_by(allowed & guarantee.regions) if allowed is not None else frozenset()
            allowed = guarantee.regions if allowed is None else allowed & guarantee.regions
        taken |= {lane: guarantee.name for lane in barred if lane not in taken}
    return taken


def regions(policy: Policy, signals: Signals) -> frozenset[str] | None:
    """Where the guarantees let this job be computed; None: anywhere."""
    spoken = [one.regions for one in policy.guarantees if one.regions is not None and speaks(one.test, signals)]
    return frozenset.intersection(*spoken) if spoken else None


def answers_at_most(policy: Policy, signals: Signals) -> Level | None:
    """The most guarded level that an answer from outside may have; None: whatever it says."""
    spoken = (one.at_most for one in policy.guarantees if one.at_most is not None and speaks(one.test, signals))
    return min(spoken, key=lambda level: level.rank, default=None)


def _kept_inside(policy: Policy, signals: Signals, *, redacting: bool) -> bool:
    if redacting:
        # Of types that were declared harmless, too: who says `redact` does not want them to leave in the clear.
        return signals.sensitivity.level.sensitive and not redactable(signals.sensitivity)
    return guarded(signals.sensitivity, allow_outside=policy.allow_outside, table=policy.sensitivity.table)


def speaks(test: Test, signals: Signals) -> bool:
    """Whether a guarantee speaks of such a job: always, unless it is certain that it does not."""
    try:
        return test(signals) is not False
    except Exception:  # noqa: BLE001 -- a promise that cannot be judged is kept
        return True


def said(taken: Iterable[str], banned: Mapping[str, str]) -> list[str]:
    """What the guarantees did, for the record: each guarantee with the lanes that it took."""
    by_guarantee: dict[str, list[str]] = {}
    for lane in taken:
        by_guarantee.setdefault(banned[lane], []).append(lane)
    return [f"guarantee {name} took {', '.join(lanes)}" for name, lanes in by_guarantee.items()]
