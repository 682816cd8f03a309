"""Findings and failures -> Sensitivity, by one table. Pure; no detector is known here by name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from router.signals.sensitivity.detector import Failure
from tidegate.signals import Finding, Level, Sensitivity


class Weight(NamedTuple):
    """What a finding of a type means, and the score from which it counts."""

    level: Level
    least: float = 0.0


LEVELS: Mapping[str, Weight] = {
    # Secrets open doors: one is enough, however weakly seen by a detector that reports it at all.
    "API_KEY": Weight(Level.RESTRICTED),
    "CONNECTION_STRING": Weight(Level.RESTRICTED),
    "HIGH_ENTROPY_STRING": Weight(Level.RESTRICTED),
    "JWT": Weight(Level.RESTRICTED),
    "PASSWORD": Weight(Level.RESTRICTED),
    "PRIVATE_KEY": Weight(Level.RESTRICTED),
    # Numbers that stand for a person at a bank, an office or a clinic.
    "CREDIT_CARD": Weight(Level.RESTRICTED, 0.3),
    "IBAN_CODE": Weight(Level.RESTRICTED, 0.3),
    "MEDICAL_LICENSE": Weight(Level.RESTRICTED, 0.4),
    "MEDICAL_RECORD": Weight(Level.RESTRICTED),
    "NATIONAL_ID": Weight(Level.RESTRICTED),
    "UK_NHS": Weight(Level.RESTRICTED, 0.4),
    "US_BANK_NUMBER": Weight(Level.RESTRICTED, 0.4),
    "US_DRIVER_LICENSE": Weight(Level.RESTRICTED, 0.4),
    "US_ITIN": Weight(Level.RESTRICTED, 0.4),
    "US_PASSPORT": Weight(Level.RESTRICTED, 0.4),
    "US_SSN": Weight(Level.RESTRICTED, 0.4),
    # Health is a special category of the GDPR (article 9), with or without a name beside it.
    "HEALTH": Weight(Level.RESTRICTED),
    # What names, reaches or places a person.
    "ADDRESS": Weight(Level.PERSONAL),
    "AGE": Weight(Level.PERSONAL),
    "CRYPTO": Weight(Level.PERSONAL, 0.4),
    "DATE_OF_BIRTH": Weight(Level.PERSONAL),
    "EMAIL_ADDRESS": Weight(Level.PERSONAL, 0.4),
    "FINANCES": Weight(Level.PERSONAL),
    "IP_ADDRESS": Weight(Level.PERSONAL, 0.4),
    "MAC_ADDRESS": Weight(Level.PERSONAL, 0.4),
    "PERSON": Weight(Level.PERSONAL),
    "PHONE_NUMBER": Weight(Level.PERSONAL, 0.4),
    "RECORD_NUMBER": Weight(Level.PERSONAL),
    "USERNAME": Weight(Level.PERSONAL),
    # Known to be harmless by themselves: almost every prompt with a date or a link would stay inside.
    "UUID": Weight(Level.INTERNAL),
    "DATE_TIME": Weight(Level.PUBLIC),
    "URL": Weight(Level.PUBLIC),
}

NEW_TYPE = Weight(Level.RESTRICTED)
"""A type that nobody has put into the table yet counts in full, so that a new detector cannot be forgotten."""


def counts(finding: Finding) -> bool:
    """Whether a finding is strong enough for its type to matter."""
    return finding.score >= LEVELS.get(finding.type, NEW_TYPE).least


def judge(findings: Iterable[Finding], *, failures: Sequence[Failure] = (), least: Level | None = None) -> Sensitivity:
    """The worst level of what was found; `unknown` when any detector failed, with the findings kept."""
    kept = _strongest(findings)
    found = max((_level(finding) for finding in kept), key=_rank, default=Level.PUBLIC)
    if failures:
        return Sensitivity(level=Level.UNKNOWN, findings=kept, cause="; ".join(map(str, failures)), least=least)
    level = max(found, least or Level.PUBLIC, key=_rank)
    return Sensitivity(level=level, findings=kept, cause=_because(level, found), least=least)


def _strongest(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding per type and detector: two hundred addresses on record say no more than one."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = (finding.type, finding.detector)
        if key not in best or finding.score > best[key].score:
            best[key] = finding
    return tuple(best[key] for key in sorted(best))


def _level(finding: Finding) -> Level:
    weight = LEVELS.get(finding.type, NEW_TYPE)
    return weight.level if finding.score >= weight.least else Level.PUBLIC


def _because(level: Level, found: Level) -> str | None:
    """Only an `unknown` needs a cause; without a failure it can only be what the producer asked for."""
    return "hint: min_sensitivity" if level is Level.UNKNOWN and level is not found else None


def _rank(level: Level) -> int:
    return level.rank
