"""Real code and technical English: pieces of Python's standard library, with or without people planted in them."""

import io
import pydoc_data.topics
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getsource
from random import Random

from models.tagger.recipe.augment import worn
from models.tagger.recipe.example import Example, Marked, joined
from models.tagger.recipe.lists import words
from models.tagger.recipe.texts import Writer, writer

# Lines that may name their author are left out: nobody has labelled them.
_NAMED = re.compile(
    r"author|copyright|written|contribut|thanks|credit|licen[cs]e|maintain|based on|\bby\b|@|©|\bGvR\b|XXX"
    r"|\b[A-Z]\. [A-Z]|Guido|Tim |Raymond|Barry|Knuth|Fred|Eric|Monty|Python, ",
    re.IGNORECASE,
)
SOURCE = "stdlib"


def harvest(seed: int, count: int, *, packages: bool = True) -> Iterator[Example]:
    """Pieces of two to forty lines; one in five has a line about somebody planted in it."""
    draw = writer(packages=packages)
    for index in range(count):
        yield _piece(Random(f"harvest:{seed}:{index}"), draw)


def _piece(rng: Random, draw: Writer) -> Example:
    name, lines = rng.choice(_texts())
    start = rng.randrange(len(lines))
    piece = [Marked(line) for line in lines[start : start + rng.choice((2, 4, 8, 15, 25, 40))]]
    planted = "clean"
    if rng.random() < 0.2:
        text = draw.text(rng, "data", "code") if rng.random() < 0.6 else draw.text(rng, "chat", "declarative")
        at = rng.randrange(len(piece) + 1)
        margin = re.match(r"\s*", piece[at - 1].text)
        piece.insert(at, joined([Marked(margin[0] if margin else ""), text.marked]))
        planted = text.template
    marked = joined(piece, "\n")
    if rng.random() < 0.4:
        marked = worn(rng, marked)
    return Example(marked.text, marked.spans, SOURCE, f"{SOURCE}/{name}/{planted}")


@cache
def _texts() -> tuple[tuple[str, tuple[str, ...]], ...]:
    texts = [(name, _lines(source)) for name in words("library")["module"] if (source := _source(name)) is not None]
    topics = pydoc_data.topics.topics
    texts.extend((f"topic-{name}", _lines(topics[name])) for name in sorted(topics))
    return tuple((name, lines) for name, lines in texts if len(lines) > 5)


def _source(name: str) -> str | None:
    """A module's text; None where this Python comes without what it imports: Debian's has no Tk."""
    try:
        return getsource(import_module(name))
    except ImportError:
        return None


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.rstrip("\n") for line in io.StringIO(text) if not _NAMED.search(line))
