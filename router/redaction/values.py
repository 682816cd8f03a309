"""Values: what was found, by name. The same value has the same placeholder, wherever in the job it stands. Pure.

Two texts are the same value when their words are, whatever the case and whatever stands between the words.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from string import ascii_uppercase

from tidegate.redaction import MAX_VALUES

Words = tuple[str, ...]
"""A value as it is compared."""

PERSON, ADDRESS = "PERSON", "ADDRESS"

MIN_SEARCHED_CHARS = 4
"""A shorter value, an age say, is replaced where it was found and nowhere else: its characters may mean anything."""

_WORD = re.compile(r"[^\W_]+")
_BESIDE_NAMES = frozenset(
    _WORD.findall(
        """
        mr mrs ms miss mx dr prof sir madam lord lady herr frau monsieur madame señor señora don doña signor signora
        jr sr ii iii iv md phd esq rev van von der den de del della di da dos das du la le les el al bin ibn ben bint
        abu st saint san santa y e i und and the of zu zur ter ten
        """
    )
)
"""Words that stand in names and name nobody."""


def words(text: str) -> Words:
    """The words of a text, as they are compared."""
    return tuple(match[0].casefold() for match in _WORD.finditer(text))


@dataclass(frozen=True)
class Value:
    """One thing that was found."""

    name: str
    """Its placeholder."""
    text: str
    """As it was first written."""


@dataclass
class Values:
    """All that was found in a job, as it comes in. One for each redaction."""

    taken: str
    """The job's own text: a placeholder that it holds already is not used."""
    _by_words: dict[tuple[Words, str], Value] = field(default_factory=dict)
    _numbers: dict[str, Iterator[int]] = field(default_factory=dict)
    _parts: dict[str, list[Value]] = field(default_factory=dict)
    """Of which persons a word is a part."""
    _letters: dict[str, Iterator[str]] = field(default_factory=dict)

    def meet(self, found: Iterable[tuple[str, str]]) -> None:
        """Give each text that was found, with its type, a placeholder. Whole names first: the others are parts."""
        given = list(dict.fromkeys(found))
        for kind, text in sorted(given, key=lambda one: one[0] == PERSON and len(words(one[1])) < 2):  # noqa: PLR2004
            self.name(kind, text)

    def name(self, kind: str, text: str) -> str:
        """The placeholder of one text."""
        key = self._key(text)
        if key not in self._by_words:
            self._by_words[key] = Value(self._new_name(kind, key[0]), text)
            if kind == PERSON and len(key[0]) > 1:
                self._note_parts(self._by_words[key])
        return self._by_words[key].name

    @property
    def texts(self) -> Mapping[str, str]:
        """What each placeholder stands for."""
        return {value.name: value.text for value in self._by_words.values()}

    @property
    def counts(self) -> dict[str, int]:
        """How many values of each type there are."""
        types = [name.rpartition("_")[0] for name in sorted(self.texts)]
        return {kind: types.count(kind) for kind in dict.fromkeys(types)}

    def searched(self) -> Iterator[tuple[Words, str]]:
        """What is looked for in the whole job: each value by its words, with its type; and the parts of names."""
        for found, _ in list(self._by_words):
            kind = self._by_words[found, _].name.rpartition("_")[0]
            if sum(map(len, found)) >= (2 if kind == PERSON else MIN_SEARCHED_CHARS):
                yield found, kind
                yield from ((street, ADDRESS) for street in _streets(self._by_words[found, _]) if kind == ADDRESS)
        for word in self._parts:
            yield (word,), PERSON

    def _key(self, text: str) -> tuple[Words, str]:
        """Signs without a word are compared as they are."""
        found = words(text)
        return found, "" if found else text

    def _new_name(self, kind: str, found: Words) -> str:
        owners = self._parts.get(found[0], []) if kind == PERSON and len(found) == 1 else []
        if len(owners) == 1:
            letter = next(self._letters.setdefault(owners[0].name, iter(ascii_uppercase)), None)
            if letter is not None:
                return f"{owners[0].name}{letter}"
        if kind not in self._numbers:
            self._numbers[kind] = self._free(kind)
        return f"{kind}_{next(self._numbers[kind])}"

    def _note_parts(self, person: Value) -> None:
        for word in dict.fromkeys(words(person.text)):
            if len(word) > 1 and word.isalpha() and word not in _BESIDE_NAMES:
                self._parts.setdefault(word, []).append(person)

    def _free(self, kind: str) -> Iterator[int]:
        """Numbers that the job's own text does not use with this type, however it writes it."""
        named = r"[\W_]{1,4}".join(map(re.escape, kind.split("_")))
        used = {
            int(match[1]) for match in re.finditer(rf"{named}[\W_]{{1,4}}([0-9]{{1,6}})", self.taken, re.IGNORECASE)
        }
        return (number for number in range(1, MAX_VALUES) if number not in used)


def _streets(address: Value) -> Iterator[Words]:
    """The lines of an address without their numbers: a street may be named again without the house."""
    for line in re.split(r"[,;\n]", address.text):
        named = tuple(word for word in words(line) if not any(map(str.isdigit, word)))
        if len(named) > 1:
            yield named
