"""Invented companies, schools, hospitals and banks, and some that exist."""

from random import Random

from models.tagger.recipe import places
from models.tagger.recipe.lists import words
from models.tagger.recipe.naming import Names, invented_word
from models.tagger.recipe.people import person

_SAINTS = ("Mary", "Luke", "Jude", "Thomas", "Vincent", "Anne", "Elizabeth", "Michael")


def organisation(rng: Random, names: Names) -> str:
    """Any of them."""
    draw = rng.random()
    if draw < 0.22:
        return _part(rng, "known")
    if draw < 0.36:
        return _part(rng, "phrase")
    if draw < 0.72:
        return company(rng, names)
    return rng.choice((school, hospital, bank))(rng, names)


def company(rng: Random, names: Names) -> str:
    """A company named after somebody, a place, a thing or nothing."""
    draw = rng.random()
    stem = _stem(rng, names)
    if draw < 0.3:
        return f"{stem} {_part(rng, 'trade')}"
    if draw < 0.5:
        return f"{stem} {_part(rng, 'form')}"
    if draw < 0.62:
        return f"{stem} {_part(rng, 'trade')} {_part(rng, 'form')}"
    if draw < 0.72:
        return f"{_family(rng, names)} & {_family(rng, names)}"
    if draw < 0.78:
        return f"{_family(rng, names)}, {_family(rng, names)} and {_family(rng, names)}"
    if draw < 0.84:
        return f"{_family(rng, names)}'s {_part(rng, 'trade')}"
    return invented_word(rng)


def school(rng: Random, names: Names) -> str:
    """A school or a university."""
    if rng.random() < 0.2:
        return f"University of {places.city(rng)}"
    return f"{_stem(rng, names)} {_part(rng, 'school')}"


def hospital(rng: Random, names: Names) -> str:
    """A hospital or a practice."""
    if rng.random() < 0.25:
        return f"St. {rng.choice(_SAINTS)}'s {_part(rng, 'hospital')}"
    return f"{_stem(rng, names)} {_part(rng, 'hospital')}"


def bank(rng: Random, names: Names) -> str:
    """A bank."""
    return f"{_stem(rng, names)} {_part(rng, 'bank')}"


def _stem(rng: Random, names: Names) -> str:
    draw = rng.random()
    if draw < 0.3:
        return _family(rng, names)
    if draw < 0.5:
        return places.city(rng)
    if draw < 0.75:
        return rng.choice(words("places")["street word"])
    return invented_word(rng)


def _part(rng: Random, section: str) -> str:
    return rng.choice(words("organisations")[section])


def _family(rng: Random, names: Names) -> str:
    return person(rng, names).last
