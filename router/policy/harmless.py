"""Entity types that an operator declares harmless: which jobs are sensitive by them alone. Pure."""

from collections.abc import Collection

from router.signals.sensitivity.levels import judge
from tidegate.signals import Sensitivity


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
