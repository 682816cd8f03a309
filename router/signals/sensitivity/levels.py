"""Findings and failures -> Sensitivity, by one table. Pure; no detector is known here by name.

A finding has the level of its type; a combination of findings may raise it and never lower it. Policies may change the
table (`sensitivity:` in a policy file); what they do not say stays as it stands here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from router.signals.sensitivity.detector import Failure
from tidegate.signals import Finding, Level, Sensitivity


class Weight(NamedTuple):
    """What a finding of a type means, the score from which it counts, and what it means below that."""

    level: Level
    least: float = 0.0
    below: Level = Level.PUBLIC
    place: str | None = None
    """`file:line` of the policy that says so; None: as shipped."""
    why: str | None = None

    def at(self, score: float) -> Level:
        """The level of a finding with this score."""
        return self.level if score >= self.least else self.below


class Combination(NamedTuple):
    """Types that mean more together than each by itself."""

    name: str
    level: Level
    all_of: tuple[str, ...]
    """All of these."""
    any_of: tuple[str, ...] = ()
    """And one of these, where there are any."""
    why: str = ""
    place: str | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """Every type that it looks at."""
        return (*self.all_of, *self.any_of)

    def holds(self, found: Collection[str]) -> bool:
        """Whether these types make it up."""
        return all(name in found for name in self.all_of) and (
            not self.any_of or any(name in found for name in self.any_of)
        )

    def made_of(self, found: Collection[str]) -> tuple[str, ...]:
        """Those of its types that were found."""
        return tuple(name for name in self.types if name in found)


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
    # Children merit specific protection (recital 38).
    "CHILD": Weight(Level.RESTRICTED),
    # What an operator put on a deny list.
    "INTERNAL_NAME": Weight(Level.RESTRICTED),
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
    # Known to be harmless by themselves: almost every prompt with a date, a town or a link would stay inside.
    "UUID": Weight(Level.INTERNAL),
    "DATE_TIME": Weight(Level.PUBLIC),
    "LOCATION": Weight(Level.PUBLIC),
    "ORGANIZATION": Weight(Level.PUBLIC),
    "URL": Weight(Level.PUBLIC),
}

_REACHES = ("PERSON", "ADDRESS", "EMAIL_ADDRESS", "PHONE_NUMBER")
"""What tells who it is, each by itself."""

COMBINATIONS: tuple[Combination, ...] = (
    Combination(
        "identity",
        Level.RESTRICTED,
        ("DATE_OF_BIRTH",),
        _REACHES,
        "Who somebody is and when they were born is what offices and banks ask for.",
    ),
    Combination(
        "health-of-somebody",
        Level.RESTRICTED,
        ("HEALTH",),
        (*_REACHES, "DATE_OF_BIRTH", "AGE", "RECORD_NUMBER", "USERNAME"),
        "Health that is somebody's: also where health by itself is declared harmless.",
    ),
    Combination(
        "finances-of-somebody",
        Level.RESTRICTED,
        ("FINANCES",),
        (*_REACHES, "DATE_OF_BIRTH", "RECORD_NUMBER", "USERNAME"),
        "Income or debts that are somebody's.",
    ),
    Combination(
        "somebody-in-context",
        Level.PERSONAL,
        ("PERSON",),
        ("ORGANIZATION", "LOCATION", "AGE"),
        "A name with an employer, a town or an age is one person: also where a lone name is declared harmless.",
    ),
    Combination(
        "somebody-described",
        Level.PERSONAL,
        ("AGE", "LOCATION", "ORGANIZATION"),
        why="An age, a town and an employer single a person out without a name.",
    ),
)
"""Some raise nothing while the types keep their shipped levels: they hold where a policy lowers one of them."""

IMAGE = "IMAGE"
"""The type of an image, which has a level only where a policy gives it one."""

NEW_TYPE = Weight(Level.RESTRICTED)
"""A type that nobody has put into the table yet counts in full, so that a new detector cannot be forgotten."""


@dataclass(frozen=True)
class Table:
    """What findings mean: by type and score, and together."""

    weights: Mapping[str, Weight]
    combinations: tuple[Combination, ...] = ()

    def weight(self, name: str) -> Weight:
        """What a type means."""
        return self.weights.get(name, NEW_TYPE)

    def level(self, finding: Finding) -> Level:
        """What a finding means by itself."""
        return self.weight(finding.type).at(finding.score)

    def counts(self, finding: Finding) -> bool:
        """Whether a finding is strong enough for its type to matter."""
        return finding.score >= self.weight(finding.type).least

    def single(self, findings: Iterable[Finding]) -> Level:
        """The worst that one of the findings means by itself."""
        return max(map(self.level, findings), key=_rank, default=Level.PUBLIC)

    def together(self, findings: Iterable[Finding]) -> tuple[Combination, ...]:
        """The combinations that the findings make up."""
        found = {finding.type for finding in findings if self.counts(finding)}
        return tuple(one for one in self.combinations if one.holds(found))


SHIPPED = Table(MappingProxyType(dict(LEVELS)), COMBINATIONS)
"""What holds where a policy says nothing."""


def counts(finding: Finding, *, table: Table = SHIPPED) -> bool:
    """Whether a finding is strong enough for its type to matter."""
    return table.counts(finding)


def judge(
    findings: Iterable[Finding],
    *,
    failures: Sequence[Failure] = (),
    least: Level | None = None,
    table: Table = SHIPPED,
) -> Sensitivity:
    """The worst level of what was found; `unknown` when any detector failed, with the findings kept."""
    kept = _strongest(findings)
    if failures:
        return Sensitivity(level=Level.UNKNOWN, findings=kept, cause="; ".join(map(str, failures)), least=least)
    single = table.single(kept)
    raising = max(table.together(kept), key=lambda one: one.level.rank, default=None)
    found = single if raising is None else max(single, raising.level, key=_rank)
    level = max(found, least or Level.PUBLIC, key=_rank)
    return Sensitivity(
        level=level,
        findings=kept,
        cause="hint: min_sensitivity" if level is Level.UNKNOWN else None,
        because="; ".join(_reasons(level, kept, table, raising if found is not single else None)) or None,
        least=least,
    )


def judged_anew(sensitivity: Sensitivity, *, was: Table, now: Table) -> Sensitivity:
    """What a sensitivity on record would have been by another table. As it was, where its findings do not explain it.

    What lists of that other policy would find or leave out, nobody can tell without the text.
    """
    found = judge(sensitivity.findings, least=sensitivity.least, table=was)
    if sensitivity.level is Level.UNKNOWN or found.level is not sensitivity.level:
        return sensitivity
    anew = judge(sensitivity.findings, least=sensitivity.least, table=now)
    return sensitivity.model_copy(update={"level": anew.level, "because": anew.because})


def _strongest(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding per type and detector: two hundred addresses on record say no more than one."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = (finding.type, finding.detector)
        if key not in best or finding.score > best[key].score:
            best[key] = finding
    return tuple(best[key] for key in sorted(best))


def _reasons(level: Level, kept: Sequence[Finding], table: Table, raising: Combination | None) -> Iterator[str]:
    """What made the level, with the place where a policy says so. Nothing needs to be said of `public`."""
    if level is Level.PUBLIC:
        return
    if raising is not None and raising.level is level:
        types = {finding.type for finding in kept if table.counts(finding)}
        yield f"{' with '.join(raising.made_of(types))}: {raising.why or raising.name}{_placed(raising.place)}"
        return
    speaking = sorted({finding.type for finding in kept if table.level(finding) is level})
    yield from (f"{name}{_placed(table.weight(name).place)}" for name in speaking)
    if not speaking:
        yield "asked for by min_sensitivity"


def _placed(place: str | None) -> str:
    return "" if place is None else f" ({place})"


def _rank(level: Level) -> int:
    return level.rank
