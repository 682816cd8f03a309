"""Draws one document: a template of a family, filled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from models.tagger.recipe.augment import lower
from models.tagger.recipe.example import Marked
from models.tagger.recipe.grammar import Scene, Slots, expand
from models.tagger.recipe.lists import templates
from models.tagger.recipe.naming import names
from models.tagger.recipe.people import Person
from models.tagger.recipe.slots import slots

HARMLESS = "harmless"
# Sections in which most people begin a sentence with a capital, which the prose grammar does not know of.
_CASED = frozenset(
    "prose ask support transcript nobody science business sentence instruct news story review bio assistant paragraph "
    "quiz legalese notes".split()
)
# What people type in lower case as often as not.
_CASUAL = {
    "chat": 0.4, "group": 0.3, "prompt": 0.2, "nobody": 0.2, "instruct": 0.15, "assistant": 0.2, "prose": 0.1,
    "ask": 0.15, "family": 0.15, "terse": 0.3, "notes": 0.25, "where": 0.3, "fact": 0.35, "money": 0.35, "term": 0.15,
    "disease": 0.15, "plain": 0.15, "tech": 0.1,
}  # fmt: skip
_START = re.compile(r"(?:^|[.!?]\s+|\n)([a-z])")
# Sections whose lines stand inside other documents.
_LINES = (
    ("chat", "declarative"), ("chat", "chat"), ("work", "crm"), ("work", "bank"), ("medical", "note"),
    ("medical", "fact"), ("medical", "money"), ("home", "ask"), ("home", "notes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A filled template and its name."""

    marked: Marked
    template: str


@dataclass(frozen=True, slots=True)
class Writer:
    """Fills templates; `packages` tells whether names and cities come from the training packages as well."""

    table: Slots[Person]

    def text(self, rng: Random, family: str, section: str) -> Text:
        """One document of a section."""
        lines = templates(family)[section]
        index = rng.randrange(len(lines))
        marked = self.fill(lines[index], rng)
        if section in _CASED and rng.random() < 0.8:
            marked = Marked(_START.sub(lambda match: match[0].upper(), marked.text), marked.spans)
        if rng.random() < _CASUAL.get(section, 0):
            marked = lower(rng, marked)
        return Text(marked, f"{family}/{section}/{index}")

    def fill(self, template: str, rng: Random) -> Marked:
        """The template with everything filled in."""
        return expand(template, Scene(rng), self.table)

    def sentence(self, rng: Random) -> Marked:
        """A sentence with nobody in it."""
        if rng.random() < 0.5:
            return self.fill(rng.choice(templates(HARMLESS)["sentence"]), rng)
        clause = self.fill(rng.choice(("{clause}", "{clause}", "{clause}", "{request}")), rng)
        text = clause.text[:1].upper() + clause.text[1:]
        return Marked(text if text.endswith("?") else f"{text}.", clause.spans)


@cache
def writer(*, packages: bool) -> Writer:
    """The writer, with slots that stand for whole sentences."""
    table: dict[str, object] = {}
    sentences = templates(HARMLESS)["sentence"]
    lines = tuple(
        line for family, section in _LINES for line in templates(family)[section] if "\n" not in line and len(line) > 15
    )
    table.update(slots(names(packages=packages), packages=packages))
    table["neutral"] = (None, lambda scene, _: scene.rng.choice(sentences))
    table["neutral_lower"] = (None, lambda scene, _: _lowered(scene.rng.choice(sentences)))
    table["person_line"] = (None, lambda scene, _: scene.rng.choice(lines))
    complete: Mapping[str, object] = table
    return Writer(complete)  # type: ignore[arg-type]


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:] if sentence[1:2] != "{" and sentence[:1] != "{" else sentence
