"""Which sensitive jobs a redacted copy may speak for: those of which the detectors can tell what to replace. Pure."""

from tidegate.signals import Level, Sensitivity

REDACTABLE = frozenset({Level.PERSONAL, Level.RESTRICTED})
"""`unknown` is none of them: nobody knows what to replace."""


def redactable(sensitivity: Sensitivity) -> bool:
    """Whether what makes a job sensitive stands in it and was found, so that it can be replaced.

    Not so where somebody asked for more than was found: the producer knows something that no detector saw, and an
    earlier turn of the conversation may be what the present one is about. Both leave a word: `least`, or a cause.
    """
    asked = sensitivity.least is not None and sensitivity.least.sensitive
    return sensitivity.level in REDACTABLE and sensitivity.cause is None and not asked
