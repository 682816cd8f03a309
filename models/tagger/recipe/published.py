"""Reads published NER sets, reduced to JSON lines: newspaper and encyclopaedia text, tweets, assistants' requests."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from models.tagger.recipe.example import Example, Marked
from models.tagger.recipe.lists import words

_TAGS = {"PER": "PERSON", "person": "PERSON", "LOC": "LOCATION", "location": "LOCATION", "ORG": "ORGANIZATION",
         "corporation": "ORGANIZATION", "group": "ORGANIZATION"}  # fmt: skip
_TYPES = {"PERSON": "PERSON", "STREET_ADDRESS": "ADDRESS", "GPE": "LOCATION", "ORGANIZATION": "ORGANIZATION"}
_SYNTHETIC = Path("sensitivity", "presidio_synth_v2.jsonl")
_NO_BLANK_BEFORE = frozenset(".,!?;:)]}%'\N{RIGHT SINGLE QUOTATION MARK}")
_NO_BLANK_AFTER = frozenset("([{$#@£€")
_QUOTE = '"'
_CLITIC = re.compile(r"^(?:n't|['\u2019](?:s|re|ve|ll|d|m|t))$", re.IGNORECASE)


def public(folder: Path | str) -> Iterator[Example]:
    """Every sentence of the sets under this folder, tokens joined to natural text, then the synthetic requests."""
    for path in sorted((Path(folder) / "ner").glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            marked = natural(row["tokens"], row["tags"])
            yield Example(marked.text, marked.spans, path.stem, f"{path.stem}/{number}")
    yield from _synthetic(Path(folder) / _SYNTHETIC)


def natural(tokens: list[str], tags: list[str], *, spaced: bool = False) -> Marked:
    """The tokens as somebody would have typed them (or with a blank between any two), and the spans in that text."""
    text = ""
    spans: list[tuple[int, int, str]] = []
    before, quotes = "", 0
    tags = ["O" if _is_handle(tokens, index) else tag for index, tag in enumerate(tags)]
    for token, tag in zip(tokens, tags, strict=True):
        if token == _QUOTE:
            quotes += 1
        if text and (spaced or _blank_between(before, token, quotes)):
            text += " "
        start = len(text)
        text += token
        label = _TAGS.get(tag[2:])
        if label and tag.startswith("I-") and spans and spans[-1][2] == label and start - spans[-1][1] <= 1:
            spans[-1] = (spans[-1][0], len(text), label)
        elif label:
            spans.append((start, len(text), label))
        before = token
    return Marked(text, tuple(span for span in spans if span[2] != "PERSON" or not _is_public(text[span[0] : span[1]])))


def _is_public(name: str) -> bool:
    """Public figures and characters are nobody here, as in the invented documents."""
    return name.casefold() in _public_figures()


@cache
def _public_figures() -> frozenset[str]:
    known = words("things")
    return frozenset(name.casefold() for name in known["famous"] + known["fiction"])


def _is_handle(tokens: list[str], index: int) -> bool:
    """`@`, `@somebody`: an account, which some of the sets call a person and others do not."""
    return tokens[index].startswith("@") or (index > 0 and tokens[index - 1] == "@")


def _blank_between(before: str, token: str, quotes: int) -> bool:
    if token == _QUOTE:
        return quotes % 2 == 1
    if before == _QUOTE and quotes % 2 == 1:
        return False
    if _CLITIC.match(token) or (token[0] in _NO_BLANK_BEFORE and not token[1:].isalpha()):
        return False
    if before in {"'", "\N{RIGHT SINGLE QUOTATION MARK}"} and token.lower() in {"s", "re", "ve", "ll", "d", "m", "t"}:
        return False
    return before not in _NO_BLANK_AFTER


def _synthetic(path: Path) -> Iterator[Example]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = row["text"]
        found = sorted((start, end, kind) for start, end, kind in row["spans"])
        spans = tuple((start, end, _TYPES[kind]) for start, end, kind in found if kind in _TYPES)
        yield Example(text, _apart(spans), "presidio_synth_v2", _masked(text, found))


def _apart(spans: tuple[tuple[int, int, str], ...]) -> tuple[tuple[int, int, str], ...]:
    """Without those that begin inside another."""
    kept: list[tuple[int, int, str]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return tuple(kept)


def _masked(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text with its values taken out: what two documents of one template share."""
    for start, end, kind in reversed(spans):
        text = f"{text[:start]}<{kind}>{text[end:]}"
    return re.sub(r"\s+", " ", text).strip().lower()
