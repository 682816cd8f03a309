"""Cyrillic, Greek, Armenian and Georgian names in Latin letters, as passports spell them (roughly)."""

from functools import cache

from models.tagger.recipe.lists import words


def latin(name: str) -> str:
    """The name in Latin letters; letters of other scripts stay as they are."""
    letters = _letters()
    if name.isascii() or not any(letter in letters for letter in name.lower()):
        return name
    spelt = "".join(letters.get(letter, letter) for letter in name.lower())
    return "".join(part[:1].upper() + part[1:] for part in _with_gaps(spelt))


@cache
def _letters() -> dict[str, str]:
    pairs = (pair for alphabet in words("alphabets").values() for pair in alphabet)
    return {pair[0]: pair[1:].replace("-", "") for pair in pairs}


def _with_gaps(text: str) -> list[str]:
    parts = [""]
    for letter in text:
        parts[-1] += letter
        if letter in " -":
            parts.append("")
    return parts
