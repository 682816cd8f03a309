"""Documents as numbers: every distinct token once, texts as rows of token numbers with a label each.

Kept flat in arrays, so that half a million documents fit into memory and on disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from router.signals.sensitivity.tagger.lines import case, modes
from router.signals.sensitivity.tagger.tokens import tokens
from router.signals.sensitivity.tagger.words import describe

LABELS = ("O", "PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", "DATE_OF_BIRTH", "HEALTH", "FINANCES")
NUMBER = {label: number for number, label in enumerate(LABELS)}
UNSAID = "?"
"""Label of a span that nobody judged: nothing is learnt from it."""
IGNORED = -1


class Document(Protocol):
    """What the recipe yields."""

    text: str
    spans: Sequence[tuple[int, int, str]]
    source: str
    template: str


@dataclass
class Corpus:
    """Documents; `first[i]` to `first[i + 1]` are the tokens of document i."""

    vocabulary: list[str]
    tokens: NDArray[np.int32]
    labels: NDArray[np.int8]
    first: NDArray[np.int64]
    sources: list[str]
    templates: list[str]

    def __len__(self) -> int:
        return len(self.sources)

    def save(self, path: Path) -> None:
        """As one file."""
        np.savez(
            path,
            vocabulary=np.frombuffer("\0".join(self.vocabulary).encode(errors="surrogatepass"), dtype=np.uint8),
            tokens=self.tokens,
            labels=self.labels,
            first=self.first,
            sources=np.array(self.sources),
            templates=np.array(self.templates),
        )

    @classmethod
    def load(cls, path: Path) -> "Corpus":
        """What `save` wrote."""
        with np.load(path) as data:
            return cls(
                data["vocabulary"].tobytes().decode(errors="surrogatepass").split("\0"),
                data["tokens"],
                data["labels"],
                data["first"],
                data["sources"].tolist(),
                data["templates"].tolist(),
            )


def encode(documents: Iterable[Document], *, vocabulary: list[str] | None = None) -> Corpus:
    """Cut, number and label. A token takes the label of the span that any of its letters lies in."""
    words = vocabulary if vocabulary is not None else []
    numbers = {word: number for number, word in enumerate(words)}
    rows: list[NDArray[np.int32]] = []
    labels: list[NDArray[np.int8]] = []
    first, sources, templates = [0], [], []
    for document in documents:
        pieces = tokens(document.text.replace("\0", " "))
        if not pieces:
            continue
        rows.append(np.array([numbers.setdefault(piece, len(numbers)) for piece in pieces], dtype=np.int32))
        labels.append(_labels(pieces, document.spans))
        first.append(first[-1] + len(pieces))
        sources.append(document.source)
        templates.append(document.template)
    words[:] = numbers
    return Corpus(
        words, np.concatenate(rows), np.concatenate(labels), np.array(first, dtype=np.int64), sources, templates
    )


def _labels(pieces: Sequence[str], spans: Sequence[tuple[int, int, str]]) -> NDArray[np.int8]:
    found = np.zeros(len(pieces), dtype=np.int8)
    if not spans:
        return found
    ends = np.cumsum([len(piece) for piece in pieces])
    begins = ends - [len(piece.lstrip(" ")) or 1 for piece in pieces]
    for start, end, label in spans:
        found[(begins < end) & (ends > start)] = IGNORED if label == UNSAID else NUMBER[label]
    return found


class Lexicon:
    """What is known of words before training: meaning and bits, as `vectors.py` wrote them."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as data:
            self.words: list[str] = data["words"].tolist()
            self.vectors: NDArray[np.int8] = data["vectors"]
            self.scale: NDArray[np.float32] = data["scale"]
            self.packed_bits: NDArray[np.uint8] = data["bits"]
        self.number = {word: number for number, word in enumerate(self.words)}
        # As the detector computes it: about one in size, so that no axis starts out silent.
        self.unit = (1 / (self.scale * self.vectors).std(axis=0)).astype(np.float32)

    @property
    def meaning(self) -> int:
        """Numbers of a meaning."""
        return int(self.vectors.shape[1])


@dataclass
class Descriptions:
    """Every token of a vocabulary described: rows of both tables one after the other, and where each token's begin."""

    flags: NDArray[np.int64]
    flags_first: NDArray[np.int64]
    grams: NDArray[np.int64]
    grams_first: NDArray[np.int64]
    entry: NDArray[np.int64]
    """Number in the lexicon, or -1."""
    case: NDArray[np.int64]


def describe_all(vocabulary: Sequence[str], lexicon: Lexicon) -> Descriptions:
    """Describe each token of a vocabulary."""
    flags: list[int] = []
    grams: list[int] = []
    flags_first, grams_first, entry = [0], [0], []
    for token in vocabulary:
        word = describe(token)
        flags += word.flags
        grams += word.grams
        flags_first.append(len(flags))
        grams_first.append(len(grams))
        entry.append(lexicon.number.get(word.key, -1))
    return Descriptions(
        np.array(flags),
        np.array(flags_first),
        np.array(grams),
        np.array(grams_first),
        np.array(entry),
        np.array([case(token) for token in vocabulary]),
    )


def line_modes(descriptions: Descriptions, numbers: NDArray[Any]) -> NDArray[Any]:
    """The mode of the line of each token of a text."""
    return modes(descriptions.case[numbers])
