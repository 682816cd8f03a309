"""What a sound `sensitivity:` section's author may not have meant: told as warnings, with places. Pure."""

from collections.abc import Iterator

from router.policy.model import PolicyFile
from router.policy.sensitivity.grammar import Section
from router.policy.sensitivity.ready import HERE, combined_name
from router.signals.sensitivity.levels import COMBINATIONS, SHIPPED, Weight
from router.signals.sensitivity.lists import Rules
from router.signals.sensitivity.lists.entry import Entry
from router.signals.sensitivity.lists.patterns import Watch
from router.signals.sensitivity.views.view import View
from tidegate.documents import Document, Steps
from tidegate.expectations import did_you_mean
from tidegate.signals import Level

Remark = tuple[Steps, str]


def remarks(file: PolicyFile, rules: Rules, document: Document) -> Iterator[str]:
    """Each with its place."""
    section = file.sensitivity or Section()
    for found in (_unheard_of, _vain_combinations, _weaker_than_looked_for, _vain_entries, _denied_and_allowed):
        for path, message in found(section, rules):
            yield document.at((HERE, *path), message, value=isinstance(path[-1], int))
    for path, message in _declared_twice(file, rules):
        yield document.at(path, message, value=True)


def _unheard_of(section: Section, rules: Rules) -> Iterator[Remark]:
    """Types that no detector reports and no entry finds."""
    known = {*SHIPPED.weights, *(entry.type for entry in rules.entries)}
    for path, name in _mentioned(section):
        if name not in known:
            near = did_you_mean(name, known)
            hint = near if "did you mean" in near else ""
            yield path, f"no shipped detector reports {name}{hint}"


def _mentioned(section: Section) -> Iterator[tuple[Steps, str]]:
    yield from ((("types", name), name) for name in section.types or {})
    for at, one in enumerate(section.combinations):
        for part, names in (("all_of", one.all_of), ("any_of", one.any_of or ())):
            yield from ((("combinations", at, part, index), name) for index, name in enumerate(names))
    for at, entry in enumerate(section.allow):
        yield from ((("allow", at, "types", index), name) for index, name in enumerate(entry.types or ()))


def _vain_combinations(section: Section, rules: Rules) -> Iterator[Remark]:
    """Combinations that raise nothing, because one of their types is as guarded by itself."""
    shipped = {one.name for one in COMBINATIONS}
    for at, one in enumerate(section.combinations):
        worst = max((rules.table.weight(name).level for name in one.all_of), key=_rank)
        if worst.rank >= one.level.rank and combined_name(one) not in shipped:
            names = [name for name in one.all_of if rules.table.weight(name).level is worst]
            yield ("combinations", at), f"raises nothing: {names[0]} is {worst} by itself"


def _weaker_than_looked_for(section: Section, _: Rules) -> Iterator[Remark]:
    for name, means in (section.types or {}).items():
        shipped = SHIPPED.weights.get(name)
        if shipped is not None and means.at_least is not None and means.at_least < shipped.least:
            yield (
                ("types", name, "at_least"),
                f"detectors look for {name} from {shipped.least:g} on; of weaker ones they may tell some",
            )


def _vain_entries(section: Section, rules: Rules) -> Iterator[Remark]:
    """Entries of the operator's own that keep no job inside."""
    own: tuple[tuple[str, int, str, float], ...] = (
        *(("deny", at, entry.type, 1.0) for at, entry in enumerate(section.deny)),
        *(("patterns", at, entry.type, entry.score) for at, entry in enumerate(section.patterns)),
    )
    for part, at, name, score in own:
        weight = rules.table.weight(name)
        if score < weight.least:
            yield (part, at), f"never counts: its score is {score:g}, and {name} counts from {weight.least:g}"
        elif part == "deny" and not weight.level.sensitive:
            yield (part, at), f"keeps no job inside: {name} is {_said(weight)}"


def _said(weight: Weight) -> str:
    return f"{weight.level} ({weight.place})" if weight.place else f"{weight.level} as shipped"


def _denied_and_allowed(section: Section, rules: Rules) -> Iterator[Remark]:
    denied = [entry for entry in rules.entries if entry.denied]
    for at, allowed in enumerate(section.allow):
        for index, word in enumerate(allowed.words or ()):
            by = next((entry.name for entry in denied if _finds(entry, word)), None)
            if by is not None:
                yield ("allow", at, "words", index), f"{by} finds this, and what is denied is never left out"


def _finds(entry: Entry, word: str) -> bool:
    return any(True for _ in entry.watched(Watch()).find(View(word)))


def _declared_twice(file: PolicyFile, rules: Rules) -> Iterator[Remark]:
    """`allow_outside` beside a table that says the same, or a list that says the contrary."""
    listed = {entry.type for entry in rules.entries if entry.denied}
    for at, name in enumerate(file.allow_outside):
        if name in listed:
            yield ("allow_outside", at), f"{name} is what deny lists find: by this they keep no job inside"
        elif name in rules.table.weights and not rules.table.weight(name).level.sensitive:
            yield ("allow_outside", at), f"{name} is {_said(rules.table.weight(name))}: it keeps no job inside anyway"


def _rank(level: Level) -> int:
    return level.rank
