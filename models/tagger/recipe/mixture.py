"""Which documents there are, and how many of each: the weight table of the whole recipe."""

from collections.abc import Iterator
from random import Random

from models.tagger.recipe.augment import worn
from models.tagger.recipe.compose import long_document, prompt_around
from models.tagger.recipe.example import Example, Marked, joined
from models.tagger.recipe.lists import templates
from models.tagger.recipe.texts import HARMLESS, Text, Writer, writer

# family -> section -> weight. Harmless documents are about two fifths of all.
PERSONAL = {
    "chat": {"chat": 9, "group": 4, "declarative": 12},
    "letters": {"email": 9, "letter": 6},
    "work": {"crm": 5, "minutes": 3, "hr": 5, "bank": 6, "travel": 6, "school": 3},
    "medical": {"note": 6, "fact": 7, "money": 4, "form": 6},
    "social": {"post": 6, "poem": 1, "prompt": 9},
    "data": {"log": 4, "json": 7, "table": 5, "sql": 4, "code": 6},
    "home": {"places": 8, "family": 5, "ask": 10, "terse": 9, "notes": 7, "where": 5},
    "office": {"support": 6, "transcript": 5, "legal": 5, "recruiting": 4, "tool": 5, "heading": 5},
    "news": {"news": 5, "bio": 5, "review": 5, "sport": 3, "story": 5, "card": 7},
    "foreign": {"somebody": 3, "native": 2},
}
HARMLESS_SECTIONS = {
    "sentence": 3, "prompt": 12, "knowledge": 10, "word": 6, "plain": 6, "heading": 4, "maths": 4, "code": 10,
    "prose": 16, "task": 8, "instruct": 12, "eponym": 3, "assistant": 9, "paragraph": 10, "brand": 7, "nobody": 10,
    "lists": 3, "business": 4, "science": 4, "tech": 7, "term": 9, "disease": 5, "legalese": 3, "numbers": 7, "quiz": 4,
}  # fmt: skip
_FOREIGN_SHARE = 0.04
_HARMLESS_SHARE = 0.42
_LONG_SHARE = 0.07
_PROMPT_SHARE = 0.1
_SEVERAL_SHARE = 0.15
SOURCE = "recipe"


def documents(seed: int, count: int, *, packages: bool) -> Iterator[Example]:
    """The documents of a seed, one by one; the n-th depends on the seed and n alone."""
    draw = writer(packages=packages)
    for index in range(count):
        rng = Random(f"{seed}:{index}")
        yield _document(rng, draw)


def _document(rng: Random, draw: Writer) -> Example:
    personal = rng.random() >= _HARMLESS_SHARE
    text = _personal(rng, draw) if personal else _harmless(rng, draw)
    shape = rng.random()
    if shape < _LONG_SHARE:
        text = long_document(rng, draw, text)
    elif shape < _LONG_SHARE + _PROMPT_SHARE and "prompt" not in text.template:
        text = prompt_around(rng, text)
    marked = worn(rng, text.marked)
    return Example(marked.text, marked.spans, SOURCE, text.template)


def _personal(rng: Random, draw: Writer) -> Text:
    return draw.text(rng, *rng.choices(_PERSONAL_SECTIONS, _PERSONAL_WEIGHTS)[0])


def _harmless(rng: Random, draw: Writer) -> Text:
    if rng.random() < _FOREIGN_SHARE:
        return draw.text(rng, "foreign", "nobody")
    section = rng.choices(tuple(HARMLESS_SECTIONS), tuple(HARMLESS_SECTIONS.values()))[0]
    text = draw.text(rng, HARMLESS, section)
    if rng.random() >= _SEVERAL_SHARE:
        return text
    parts = [text.marked, *(draw.sentence(rng) for _ in range(rng.randint(1, 5)))]
    rng.shuffle(parts)
    return Text(_lines(rng, parts), text.template)


def _lines(rng: Random, parts: list[Marked]) -> Marked:
    return joined(parts, rng.choice((" ", " ", "\n", "\n\n")))


_PERSONAL_SECTIONS = tuple((family, section) for family, sections in PERSONAL.items() for section in sections)
_PERSONAL_WEIGHTS = tuple(PERSONAL[family][section] for family, section in _PERSONAL_SECTIONS)


def unknown_sections() -> set[str]:
    """Sections in the table that no file has."""
    table = {**PERSONAL, HARMLESS: HARMLESS_SECTIONS}
    return {f"{family}/{section}" for family, sections in table.items() for section in sections
            if section not in templates(family)}  # fmt: skip
