"""A policy's section -> the rules that an inspection uses: the table, the lists, and what was loosened."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from router.policy.sensitivity.grammar import Allowed as AllowedEntry
from router.policy.sensitivity.grammar import Denied, Images, Own, Section, Together
from router.signals.sensitivity.levels import COMBINATIONS, IMAGE, NEW_TYPE, SHIPPED, Combination, Table, Weight
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from router.signals.sensitivity.lists.allow import Allow, Allowed, value
from router.signals.sensitivity.lists.entry import Entry
from router.signals.sensitivity.lists.patterns import compiled
from router.signals.sensitivity.lists.words import matchers
from tidegate.documents import Document, Steps
from tidegate.signals import Level

HERE = "sensitivity"


def rules(section: Section | None, document: Document) -> Rules:
    """What the section means. Its patterns are known to be right."""
    if section is None:
        return AS_SHIPPED
    table = Table(MappingProxyType(_weights(section, document)), tuple(_combinations(section, document)))
    return Rules(
        table=table,
        entries=tuple(_entries(section)),
        allow=Allow(tuple(_allowed(entry, _place(document, "allow", at)) for at, entry in enumerate(section.allow))),
        images=section.images is not None,
        loosened=(*_images_loosened(section, document), *loosened(table)),
    )


def loosened(table: Table) -> Iterator[str]:
    """What would keep a job inside as shipped, and does not by this table, or not each finding of it."""
    for name, now in table.weights.items():
        shipped = SHIPPED.weights.get(name)
        if shipped is None or not shipped.level.sensitive:
            continue
        if not now.level.sensitive:
            yield f"{name}: {now.level}, shipped as {shipped.level}: {_because(now)}"
        elif now.least > shipped.least and not now.below.sensitive:
            yield f"{name}: {now.below} under a score of {now.least:g}, shipped as {shipped.level}: {_because(now)}"
    kept = {one.name: one for one in table.combinations}
    for shipped_one in COMBINATIONS:
        now_one = kept.get(shipped_one.name)
        if now_one is not None and shipped_one.level.sensitive and not now_one.level.sensitive:
            why = f"{now_one.why} ({now_one.place})"
            yield f"combination {shipped_one.name}: {now_one.level}, shipped as {shipped_one.level}: {why}"


def _images_loosened(section: Section, document: Document) -> Iterator[str]:
    """Images as shipped are nobody's to judge."""
    if section.images is not None:
        weight = _of_images(section.images, document)
        yield f"{IMAGE}: {weight.level}, shipped as {Level.UNKNOWN}: {_because(weight)}"


def _of_images(images: Images, document: Document) -> Weight:
    return Weight(images.level, place=document.spot((HERE, "images")), why=images.why)


def levels_of_entries(section: Section) -> Iterator[tuple[Steps, str, Level]]:
    """The levels that lists and patterns give to their types, with where each is said."""
    entries = (
        *(("deny", at, entry.type, entry.level) for at, entry in enumerate(section.deny)),
        *(("patterns", at, entry.type, entry.level) for at, entry in enumerate(section.patterns)),
    )
    for part, at, name, level in entries:
        if level is not None:
            yield (HERE, part, at, "level"), name, level


def combined_name(one: Together) -> str:
    """What a combination is called that has no name: its types."""
    return one.name or " + ".join((*one.all_of, *(["/".join(one.any_of)] if one.any_of else ())))


def _because(weight: Weight) -> str:
    return " ".join(filter(None, (weight.why or "no reason given", f"({weight.place})" if weight.place else "")))


def _weights(section: Section, document: Document) -> dict[str, Weight]:
    weights: dict[str, Weight] = dict(SHIPPED.weights)
    for name, means in (section.types or {}).items():
        shipped = weights.get(name, NEW_TYPE)
        weights[name] = Weight(
            means.level or shipped.level,
            shipped.least if means.at_least is None else means.at_least,
            means.below or Level.PUBLIC,
            document.spot((HERE, "types", name)),
            means.why,
        )
    for path, name, level in levels_of_entries(section):
        weights[name] = weights.get(name, NEW_TYPE)._replace(level=level, place=document.spot(path))
    for name in (*(entry.type for entry in section.deny), *(entry.type for entry in section.patterns)):
        weights.setdefault(name, NEW_TYPE)
    if section.images is not None:
        weights[IMAGE] = _of_images(section.images, document)
    return weights


def _combinations(section: Section, document: Document) -> Iterator[Combination]:
    """The shipped ones, each unless one of its name is written, and then those of the policy."""
    written = {combined_name(one) for one in section.combinations}
    yield from (one for one in COMBINATIONS if one.name not in written)
    for at, one in enumerate(section.combinations):
        place = _place(document, "combinations", at)
        yield Combination(combined_name(one), one.level, one.all_of, one.any_of or (), one.why, place)


def _entries(section: Section) -> Iterator[Entry]:
    for denied in section.deny:
        yield _listed(denied)
    for own in section.patterns:
        yield _own(own)


def _listed(denied: Denied) -> Entry:
    found = matchers(denied.words) if denied.words else (compiled(denied.pattern or ""),)
    return Entry(name=f"deny:{denied.name}", type=denied.type, score=1.0, matchers=found, denied=True)


def _own(own: Own) -> Entry:
    return Entry(
        name=f"patterns:{own.type}",
        type=own.type,
        score=own.score,
        matchers=(compiled(own.pattern),),
        context=matchers(own.context) if own.context else (),
    )


def _allowed(entry: AllowedEntry, place: str) -> Allowed:
    return Allowed(
        values=frozenset(map(value, entry.words or ())),
        matchers=matchers(entry.words) if entry.words else (),
        pattern=compiled(entry.pattern) if entry.pattern else None,
        types=frozenset(entry.types or ()),
        why=entry.why,
        place=place,
    )


def _place(document: Document, part: str, at: int) -> str:
    return document.spot((HERE, part, at))


def types_of(table: Table) -> Mapping[str, Weight]:
    """The table by type, the most guarded first, then by name: as people read it."""
    in_order = sorted(table.weights.items(), key=lambda item: (-item[1].level.rank, item[0]))
    return dict(in_order)
