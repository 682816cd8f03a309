"""Names in places that say nothing of a person, and plain words in places where names stand.

What the recipe's contexts make too easy: a comment may end with a person or with a product, and a capitalised word at
the beginning of a line is mostly a word.
"""

from collections.abc import Iterator, Sequence
from random import Random

import numpy as np

from models.tagger.corpus import Lexicon
from models.tagger.recipe import Example
from models.tagger.recipe.augment import worn
from models.tagger.recipe.example import Marked, joined
from models.tagger.recipe.texts import Writer, writer
from models.tagger.vectors import BITS

# What stands at {} is a person or is none.
FRAMES = (
    "# Settings of {}", "-- Created by {}", "// Written for {}", "/* {}'s script */", "<!-- Page of {} -->",
    "; Profile for {}", "# Backup of {}", "## Notes on {}", "Report for {}", "File of {}", "Export for {}",
    "Dashboard: {}", "Account: {}", "Log for {}", "Job run by {}", "@param owner {}", '"""Made for {}."""',
    "{} - profile", "{} (admin)", "Data for {}:", "Session of {}", "Environment for {}", "# {}", "-- {}", "// {}",
    "{}:", "* {}", "[{}]", "About {}", "Re: {}", "FW: {}", "with {}", "{} again", "see {}", "{} and others",
    "from {} to us", "as {} said", "Version for {}", "{} | page 2", "Tests with {}", "Example: {}", "the {} file",
    "title: {}", "label={}", "v2 for {}", "TODO: ask about {}", "{}, please", "{} is here.", "This is about {}.",
    "What about {}?", "It is {}.", "No {} today", "{}!", "{}?", '"{}"', "({})", "<b>{}</b>",
)  # fmt: skip
PERSONS = ("{plain}", "{plain}", "{person}", "{first}")
NOBODY = (
    "{product}",
    "{framework}",
    "{language}",
    "{acronym}",
    "{org}",
    "{work}",
    "{food}",
    "{topic}",
    "{tech}",
    "{camel}",
)
WORD_FRAMES = (
    "{W}", "{W}!", "{W}:", "The {W}", "{W} {w}", "{W} and {w}", "{W} {W}", "{W}, {w} and {w}",
    "Recipe: {W} with {w}", "{W}! That was {w}.", "{W} is {w}.", "{W} was worse than the {w}.", "{W} has the {w}.",
    "{W} {w} at the {w}", "{w} varchar(20)", "I like {w}.", "- {w}\n- {w}\n- {W}", "1. {W}\n2. {W}\n3. {W}",
    "{W} ({w})", "A {W} for {w}", "{W} on {w}", "Is {w} a {w}?", "{w}, {w}, {w}", "{W}\n{w} {w}", "no {w}", "{U}",
    "{U} {U}", "# {W}", "{W} {w} {w} {w}.", '{{"{w}": "{w}"}}', "{w} = {w}", "{W}'s {w}", "the {w}'s {w}", "{w}_{w}",
    "{W}{W}", "My {w} {w}s the {w}", "{W} vs {W}",
)  # fmt: skip


def documents(seed: int, count: int, lexicon: Lexicon) -> Iterator[Example]:
    """Persons, things and words in the same frames."""
    draw = writer(packages=True)
    plain = _words(lexicon)
    common = _common_names()
    for number in range(count):
        rng = Random(f"plainly:{seed}:{number}")
        kind = rng.choices(("person", "nobody", "word"), (4, 2, 4))[0]
        head = _word(rng, plain) if kind == "word" else _framed(rng, draw, kind, common)
        yield _document(rng, draw, head, f"plainly/{kind}")


def _document(rng: Random, draw: Writer, head: Marked, template: str) -> Example:
    marked = head
    if rng.random() < 0.5:
        lines = [
            draw.text(rng, "harmless", rng.choice(("code", "code", "sentence"))).marked
            for _ in range(rng.randint(1, 4))
        ]
        lines.insert(rng.randrange(len(lines) + 1) if rng.random() < 0.4 else 0, head)
        marked = joined(lines, "\n")
    if rng.random() < 0.4:
        marked = worn(rng, marked)
    return Example(marked.text, marked.spans, "plainly", template)


def _framed(rng: Random, draw: Writer, kind: str, common: tuple[Sequence[str], Sequence[str]]) -> Marked:
    if kind == "nobody":
        filler = draw.fill(rng.choice(NOBODY), rng)
    elif rng.random() < 0.5:
        name = f"{rng.choice(common[0])} {rng.choice(common[1])}"
        filler = Marked(name, ((0, len(name), "PERSON"),))
    else:
        filler = draw.fill(rng.choice(PERSONS), rng)
    before, after = rng.choice(FRAMES).split("{}")
    return joined([Marked(before), filler, Marked(after)])


def _word(rng: Random, plain: Sequence[str]) -> Marked:
    frame = rng.choice(WORD_FRAMES)
    for slot, change in (("{W}", str.capitalize), ("{U}", str.upper), ("{w}", str.lower)):
        while slot in frame:
            frame = frame.replace(slot, change(rng.choice(plain)), 1)
    return Marked(frame.replace("{{", "{").replace("}}", "}"))


def _words(lexicon: Lexicon) -> list[str]:
    """English words that no list knows as a name or a place."""
    bits = np.unpackbits(lexicon.packed_bits[:, None], axis=1).astype(bool)
    named = bits[:, [BITS.index(group) for group in ("given", "family", "place", "country")]].any(axis=1)
    frequent = bits[:, BITS.index("top_30000")]
    return [lexicon.words[number] for number in np.flatnonzero(frequent & ~named) if len(lexicon.words[number]) > 2]


def _common_names() -> tuple[list[str], list[str]]:
    from faker.providers.person.en_US import Provider  # type: ignore[import-not-found]  # noqa: PLC0415

    return list(Provider.first_names), list(Provider.last_names)
