"""Reads the names that the package faker brings for its locales; only training has it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from random import Random

from models.tagger.recipe.lists import words
from models.tagger.recipe.script import latin

_NATIVE_NAMES_EACH = 80
# Locales of other scripts -> what stands between given and family name; nothing: the family name comes first.
_NATIVE = {
    "ru_RU": " ", "uk_UA": " ", "bg_BG": " ", "el_GR": " ", "he_IL": " ", "ar_AA": " ", "fa_IR": " ", "hi_IN": " ",
    "zh_CN": "", "ja_JP": "", "ko_KR": "", "th_TH": " ", "bn_BD": " ", "ta_IN": " ", "hy_AM": " ", "ka_GE": " ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Locale:
    """What a locale brings, in Latin letters."""

    name: str
    weight: float
    firsts: tuple[str, ...]
    lasts: tuple[str, ...]
    particles: str
    doubled: bool


def locales() -> Iterator[Locale]:
    """Every locale of the list that the installed release has."""
    for entry in words("locales")["faker"]:
        name, weight, particles, doubled = [*entry.split(":"), "none", ""][:4]
        provider = _provider(name)
        firsts, lasts = (_latin_names(provider, kind) for kind in ("first", "last"))
        if firsts and lasts:
            yield Locale(name, float(weight), firsts, lasts, particles, doubled == "two")


def native_names() -> tuple[str, ...]:
    """Whole names in scripts other than Latin."""
    rng = Random(7)
    found: list[str] = []
    for name, joint in _NATIVE.items():
        firsts, lasts = (tuple(sorted(_listed(_provider(name), kind))) for kind in ("first", "last"))
        for _ in range(_NATIVE_NAMES_EACH):
            first, last = rng.choice(firsts), rng.choice(lasts)
            found.append(f"{first}{joint}{last}" if joint else f"{last}{first}")
    return tuple(found)


def _provider(locale: str) -> type:
    provider: type = import_module(f"faker.providers.person.{locale}").Provider
    return provider


def _latin_names(provider: type, kind: str) -> tuple[str, ...]:
    """The provider's names of a kind in Latin letters, in a fixed order."""
    romanised = {str(name) for name in getattr(provider, f"{kind}_romanized_names", ())} | _third_spellings(
        provider, kind
    )
    spelt = romanised or {latin(name) for name in _listed(provider, kind)}
    return tuple(sorted(name for name in spelt if name[0].isalpha() and _is_latin(name) and len(name) < 30))


def _third_spellings(provider: type, kind: str) -> set[str]:
    """Japanese names come as triples: characters, syllables, Latin letters."""
    pairs = (getattr(provider, attribute) for attribute in dir(provider)
             if attribute.startswith(f"{kind}_name") and "pairs" in attribute)  # fmt: skip
    return {pair[2] for listed in pairs for pair in listed if len(pair) > 2}


def _listed(provider: type, kind: str) -> set[str]:
    """The provider's names of a kind as they are."""
    found: set[str] = set()
    for attribute in dir(provider):
        if not attribute.startswith((f"{kind}_names", f"{kind}_name_")) or "romanized" in attribute:
            continue
        value = getattr(provider, attribute)
        if isinstance(value, (tuple, list, dict)):
            found.update((entry if isinstance(entry, str) else entry[0]).strip() for entry in value)
    return found - {""}


def _is_latin(name: str) -> bool:
    return all(not letter.isalpha() or ord(letter) < 0x250 or 0x1E00 <= ord(letter) < 0x1F00 for letter in name)
