"""Larger documents: a text between harmless paragraphs, or behind an instruction."""

from random import Random

from models.tagger.recipe.example import Marked, joined
from models.tagger.recipe.lists import words
from models.tagger.recipe.texts import Text, Writer

_FRAMES = ("{}\n\n{}", "{}\n{}", "{} {}", '{}\n"{}"', "{}\n```\n{}\n```", "{}\n---\n{}\n---", "{}\n<text>\n{}\n</text>")
_AFTERWARDS = ("{}\n\n{}", "{}\n---\n{}")


def prompt_around(rng: Random, text: Text) -> Text:
    """An instruction, and the text that it is about."""
    instruction = Marked(rng.choice(words("instructions")["instruction"]))
    if rng.random() < 0.15:
        marked = framed(rng.choice(_AFTERWARDS), text.marked, instruction)
    else:
        marked = framed(rng.choice(_FRAMES), instruction, text.marked)
    return Text(marked, text.template)


def long_document(rng: Random, draw: Writer, text: Text) -> Text:
    """The text somewhere within harmless paragraphs."""
    paragraphs = [
        joined([draw.sentence(rng) for _ in range(rng.randint(2, 8))], " ")
        for _ in range(rng.choice((2, 3, 4, 5, 8, 12)))
    ]
    paragraphs.insert(rng.randrange(len(paragraphs) + 1), text.marked)
    return Text(joined(paragraphs, rng.choice(("\n\n", "\n", " "))), text.template)


def framed(frame: str, first: Marked, second: Marked) -> Marked:
    """The two parts in the frame's two places."""
    before, between, after = frame.split("{}")
    return joined([Marked(before), first, Marked(between), second, Marked(after)])
