"""Where names come from: the lists beside this file, and, where it is installed, faker's lists for its locales.

Three names in ten are invented: letter by letter, so that they sound like their culture and stand in no list.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from random import Random

from models.tagger.recipe.lists import words
from models.tagger.recipe.locales import Locale, locales, native_names

_ORDER = 3
_LONGEST = 12
_END = "\n"
_OWN_WEIGHTS = {
    "chinese": 6,
    "korean": 4,
    "arabic": 7,
    "slavic": 4,
    "japanese": 5,
    "vietnamese": 4,
    "latin-american": 4,
    "nickname": 8,
    "modern": 4,
}
_FAMILY_FIRST = ("chinese", "korean", "japanese", "vietnamese", "zh_CN", "zh_TW", "ja_JP", "vi_VN", "hu_HU")
_PARTICLES = {"arabic": "arabic", "welsh-scots": "celtic", "latin-american": "romance", "filipino": "romance"}
_DOUBLED = ("latin-american", "basque-catalan", "filipino")


@dataclass(frozen=True)
class Culture:
    """A language's names and how they are put together."""

    name: str
    firsts: tuple[str, ...]
    lasts: tuple[str, ...]
    middle: tuple[str, ...] = ()
    particles: str = "none"
    doubled: bool = False

    @property
    def family_first(self) -> bool:
        """Whether the family name stands first at home."""
        return self.name in _FAMILY_FIRST

    def invented_first(self, rng: Random) -> str:
        """A given name that sounds like this culture's."""
        return _invented(rng, self._first_letters) or rng.choice(self.firsts)

    def invented_last(self, rng: Random) -> str:
        """A family name that sounds like this culture's."""
        return _invented(rng, self._last_letters) or rng.choice(self.lasts)

    @cached_property
    def _first_letters(self) -> dict[str, str]:
        return _followers(self.firsts)

    @cached_property
    def _last_letters(self) -> dict[str, str]:
        return _followers(self.lasts)


@dataclass(frozen=True, slots=True)
class Names:
    """All cultures, with the weights by which they are drawn."""

    cultures: tuple[Culture, ...]
    cumulative: tuple[float, ...]
    word_firsts: tuple[str, ...]
    word_lasts: tuple[str, ...]
    native: tuple[str, ...]

    def culture(self, rng: Random) -> Culture:
        """One of them."""
        return rng.choices(self.cultures, cum_weights=self.cumulative)[0]


@cache
def names(*, packages: bool) -> Names:
    """The names to draw from; without the packages only those written down here, which is enough to test with."""
    weighted = [*_own(), *(map(_of_locale, locales()) if packages else ())]
    own = words("names")
    return Names(
        cultures=tuple(culture for _, culture in weighted),
        cumulative=tuple(accumulate(weight for weight, _ in weighted)),
        word_firsts=own["word first"],
        word_lasts=own["word last"],
        native=own["native script"] + (native_names() if packages else ()),
    )


def plain_letters(name: str) -> str:
    """The name without accents."""
    if name.isascii():
        return name
    spelt = name.translate(_SPELT)
    return "".join(letter for letter in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(letter))


def invented_word(rng: Random) -> str:
    """A capitalised word of one to four syllables that means nothing."""
    letters = "".join(_syllable(rng) for _ in range(rng.choice((1, 2, 2, 2, 3, 3, 4))))
    if rng.random() < 0.3:
        letters = letters.lstrip("bcdfghjklmnpqrstvwxyz") or letters
    return (letters[0].upper() + letters[1:])[: rng.randint(3, 12)]


def _syllable(rng: Random) -> str:
    """Two vowels in three are plain ones."""
    pieces = words("syllables")
    vowel = rng.choice(pieces["vowel"][:5] if rng.random() < 0.65 else pieces["vowel"])
    return rng.choice(pieces["onset"]) + vowel + (rng.choice(pieces["coda"]) if rng.random() < 0.85 else "")


_SPELT = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae", "đ": "d", "Đ": "D",
                        "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
                        "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ə": "e", "Ə": "E"})  # fmt: skip


def _own() -> Iterable[tuple[float, Culture]]:
    lists = words("names")
    for section in lists:
        name, kind = section.rsplit(" ", 1)
        if kind != "first" or name == "word":
            continue
        english = lists["word last"] + lists["african-american last"] + lists["welsh-scots last"]
        yield (
            _OWN_WEIGHTS.get(name, 2),
            Culture(
                name=name,
                firsts=tuple(entry.replace("-", " ") if name == "filipino" else entry for entry in lists[section]),
                lasts=tuple(
                    _spaced(entry)
                    for entry in lists.get(f"{name} last")
                    or (lists["slavic last"] if name == "patronymic" else english)
                ),
                middle=lists.get(f"{name} middle", ()),
                particles=_PARTICLES.get(name, "none"),
                doubled=name in _DOUBLED,
            ),
        )


def _spaced(name: str) -> str:
    return (
        name.replace("-", " ")
        if name.startswith(("dela-", "bin-", "binti-", "ap-", "wa-", "Ní-", "Mac-", "Te-"))
        else name
    )


def _of_locale(found: Locale) -> tuple[float, Culture]:
    return found.weight, Culture(
        found.name, found.firsts, found.lasts, particles=found.particles, doubled=found.doubled
    )


def _followers(known: tuple[str, ...]) -> dict[str, str]:
    """What may follow each three letters of these names, as often as it does."""
    table: dict[str, list[str]] = {}
    for name in known:
        for index, letter in enumerate(name + _END):
            table.setdefault(name[max(0, index - _ORDER) : index], []).append(letter)
    return {context: "".join(letters) for context, letters in table.items()}


def _invented(rng: Random, followers: dict[str, str]) -> str | None:
    for _ in range(4):
        name = ""
        while (letter := rng.choice(followers[name[-_ORDER:]])) != _END:
            name += letter
        if 2 < len(name) <= _LONGEST:
            return name
    return None
