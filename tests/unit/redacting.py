"""What the tests of redacted copies share: an inspector of a few patterns, and what goes wrong in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from router.redaction.outcome import Redaction
from router.redaction.redactor import Redactor
from router.signals.sensitivity.detector import Failure, Span
from router.signals.sensitivity.levels import judge
from router.signals.sensitivity.lists import Rules
from router.signals.sensitivity.places import Places
from router.signals.sensitivity.views.view import View
from router.signals.sensitivity.walk import seams, strings
from tidegate.job import Job
from tidegate.signals import Band, Complexity, Finding, Sensitivity, Signals

PATTERNS = {
    "PERSON": r"Anna Lopez|Will Smith|Bo Li|田中太郎|(?<=I am )Anna\b",
    "EMAIL_ADDRESS": r"[\w.]+@[\w.]+\w",
    "CREDIT_CARD": r"\b(?:card )?(?:\d[ -]?){15}\d\b",
    "US_SSN": r"\b\d{3}-\d\d-\d{4}\b",
    "PASSWORD": r"(?<=password=)(?!XXX)\S+",
    "HEALTH": r"Patient .{1,40} has diabetes",
    "AGE": r"(?<=aged )\d+",
    "URL": r"https?://\S+",
}


def spans(text: str, rules: Rules) -> tuple[Span, ...]:
    """What the patterns see."""
    found = (Span(kind, 1.0, *match.span()) for kind, form in PATTERNS.items() for match in re.finditer(form, text))
    return tuple(span for span in found if rules.table.counts(Finding(type=span.type, score=1.0, detector="test")))


@dataclass
class Eyes:
    """An inspector of the patterns above, with what goes wrong in it."""

    failures: tuple[Failure, ...] = ()
    blind: frozenset[str] = frozenset()
    """Types that the first look does not see."""
    unknown: str | None = None
    """Why the second look cannot tell."""
    asked: list[bool] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def places(self, text: str, *, rules: Rules, gated: bool) -> Places:
        """Each place."""
        self.asked.append(gated)
        self.seen.append(text)
        return Places(
            spans=tuple(span for span in spans(text, rules) if span.type not in self.blind), failures=self.failures
        )

    def inspect(self, job: Job, *, rules: Rules, gated: bool) -> Signals:
        """A whole job."""
        self.asked.append(gated)
        texts = ("\n".join(strings(job)), *seams(job))
        findings = [Finding(type=one.type, score=1.0, detector="test") for text in texts for one in spans(text, rules)]
        sensitivity = judge(findings, table=rules.table)
        if self.unknown is not None:
            sensitivity = judge((), failures=(Failure("test", self.unknown),))
        return signals(sensitivity)


def signals(sensitivity: Sensitivity) -> Signals:
    """Of a job of which only this matters."""
    return Signals(sensitivity=sensitivity, complexity=Complexity(band=Band.SIMPLE), tokens=1, max_tokens=1)


def as_written(text: str) -> Iterable[View]:
    """The only reading."""
    return (View(text),)


def redact(job: Job | str, eyes: Eyes | None = None, **more: Any) -> Redaction:
    """A copy."""
    redactor = Redactor(inspector=eyes or Eyes(), readings=more.pop("readings", as_written))
    return redactor.redact(Job(text=job) if isinstance(job, str) else job, **more)
