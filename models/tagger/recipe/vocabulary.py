"""Words of everyday text: the lists beside this file, and, where it is installed, faker's."""

from functools import cache
from importlib import import_module

from models.tagger.recipe.lists import words

# The nouns of the list that faker calls so, and that are no noun to put an article before.
_LANGUAGES = ("de_DE", "fr_FR", "it_IT", "nl_NL", "pl_PL", "cs_CZ", "da_DK", "la", "es_ES", "tl_PH", "vi_VN")
_VOWELS = frozenset("aeiou")


@cache
def spoken(kind: str, *, packages: bool) -> tuple[str, ...]:
    """Nouns, verbs, adjectives or adverbs."""
    own = words("things").get(kind, ())
    if not packages:
        return own
    provider = import_module("faker.providers.lorem.en_US").Provider
    return own + tuple(word for word in provider.parts_of_speech[kind] if word.isalpha() and word.islower())


@cache
def jobs(*, packages: bool) -> tuple[str, ...]:
    """What people do for a living."""
    own = words("things")["job"]
    if not packages:
        return own
    provider = import_module("faker.providers.job").Provider
    return own * 8 + tuple(job.lower() for job in provider.jobs if "," not in job)


@cache
def foreign(*, packages: bool) -> tuple[tuple[str, ...], ...]:
    """Words of other languages, one list a language."""
    if not packages:
        return (words("things")["foreign"],)
    found = []
    for locale in _LANGUAGES:
        provider = import_module(f"faker.providers.lorem.{locale}").Provider
        found.append(tuple(str(word) for word in provider.word_list))
    return tuple(found)


@cache
def english(*, packages: bool) -> tuple[str, ...]:
    """English words of all kinds, to babble with."""
    kinds = ("noun", "verb", "adjective", "adverb")
    return (
        tuple(word for kind in kinds for word in spoken(kind, packages=packages)) + words("things")["little word"] * 12
    )


def past(verb: str) -> str:
    """Its simple past."""
    if irregular := _irregular().get(verb):
        return irregular
    if verb.endswith("e"):
        return f"{verb}d"
    return f"{verb[:-1]}ied" if _hard_y(verb) else f"{verb}ed"


@cache
def _irregular() -> dict[str, str]:
    return dict(pair.split(":") for pair in words("verbs")["irregular"])


def third(verb: str) -> str:
    """Its third person."""
    if verb == "be":
        return "is"
    if verb == "have":
        return "has"
    if _hard_y(verb):
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{verb}s"


def plural(noun: str) -> str:
    """Its plural, nearly always."""
    return noun if noun.endswith("s") and not noun.endswith("ss") else third(noun)


def gerund(verb: str) -> str:
    """Its ing-form."""
    return f"{verb[:-1]}ing" if verb.endswith("e") and not verb.endswith(("ee", "be")) else f"{verb}ing"


def _hard_y(verb: str) -> bool:
    return verb.endswith("y") and verb[-2:-1] not in _VOWELS
