"""An answer while it grows: bytes of tokens -> characters, cut at the first stop string."""

import codecs
from collections.abc import Callable


class Text:
    """What was written so far, and how much of it can no longer be taken back by a stop string."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.safe: Callable[[str], int] = len
        """How much of the text is certainly not of a kind that is never shown: a call of a tool."""
        self.cut = False
        """Whether a stop string ended it."""
        self._stops = stops
        self._longest = max(map(len, stops), default=0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._told = 0
        self.value = ""

    def add(self, piece: bytes) -> bool:
        """Whether a stop string was completed. Half a character waits for its other half."""
        seen = max(0, len(self.value) - self._longest)
        self.value += self._decoder.decode(piece)
        at = min((found for stop in self._stops if (found := self.value.find(stop, seen)) >= 0), default=-1)
        if at < 0:
            return False
        self.value, self.cut = self.value[:at], True
        return True

    def news(self, *, ended: bool = False) -> str:
        """What may be shown since the last call: all that no stop string can still cut off."""
        sure = min(len(self.value) - self._held(), self.safe(self.value))
        until = len(self.value) if ended else max(self._told, sure)
        told, self._told = self.value[self._told : until], until
        return told

    def _held(self) -> int:
        """The longest end of the text with which a stop string begins."""
        return max((_overlap(self.value, stop) for stop in self._stops), default=0)


def _overlap(text: str, stop: str) -> int:
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
