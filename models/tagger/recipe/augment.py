"""Wear and tear: case, punctuation, typos, quotes. Every function keeps the spans where they belong."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import TypeAlias

from models.tagger.recipe.example import Marked, joined

Change: TypeAlias = Callable[[Random, Marked], Marked]

_WORD = re.compile(r"\w{4,}")
_EMPHASES = (
    ("**", "**"), ("*", "*"), ("_", "_"), ('"', '"'), ("'", "'"), ("`", "`"), ("<b>", "</b>"), ("[", "]"), ("(", ")"),
    ("[[", "]]"), ("@", ""), ("<", ">"), ("“", "”"), ("«", "»"),
)  # fmt: skip
_DROPPED = frozenset(".,!?;:'\"")


def worn(rng: Random, marked: Marked) -> Marked:
    """The text as it is, six times out of ten, or changed in one or two ways."""
    if rng.random() < 0.6:
        return marked
    for _ in range(rng.choice((1, 1, 1, 2))):
        marked = rng.choices(_CHANGES, _CHANGE_WEIGHTS)[0](rng, marked)
    return marked


def lower(_: Random, marked: Marked) -> Marked:
    """All lower case."""
    return _each_letter(marked, str.lower)


def upper(_: Random, marked: Marked) -> Marked:
    """All capitals."""
    return _each_letter(marked, str.upper)


def title(_: Random, marked: Marked) -> Marked:
    """Every Word Capitalised."""
    letters = list(marked.text)
    for match in re.finditer(r"[^\W\d_]+", marked.text):
        letters[match.start()] = _same_length(letters[match.start()], str.upper)
    return Marked("".join(letters), marked.spans)


def lower_spans(_: Random, marked: Marked) -> Marked:
    """Names and places in lower case, the rest as it was."""
    return _each_letter(marked, str.lower, spans=True)


def unpunctuated(_: Random, marked: Marked) -> Marked:
    """Without punctuation outside of the spans, but where it holds two words apart."""
    inside = _inside(marked)
    text = f"{marked.text} "

    def change(index: int, letter: str) -> str:
        joins = index and not text[index - 1].isspace() and not text[index + 1].isspace()
        return "" if letter in _DROPPED and not inside[index] and not joins else letter

    return _edited(marked, change)


def mistyped(rng: Random, marked: Marked) -> Marked:
    """One word in twelve outside of the spans has a typo."""
    inside = _inside(marked)
    changes: dict[int, str] = {}
    for match in _WORD.finditer(marked.text):
        if inside[match.start()] or rng.random() > 0.08:
            continue
        at = rng.randrange(match.start() + 1, match.end() - 1)
        letter = marked.text[at]
        changes[at] = rng.choice(("", letter * 2, rng.choice("aeioustrnl")))
    return _edited(marked, lambda index, letter: changes.get(index, letter))


def double_spaced(rng: Random, marked: Marked) -> Marked:
    """Some blanks are doubled."""
    inside = _inside(marked)
    return _edited(
        marked, lambda index, letter: "  " if letter == " " and not inside[index] and rng.random() < 0.1 else letter
    )


def quoted(rng: Random, marked: Marked) -> Marked:
    """In quotes, in brackets or behind a mark."""
    before, after = rng.choice(
        (
            ('"', '"'),
            ("'", "'"),
            ("“", "”"),
            ("(", ")"),
            ("> ", ""),
            ("- ", ""),
            ("* ", ""),
            ("**", "**"),
            ("`", "`"),
            ("• ", ""),
        )
    )
    return joined([Marked(before), marked, Marked(after)])


def json_escaped(_: Random, marked: Marked) -> Marked:
    r"""As the value of a JSON string: line breaks become \n."""
    escaped = _edited(marked, lambda _, letter: json.dumps(letter, ensure_ascii=False)[1:-1])
    return joined([Marked('{"text": "'), escaped, Marked('"}')])


def one_line(_: Random, marked: Marked) -> Marked:
    """Line breaks become blanks."""
    return Marked(marked.text.replace("\n", " "), marked.spans)


def glued(rng: Random, marked: Marked) -> Marked:
    """Blanks within names become underscores, hyphens, plus signs, or vanish."""
    joint = rng.choice(("_", "-", ".", "+", "%20", ""))
    inside = _inside(marked, label="PERSON")
    return _edited(marked, lambda index, letter: joint if letter == " " and inside[index] else letter)


def tight(_: Random, marked: Marked) -> Marked:
    """No blanks behind punctuation."""
    inside = _inside(marked)
    text = marked.text

    def change(index: int, letter: str) -> str:
        return "" if letter == " " and index and text[index - 1] in ":,;=|" and not inside[index] else letter

    return _edited(marked, change)


def wrapped(rng: Random, marked: Marked) -> Marked:
    """Lines broken at a fixed width, through names as well."""
    width = rng.randint(28, 80)
    letters = list(marked.text)
    column, blank = 0, -1
    for index, letter in enumerate(letters):
        column = 0 if letter == "\n" else column + 1
        blank = index if letter == " " else blank
        if column > width and index - blank < column:
            letters[blank] = "\n"
            column = index - blank
    return Marked("".join(letters), marked.spans)


def emphasised(rng: Random, marked: Marked) -> Marked:
    """What is labelled stands in bold, in quotes, in brackets, in a tag."""
    before, after = rng.choice(_EMPHASES)
    parts: list[Marked] = []
    position = 0
    for start, end, label in marked.spans:
        piece = marked.text[start:end]
        parts += [Marked(marked.text[position:start] + before), Marked(piece, ((0, len(piece), label),)), Marked(after)]
        position = end
    return joined([*parts, Marked(marked.text[position:])])


def decoded_wrongly(_: Random, marked: Marked) -> Marked:
    """UTF-8 read as Latin-1, as old exports do."""
    return _edited(marked, _misread)


_TABLE: tuple[tuple[int, Change], ...] = (
    (34, lower), (11, upper), (6, title), (9, lower_spans), (10, unpunctuated), (9, mistyped), (4, double_spaced),
    (7, quoted), (3, json_escaped), (6, one_line), (2, glued), (1, decoded_wrongly), (4, tight), (4, wrapped),
    (5, emphasised),
)  # fmt: skip
_CHANGES = tuple(change for _, change in _TABLE)
_CHANGE_WEIGHTS = tuple(weight for weight, _ in _TABLE)


def _misread(_: int, letter: str) -> str:
    return letter if letter.isascii() else letter.encode().decode("latin-1")


def _same_length(letter: str, change: Callable[[str], str]) -> str:
    changed = change(letter)
    return changed if len(changed) == 1 else letter


def _each_letter(marked: Marked, change: Callable[[str], str], *, spans: bool = False) -> Marked:
    """Change the case; a letter that would become two (ß, İ) stays."""
    if not spans:
        whole = change(marked.text)
        if len(whole) == len(marked.text):
            return Marked(whole, marked.spans)
    inside = _inside(marked) if spans else bytearray(b"\x01" * len(marked.text))
    letters = (_same_length(letter, change) if inside[index] else letter for index, letter in enumerate(marked.text))
    return Marked("".join(letters), marked.spans)


def _inside(marked: Marked, *, label: str | None = None) -> bytearray:
    flags = bytearray(len(marked.text))
    for start, end, kind in marked.spans:
        if label in (None, kind):
            flags[start:end] = b"\x01" * (end - start)
    return flags


def _edited(marked: Marked, change: Callable[[int, str], str]) -> Marked:
    """Replace letter by letter, and move the spans along."""
    moved = [0]
    parts: list[str] = []
    for index, letter in enumerate(marked.text):
        part = change(index, letter)
        parts.append(part)
        moved.append(moved[-1] + len(part))
    spans = tuple((moved[start], moved[end], label) for start, end, label in marked.spans if moved[start] < moved[end])
    return Marked("".join(parts), spans)
