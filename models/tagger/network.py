"""The network: each word is described by itself, and convolutions over the words around it decide.

The first half depends on the word alone, so the detector computes it once per distinct word; the second half is all
that a text costs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from router.signals.sensitivity.tagger.lines import MODES
from router.signals.sensitivity.tagger.words import FLAG_ROWS, GRAM_ROWS


@dataclass(frozen=True)
class Shape:
    """Sizes. `dilations` has one entry a layer; their sum is how far a word can see to either side."""

    labels: int
    meaning: int
    bits: int
    flags: int = 24
    grams: int = 64
    hidden: int = 192
    width: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)


@dataclass(frozen=True)
class Words:
    """A batch's distinct words. Rows of all words one after the other; `*_first` says where each word's begin."""

    flags: Tensor
    flags_first: Tensor
    grams: Tensor
    grams_first: Tensor
    gram_weights: Tensor
    known: Tensor
    """Meaning and bits, zeros where the lexicon has none."""


class WordEncoder(nn.Module):
    """A word by itself -> a vector."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.flags = nn.EmbeddingBag(FLAG_ROWS, shape.flags, mode="sum")
        self.grams = nn.EmbeddingBag(GRAM_ROWS, shape.grams, mode="sum")
        nn.init.normal_(self.flags.weight, std=0.3)
        nn.init.normal_(self.grams.weight, std=0.1)
        self.mix = WordMix(shape)

    def forward(self, words: Words) -> Tensor:
        """One row a word."""
        flags = self.flags(words.flags, words.flags_first)
        grams = self.grams(words.grams, words.grams_first, per_sample_weights=words.gram_weights)
        return self.mix(torch.cat([flags, grams, words.known], dim=1))


class WordMix(nn.Module):
    """The dense half of the word encoder: what is exported beside the tables."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.first = nn.Linear(shape.flags + shape.grams + shape.meaning + shape.bits, shape.hidden)
        self.second = nn.Linear(shape.hidden, shape.width)

    def forward(self, features: Tensor) -> Tensor:
        """Rows in, rows out."""
        return self.second(functional.relu(self.first(features)))


class Context(nn.Module):
    """Word vectors in order -> scores of the labels."""

    def __init__(self, shape: Shape, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.modes = nn.Embedding(MODES, shape.width)
        nn.init.normal_(self.modes.weight, std=0.1)
        self.layers = nn.ModuleList(
            nn.Conv1d(shape.width, shape.width, 3, padding=dilation, dilation=dilation) for dilation in shape.dilations
        )
        self.out = nn.Conv1d(shape.width, shape.labels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, vectors: Tensor, modes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Batch x time x width in, batch x labels x time out. Beyond a text's ends everything is zero."""
        state = (vectors + self.modes(modes)).transpose(1, 2)
        if mask is not None:
            state = state * mask
        for layer in self.layers:
            state = state + functional.relu(layer(self.dropout(state)))
            if mask is not None:
                state = state * mask
        return self.out(state)


class Network(nn.Module):
    """Both halves."""

    def __init__(self, shape: Shape, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.words = WordEncoder(shape)
        self.context = Context(shape, dropout=dropout)
