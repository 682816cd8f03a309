"""The tagger's training documents keep their promises: spans where the labels belong, from a seed alone."""

from random import Random

import pytest

from models.tagger.recipe import LABELS, Example, augment, generate, harvest
from models.tagger.recipe.example import Marked
from models.tagger.recipe.grammar import slots_in
from models.tagger.recipe.lists import template_files, templates
from models.tagger.recipe.mixture import unknown_sections
from models.tagger.recipe.naming import invented_word, names
from models.tagger.recipe.people import person
from models.tagger.recipe.published import natural
from models.tagger.recipe.texts import writer

SAMPLE = 2_500
HARMLESS_LABELS = {"LOCATION", "ORGANIZATION"}
# Words in braces that are code or placeholders, and no slots.
NO_SLOTS = {"name", "customer"}


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """A sample that is large enough to hold every family many times."""
    return list(generate(5, SAMPLE, packages=False))


def faults(text: str, spans: tuple[tuple[int, int, str], ...]) -> list[str]:
    """What is wrong with these spans."""
    found, last = [], 0
    for start, end, label in spans:
        if not last <= start < end <= len(text):
            found.append("bounds")
        elif text[start:end].strip() != text[start:end]:
            found.append("blank at the border")
        elif cut(text, start) or cut(text, end):
            found.append(f"in the middle of a word: {text[max(0, start - 9) : end + 9]!r}")
        if label not in LABELS:
            found.append(f"label {label}")
        last = end
    return found


def cut(text: str, at: int) -> bool:
    r"""Whether a word goes on across this place; Chinese has no blanks, and an escaped line break ends a word."""
    if at in {0, len(text)} or text[at - 2 : at] in {r"\n", r"\t", "20"}:
        return False
    return text[at - 1].isalnum() and text[at].isalnum() and text[at - 1].isascii() == text[at].isascii()


def test_the_same_seed_gives_the_same_documents(examples: list[Example]) -> None:
    """Seed and number alone decide a document."""
    assert list(generate(5, 300, packages=False)) == examples[:300]


def test_another_seed_gives_other_documents(examples: list[Example]) -> None:
    """Two seeds share little more than their shortest fixed phrases."""
    others = {example.text for example in generate(6, SAMPLE, packages=False)}
    shared = [example for example in examples if example.text in others and example.spans]
    assert len(shared) < SAMPLE * 0.02


def test_spans_are_in_bounds_and_on_word_borders(examples: list[Example]) -> None:
    """Every span is inside the text, holds no blank at its ends, overlaps no other and cuts no word."""
    assert [fault for example in examples for fault in faults(example.text, example.spans)] == []


def test_every_label_occurs(examples: list[Example]) -> None:
    """No label is left out, each occurs in at least one document of fifty."""
    for label in LABELS:
        share = sum(any(span[2] == label for span in example.spans) for example in examples) / SAMPLE
        assert share > 0.02, label


def test_two_fifths_of_the_documents_are_harmless(examples: list[Example]) -> None:
    """Documents with nothing but places and organisations, or nothing at all, keep their share."""
    harmless = sum({span[2] for span in example.spans} <= HARMLESS_LABELS for example in examples)
    assert 0.36 < harmless / SAMPLE < 0.5


def test_every_template_fills() -> None:
    """Each line of each file becomes a text without an open slot, its spans in place."""
    draw = writer(packages=False)
    for family in template_files():
        for section, lines in templates(family).items():
            for number, line in enumerate(lines):
                marked = draw.fill(line, Random(number))
                where = f"{family}/{section}/{number}"
                assert slots_in(marked.text) <= NO_SLOTS, where
                assert faults(marked.text, marked.spans) == [], where


def test_harmless_templates_hold_nobody() -> None:
    """No harmless line and no sentence of the prose grammar brings a label that is about somebody."""
    draw = writer(packages=False)
    for family in ("harmless", "prose"):
        for section, lines in templates(family).items():
            for line in lines:
                labels = {label for _, _, label in draw.fill(line, Random(1)).spans}
                assert labels <= HARMLESS_LABELS, f"{section}: {line}"


