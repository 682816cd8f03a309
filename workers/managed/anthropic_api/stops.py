"""Stop strings that a server does not take: the answer ends before them on our side."""

from collections.abc import Callable, Sequence


def before(text: str, stops: Sequence[str]) -> str:
    """The text up to the one that is whole first, as who reads it piece by piece meets them."""
    found = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(found)[1]] if found else text


class Until:
    """Hands pieces on up to the first stop string. What may be the beginning of one waits for what comes next."""

    def __init__(self, on_text: Callable[[str], None], stops: Sequence[str]) -> None:
        self._on_text = on_text
        self._stops = tuple(stops)
        self._held = ""
        self._over = False

    def feed(self, piece: str) -> None:
        """One piece more."""
        if self._over:
            return
        text = self._held + piece
        told = before(text, self._stops)
        self._over = told != text
        keep = 0 if self._over else self._beginning(text)
        self._held = told[len(told) - keep :]
        self._tell(told[: len(told) - keep])

    def end(self) -> None:
        """Nothing more comes."""
        self._tell("" if self._over else self._held)
        self._over = True

    def _beginning(self, text: str) -> int:
        """How much of the end may belong to a stop string."""
        most = max((len(stop) for stop in self._stops), default=1) - 1
        return max(
            (size for size in range(1, most + 1) if any(stop.startswith(text[-size:]) for stop in self._stops)),
            default=0,
        )

    def _tell(self, text: str) -> None:
        if text:
            self._on_text(text)
