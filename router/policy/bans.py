"""Which lanes the guarantees take away from a job, whatever its rule said. Checked for each decision. Pure."""

from collections.abc import Iterable, Mapping

from router.policy.guarantees import BuiltIn
from router.policy.harmless import guarded
from router.policy.matching import Test
from router.policy.model import Policy
from router.policy.redacting import redactable
from tidegate.signals import Signals


def bans(policy: Policy, signals: Signals, *, redacting: bool = False) -> Mapping[str, str]:
    """The lanes that this job may not take, with the guarantee that takes each away.

    Where its rule redacts, what leaves is no longer the job: the built-in guarantee speaks of what cannot be redacted
    only. The operator's own guarantees speak of the job, in whatever form.
    """
    taken: dict[str, str] = {}
    if _kept_inside(policy, signals, redacting=redacting):
        taken = dict.fromkeys(policy.outside, BuiltIn.NOTHING_SENSITIVE_OUTSIDE.value)
    for guarantee in policy.guarantees:
        if guarantee.lanes and speaks(guarantee.test, signals):
            taken |= {lane: guarantee.name for lane in guarantee.lanes if lane not in taken}
    return taken


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
