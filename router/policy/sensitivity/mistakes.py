"""What is wrong in `sensitivity:` beyond its form. Looks at the tree, so that it speaks of a broken one, too. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from router.policy.sensitivity.ready import HERE
from router.policy.sensitivity.samples import allowed_whole
from router.signals.sensitivity.levels import SHIPPED, Weight
from router.signals.sensitivity.lists.patterns import BadPattern, Matcher, compiled
from router.signals.sensitivity.lists.words import MAX_WORDS
from tidegate.documents import Document, Steps
from tidegate.signals import Level

HARD = frozenset(name for name, one in SHIPPED.weights.items() if one.level is Level.RESTRICTED) | {
    "EMAIL_ADDRESS",
    "IP_ADDRESS",
    "PHONE_NUMBER",
}
"""Types of which each finding matters: to pass over weak ones needs a reason."""

OPERATORS_OWN = "INTERNAL_NAME"
"""The one shipped type that nobody finds but operators' lists: they may give it any level."""

_LISTS = ("deny", "allow", "patterns")


def mistakes(document: Document) -> Iterator[str]:
    """Each with its place."""
    section = document.tree.get(HERE)
    if not isinstance(section, Mapping):
        return
    yield from _bad_patterns(section, document)
    yield from _too_many_words(section, document)
    yield from _lowered_in_silence(section, document)
    yield from _two_levels(section, document)
    for part in ("deny", "combinations"):
        yield from _doubled(section, part, document)


def _bad_patterns(section: Mapping[str, Any], document: Document) -> Iterator[str]:
    for part in _LISTS:
        for at, entry in _entries(section, part):
            text, path = entry.get("pattern"), (HERE, part, at, "pattern")
            if not isinstance(text, str) or not text:
                continue
            try:
                found = compiled(text)
            except BadPattern as exc:
                yield _placed(exc, path, document)
            else:
                if part == "allow":
                    yield from _allows_all(found, entry, path, document)


def _placed(found: BadPattern, path: Steps, document: Document) -> str:
    if found.at is None:
        return document.at(path, found.reason, value=True)
    return document.within(path, found.reason, line=1, column=found.at + 1)


def _allows_all(pattern: Matcher, entry: Mapping[str, Any], path: Steps, document: Document) -> Iterator[str]:
    """An entry that leaves every finding of a type out is no list of known values."""
    types = entry.get("types")
    named = tuple(name for name in types if isinstance(name, str)) if isinstance(types, list) else ()
    found = tuple(allowed_whole(pattern, named))
    if found:
        what = "every finding" if "other" in found or len(found) > 1 else f"every {found[0]}"
        yield document.at(
            path,
            f"would allow {what}: match the values that are known, or say under types what the type means",
            value=True,
        )


def _too_many_words(section: Mapping[str, Any], document: Document) -> Iterator[str]:
    count = 0
    for part in _LISTS:
        for at, entry in _entries(section, part):
            words = entry.get("words")
            count += len(words) if isinstance(words, list) else 0
            if count > MAX_WORDS:
                yield document.at((HERE, part, at, "words"), f"more than {MAX_WORDS:,} words in all: use patterns")
                return


def _lowered_in_silence(section: Mapping[str, Any], document: Document) -> Iterator[str]:
    types = section.get("types")
    for name, means in types.items() if isinstance(types, Mapping) else ():
        shipped = SHIPPED.weights.get(str(name))
        if shipped is None or not shipped.level.sensitive or not isinstance(means, Mapping) or means.get("why"):
            continue
        here = (HERE, "types", name)
        if means.get("level") in (Level.PUBLIC.value, Level.INTERNAL.value):
            message = f"lowers {name}, which is {shipped.level} as shipped, so that it keeps no job inside: say why"
            yield document.at((*here, "level"), message, value=True)
        elif _passes_over(means, shipped) and name in HARD:
            message = f"passes over findings of {name} that count as shipped (from {shipped.least:g}): say why"
            yield document.at((*here, "at_least"), message, value=True)


def _passes_over(means: Mapping[str, Any], shipped: Weight) -> bool:
    least, below = means.get("at_least"), means.get("below")
    raised = isinstance(least, int | float) and least > shipped.least
    return raised and below not in (Level.PERSONAL.value, Level.RESTRICTED.value)


def _two_levels(section: Mapping[str, Any], document: Document) -> Iterator[str]:
    """A type has one level, wherever it is said."""
    said: dict[str, tuple[str, str]] = {}
    types = section.get("types")
    for name, means in types.items() if isinstance(types, Mapping) else ():
        level = means.get("level") if isinstance(means, Mapping) else None
        if isinstance(level, str):
            said[str(name)] = level, f"under types on line {document.spot((HERE, 'types', name)).rpartition(':')[2]}"
    for part, usual in (("deny", OPERATORS_OWN), ("patterns", None)):
        for at, entry in _entries(section, part):
            name, level = entry.get("type", usual), entry.get("level")
            if not isinstance(name, str) or not isinstance(level, str):
                continue
            shipped = SHIPPED.weights.get(name)
            if shipped is not None and name != OPERATORS_OWN:
                said.setdefault(name, (shipped.level.value, "as shipped; change it under types"))
            other, where = said.setdefault(name, (level, f"in {part}[{at}]"))
            if other != level:
                message = f"a type has one level: {name} is {other} {where}"
                yield document.at((HERE, part, at, "level"), message, value=True)


def _doubled(section: Mapping[str, Any], part: str, document: Document) -> Iterator[str]:
    first: dict[str, int] = {}
    for at, entry in _entries(section, part):
        name = entry.get("name")
        if isinstance(name, str) and first.setdefault(name, at) != at:
            yield document.at((HERE, part, at, "name"), f"{part}[{first[name]}] has this name, too", value=True)


def _entries(section: Mapping[str, Any], part: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    entries = section.get(part)
    for at, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, Mapping):
            yield at, entry
