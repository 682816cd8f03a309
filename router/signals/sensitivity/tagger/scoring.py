"""Text -> how much each token looks like each label. In windows, so that memory is bounded and time is linear."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from router.signals.sensitivity.tagger.artefact import Artefact
from router.signals.sensitivity.tagger.lexicon import Lexicon
from router.signals.sensitivity.tagger.lines import modes
from router.signals.sensitivity.tagger.session import session

WINDOW = 1_500
"""Tokens that are judged at once."""


class Scorer:
    """The network at work. May be used from several threads."""

    def __init__(self, artefact: Artefact, *, window: int = WINDOW) -> None:
        self._lexicon = Lexicon(artefact)
        self._network = session(artefact.context_network)
        self._reach = artefact.reach
        self._window = window

    def score(self, pieces: Sequence[str]) -> NDArray[np.float32]:
        """A row a token, a probability a label. At least one token."""
        windows = list(self._windows(pieces))
        return windows[0] if len(windows) == 1 else np.concatenate(windows)

    def _windows(self, pieces: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Each window is read with what stands around it, so its edges show nowhere."""
        for first in range(0, len(pieces), self._window):
            low, high = max(0, first - self._reach), first + self._window + self._reach
            vectors, cases = self._lexicon.look_up(pieces[low:high])
            scores = self._network.run(None, {"vectors": vectors[None], "modes": modes(cases)[None]})[0][0]
            yield scores[first - low : first - low + self._window]
