"""Entity types that an operator declares harmless: which jobs are sensitive by them alone. Pure."""

from collections.abc import Collection

from router.signals.sensitivity.levels import SHIPPED, Table, judge
from tidegate.signals import Sensitivity


def guarded(sensitivity: Sensitivity, *, allow_outside: Collection[str] = (), table: Table = SHIPPED) -> bool:
    """Whether a job must stay inside; where an operator declared types harmless, without what they alone brought."""
    return sensitivity.level.sensitive and not narrowed(sensitivity, allow_outside=allow_outside, table=table)


def narrowed(sensitivity: Sensitivity, *, allow_outside: Collection[str], table: Table = SHIPPED) -> tuple[str, ...]:
    """The declared types that alone make a job sensitive. None where anything else speaks for guarding it.

    Only what single findings explain may be narrowed: never `unknown`, never what a producer or a conversation asked
    for, never what a combination raised.
    """
    if not allow_outside:
        return ()
    declared = tuple(name for name in sensitivity.types if name in allow_outside)
    if not declared or not sensitivity.level.sensitive:
        return ()
    explained = table.single(sensitivity.findings) is sensitivity.level
    left = (finding for finding in sensitivity.findings if finding.type not in allow_outside)
    others = judge(left, table=table).level
    asked = sensitivity.least is not None and sensitivity.least.sensitive
    return declared if explained and not asked and not others.sensitive else ()
