"""What a sound policy's author may not have meant: told as warnings, with places. Pure.

Exact answers are the proof's business (`analysis`); these need no search, and are told whenever a policy is loaded.
"""

from collections.abc import Iterator

from router.policy.conditions import BudgetLeft, When
from router.policy.guarantees import Guarantee
from router.policy.model import PolicyFile, Rule
from router.policy.redacting import REDACTABLE
from tidegate.budget import Budget
from tidegate.documents import Document, Steps
from tidegate.expectations import did_you_mean
from tidegate.lane import Zone
from tidegate.signals import Level
from tidegate.value import many


def warnings(file: PolicyFile, document: Document) -> Iterator[str]:
    """Each with its place."""
    yield from _sent_out_in_vain(file, document)
    yield from _redacted_in_vain(file, document)
    yield from _nowhere(file, document)
    yield from _anywhere(file, document)
    yield from _asked_in_vain(file, document)


def _sent_out_in_vain(file: PolicyFile, document: Document) -> Iterator[str]:
    """Rules that a sensitive job may reach and that send it outside only: it will go to the default's lanes."""
    left = {level for level in Level if level.sensitive}
    for index, rule in enumerate(file.rules):
        reached = left & rule.when.levels()
        if rule.redact:
            reached -= REDACTABLE
        # Declared types may leave: whether a sensitive job is one of those is told by the proof.
        if reached and not file.allow_outside and _outside_only(rule, file):
            levels = ", ".join(level.value for level in Level if level in reached)
            yield document.at(
                ("rules", index, "send"),
                f"sends outside only, and {levels} jobs can reach it: they will go to the default's lanes inside",
                value=True,
            )
        if _only_sensitivity(rule.when):
            left -= rule.when.levels()


def _redacted_in_vain(file: PolicyFile, document: Document) -> Iterator[str]:
    """Rules that redact where nothing leaves, or where there is nothing to replace."""
    for index, rule in enumerate(file.rules):
        if not rule.redact:
            continue
        if all(file.lanes[lane].zone is Zone.INSIDE for lane in _reach(rule)):
            message = "is never done: all lanes of the rule are inside, and those get the job as it is"
            yield document.at(("rules", index, "redact"), message)
        elif not rule.when.levels() & REDACTABLE:
            message = "is never done: only personal and restricted jobs are redacted, and none can reach the rule"
            yield document.at(("rules", index, "redact"), message)


def _nowhere(file: PolicyFile, document: Document) -> Iterator[str]:
    """Regions of a guarantee that no lane names: one letter wrong, and `never` would bar nothing."""
    known = {one.region for lane in file.lanes.values() for one in lane.every_deployment if one.region}
    for path, region in _regions(file):
        if region not in known:
            yield document.at(path, f"no lane names the region {region}{did_you_mean(region, known)}", value=True)


def _anywhere(file: PolicyFile, document: Document) -> Iterator[str]:
    """Lanes outside that say nothing of a region, where a guarantee speaks of regions: it takes them, unnamed."""
    if not any(True for _ in _regions(file)):
        return
    for name, lane in file.lanes.items():
        unnamed = [one.name for one in lane.every_deployment if one.region is None]
        if lane.zone is Zone.OUTSIDE and unnamed:
            which = f" ({', '.join(unnamed)})" if lane.deployments else ""
            message = f"names no region{which}: a guarantee that speaks of regions keeps its jobs from it"
            yield document.at(("lanes", name), message)


def _regions(file: PolicyFile) -> Iterator[tuple[Steps, str]]:
    """Every region that a guarantee names, with its place."""
    for index, promise in enumerate(file.guarantees):
        for field in ("never", "only") if isinstance(promise, Guarantee) else ():
            written = getattr(getattr(promise, field), "regions", None)
            here: Steps = ("guarantees", index, field, "regions")
            if isinstance(written, tuple):
                yield from (((*here, place), region) for place, region in enumerate(written))
            elif written is not None:
                yield here, written


def _asked_in_vain(file: PolicyFile, document: Document) -> Iterator[str]:
    """Rules that ask what is left of a budget where none is counted: that is never known, so they never hold."""
    for index, rule in enumerate(file.rules):
        asked = rule.when.budget_left_usd
        if asked is not None and not any(_counts(budget, asked, file) for budget in file.budgets.values()):
            message = "never holds: no budget in dollars counts there, so nobody knows what is left"
            yield document.at(("rules", index, "when", "budget_left_usd"), message)


def _counts(budget: Budget, asked: BudgetLeft, file: PolicyFile) -> bool:
    if budget.usd is None:
        return False
    if asked.tenant is not None:
        return budget.concerns(asked.tenant)
    return asked.lane in file.lanes and budget.covers(file.lanes[asked.lane])


def _reach(rule: Rule) -> Iterator[str]:
    """Every lane that gets something by the rule."""
    yield from many(rule.send)
    yield from rule.split or ()
    yield from (rule.overflow.to,) if rule.overflow else ()
    yield from (rule.shadow,) if rule.shadow else ()


def _outside_only(rule: Rule, file: PolicyFile) -> bool:
    return all(file.lanes[lane].zone is Zone.OUTSIDE for lane in many(rule.send))


def _only_sensitivity(when: When) -> bool:
    return set(when.says()) <= {"sensitivity"}
