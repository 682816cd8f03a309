"""Which lanes the guarantees take away from a job, whatever its rule said. Checked for each decision. Pure."""

from collections.abc import Collection, Iterable, Mapping

from router.policy.guarantees import BuiltIn
from router.policy.matching import Test
from router.policy.model import Policy
from router.signals.sensitivity.levels import judge
from tidegate.signals import Sensitivity, Signals


def bans(policy: Policy, signals: Signals) -> Mapping[str, str]:
    """The lanes that this job may not take, with the guarantee that takes each away."""
    taken: dict[str, str] = {}
    if guarded(signals.sensitivity, allow_outside=policy.allow_outside):
        taken = dict.fromkeys(policy.outside, BuiltIn.NOTHING_SENSITIVE_OUTSIDE.value)
    for guarantee in policy.guarantees:
        if guarantee.lanes and speaks(guarantee.test, signals):
            taken |= {lane: guarantee.name for lane in guarantee.lanes if lane not in taken}
    return taken


def guarded(sensitivity: Sensitivity, *, allow_outside: Collection[str] = ()) -> bool:
    """Whether a job must stay inside; where an operator declared types harmless, without what they alone brought."""
    return sensitivity.level.sensitive and not narrowed(sensitivity, allow_outside=allow_outside)


def narrowed(sensitivity: Sensitivity, *, allow_outside: Collection[str]) -> tuple[str, ...]:
    """The declared types that alone make a job sensitive. None where anything else speaks for guarding it.

    Only what the findings explain may be narrowed: never `unknown`, never what a producer or a conversation asked for.
    """
    if not allow_outside:
        return ()
    declared = tuple(name for name in sensitivity.types if name in allow_outside)
    if not declared or not sensitivity.level.sensitive:
        return ()
    explained = judge(sensitivity.findings).level is sensitivity.level
    others = judge(finding for finding in sensitivity.findings if finding.type not in allow_outside).level
    asked = sensitivity.least is not None and sensitivity.least.sensitive
    return declared if explained and not asked and not others.sensitive else ()


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
