"""Views of a text: the ways to read it that a person or a model would manage and a pattern would not.

One view so far: compatibility forms folded, invisible characters gone, dashes, digits and spaces plain. A view is
scanned beside the text, never instead of it.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Fillers and joiners that show nothing and that Unicode does not class as format characters."""


def views(text: str) -> Iterator[str]:
    """The text, then each view that differs from it. Raises UnicodeEncodeError on half a character."""
    yield text
    if text.isascii():
        return
    text.encode()  # A lone surrogate is no text: nobody can say what it stands for.
    plain = "".join(map(_plain, unicodedata.normalize("NFKC", text)))
    if plain != text:
        yield plain


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or char in INVISIBLE or "\ufe00" <= char <= "\ufe0f":
        return ""
    if category == "Nd":
        return str(unicodedata.digit(char))
    return {"Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}.get(category, char) if char != "\u2212" else "-"