def test_every_section_of_the_weight_table_exists() -> None:
    """The table names no section that no file has."""
    assert unknown_sections() == set()


def test_there_are_many_families_and_templates() -> None:
    """At least forty families and a thousand lines, few of them twice."""
    lines = [line for family in template_files() for section in templates(family).values() for line in section]
    assert sum(len(templates(family)) for family in template_files()) >= 40
    assert len(set(lines)) > 1_000


@pytest.mark.parametrize(
    "change",
    [
        augment.lower, augment.upper, augment.title, augment.lower_spans, augment.unpunctuated, augment.mistyped,
        augment.double_spaced, augment.quoted, augment.json_escaped, augment.one_line, augment.glued, augment.tight,
        augment.wrapped, augment.emphasised, augment.decoded_wrongly,
    ],
)  # fmt: skip
def test_wear_keeps_the_spans(change: augment.Change) -> None:
    """After each change the spans still hold the same names."""
    text = "Dear Zoë Weiß, please call İlker O'Brien\n(\"Max\") about Megan's invoice: 12, or so."
    marked = Marked(text, ((5, 13, "PERSON"), (27, 40, "PERSON"), (43, 46, "PERSON"), (55, 60, "PERSON")))
    for seed in range(20):
        worn = change(Random(seed), marked)
        assert faults(worn.text, worn.spans) == []
        kept = [worn.text[start:end] for start, end, _ in worn.spans]
        assert len(kept) == 4
        assert [name[0].lower() for name in kept] == ["z", "i", "m", "m"] or kept[1][0] in "İÄ"


def test_a_json_escape_moves_the_spans() -> None:
    """Characters that become two push what follows along."""
    worn = augment.json_escaped(Random(1), Marked('a "b"\nAnn', ((6, 9, "PERSON"),)))
    assert worn.text == '{"text": "a \\"b\\"\\nAnn"}'
    assert [worn.text[start:end] for start, end, _ in worn.spans] == ["Ann"]


def test_names_come_from_many_cultures() -> None:
    """Names are not of a few lists: a thousand people have more than eight hundred family names."""
    known, rng = names(packages=False), Random(3)
    people = [person(rng, known) for _ in range(1_000)]
    assert len(known.cultures) >= 40
    assert len({who.last for who in people}) > 600
    assert all(who.first.strip() and who.last.strip() for who in people)


def test_invented_words_stand_in_no_list() -> None:
    """What is made of syllables is new nearly every time."""
    rng = Random(4)
    assert len({invented_word(rng) for _ in range(1_000)}) > 900


def test_pieces_of_the_library_are_code_with_few_people() -> None:
    """Most pieces hold nobody; planted lines bring their spans along."""
    pieces = list(harvest(1, 200, packages=False))
    assert sum(not piece.spans for piece in pieces) > 140
    assert any(piece.spans for piece in pieces)
    assert [fault for piece in pieces for fault in faults(piece.text, piece.spans)] == []


def test_tokens_become_natural_text() -> None:
    """Published tokens are joined as people write, an account is nobody, and a name keeps its place."""
    tokens = ["@", "sam", "Dr.", "Ann", "Lee", "'s", "(", "new", ")", "dog", "is", "n't", "in", "Rome", ",", "ok", "?"]
    tags = ["B-PER", "B-PER", "O", "B-PER", "I-PER", *["O"] * 8, "B-LOC", "O", "O", "O"]
    marked = natural(tokens, tags)
    assert marked.text == "@sam Dr. Ann Lee's (new) dog isn't in Rome, ok?"
    assert [(marked.text[start:end], label) for start, end, label in marked.spans] == [
        ("Ann Lee", "PERSON"),
        ("Rome", "LOCATION"),
    ]
