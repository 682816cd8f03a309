"""Words that are nobody and are in no dictionary: brands, names in code, sentences without a meaning."""

from collections.abc import Sequence
from random import Random

from models.tagger.recipe.lists import words
from models.tagger.recipe.naming import invented_word

_BRAND_ENDS = tuple("ify ly ex ix on ium oid tech soft ware wave hub bit ia us ora in ol".split())


def coined(rng: Random, nouns: Sequence[str]) -> str:
    """A brand: it looks like a name and is none."""
    draw = rng.random()
    if draw < 0.55:
        return invented_word(rng)
    if draw < 0.8:
        return rng.choice(nouns)[: rng.randint(3, 6)].capitalize() + rng.choice(_BRAND_ENDS)
    return invented_word(rng) + rng.choice(_BRAND_ENDS) + rng.choice(("", "", f" {rng.randint(2, 900)}"))


def camel(rng: Random, kinds: Sequence[Sequence[str]]) -> str:
    """A name in code."""
    if rng.random() < 0.15:
        return rng.choice(words("things")["identifier"])
    parts = [rng.choice(rng.choice(kinds)) for _ in range(rng.choice((1, 2, 2, 2, 3)))]
    draw = rng.random()
    if draw < 0.35:
        return "_".join(parts)
    if draw < 0.6:
        return parts[0] + "".join(part.capitalize() for part in parts[1:])
    if draw < 0.9:
        return "".join(part.capitalize() for part in parts)
    return "_".join(parts).upper()


def babble(rng: Random, known: Sequence[str]) -> str:
    """Words of one language in no order: what matters is that none of them is a name."""
    text = " ".join(rng.choice(known) for _ in range(rng.randint(4, 14)))
    return text[:1].upper() + text[1:] + rng.choice((".", ".", "?", "", "!"))
