"""Word vectors: each distinct token through the first half of the network once, and kept while there is room.

Those of frequent tokens come with the artefact.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.signals.sensitivity.tagger.artefact import Artefact
from router.signals.sensitivity.tagger.lines import case
from router.signals.sensitivity.tagger.session import session
from router.signals.sensitivity.tagger.words import Word, describe

ROOM = 30_000
"""Other tokens that are kept, 12 MB. When it is full it is emptied: random words cost time, and no memory."""


class Lexicon:
    """Token -> vector. May be used from several threads."""

    def __init__(self, artefact: Artefact, *, room: int = ROOM) -> None:
        self._network = session(artefact.word_network)
        self._entry = {word: number for number, word in enumerate(artefact.words)}
        self._artefact = artefact
        self._lock = threading.Lock()
        self._frequent = dict(zip(artefact.tokens, range(len(artefact.tokens)), strict=True))
        self._number = dict(self._frequent)
        rows = len(self._frequent) + room
        self._vectors = np.zeros((rows, artefact.token_vectors.shape[1]), dtype=np.float32)
        self._cases = np.zeros(rows, dtype=np.int64)
        self._vectors[: len(self._frequent)] = artefact.token_vectors
        self._cases[: len(self._frequent)] = [case(token) for token in artefact.tokens]

    def look_up(self, pieces: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Each token's vector and case. Not more than `room` distinct tokens at a time."""
        with self._lock:
            numbers = list(map(self._number.get, pieces))
            if None in numbers:
                self._learn({piece for piece, number in zip(pieces, numbers, strict=True) if number is None}, pieces)
                numbers = list(map(self._number.get, pieces))
            rows = np.array(numbers)
            return self._vectors[rows], self._cases[rows]

    def _learn(self, new: Iterable[str], pieces: Sequence[str]) -> None:
        new = list(new)
        if len(self._number) + len(new) > len(self._vectors):
            self._number = dict(self._frequent)
            new = list(set(pieces).difference(self._number))
        first = len(self._number)
        self._vectors[first : first + len(new)] = self._compute([describe(piece) for piece in new])
        self._cases[first : first + len(new)] = [case(piece) for piece in new]
        self._number.update(zip(new, range(first, first + len(new)), strict=True))

    def _compute(self, words: Sequence[Word]) -> Any:
        artefact = self._artefact
        flags = _summed(artefact.flags, [word.flags for word in words])
        counts = np.array([len(word.grams) for word in words], dtype=np.float32)
        grams = _summed(artefact.grams, [word.grams for word in words]) * artefact.grams_scale
        grams /= np.sqrt(counts)[:, None]
        features = np.concatenate([flags, grams, self._known(words)], axis=1, dtype=np.float32)
        return self._network.run(None, {"features": features})[0]

    def _known(self, words: Sequence[Word]) -> NDArray[np.float32]:
        """The meaning of each word, the bits, and whether there is a meaning; zeros for a word that nobody knows."""
        artefact = self._artefact
        meant, meaning = artefact.vectors.shape
        found = np.zeros((len(words), meaning + 9), dtype=np.float32)
        entries = np.array([self._entry.get(word.key, -1) for word in words])
        has_meaning = (entries >= 0) & (entries < meant)
        found[has_meaning, :meaning] = artefact.vectors[entries[has_meaning]]
        found[has_meaning, -1] = 1
        known = entries >= 0
        found[known, meaning:-1] = np.unpackbits(artefact.bits[entries[known], None], axis=1)
        return found


def _summed(table: NDArray[Any], rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """The sum of some rows of a table for each word; every word has one at least."""
    counts = [len(each) for each in rows]
    flat = np.fromiter((row for each in rows for row in each), dtype=np.int64, count=sum(counts))
    summed: NDArray[np.float32] = np.add.reduceat(
        table[flat].astype(np.float32), np.cumsum([0, *counts[:-1]]), axis=0, dtype=np.float32
    )
    return summed
