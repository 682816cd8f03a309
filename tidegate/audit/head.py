"""The head: how far the log has come, as the store knows it. It shows lines that are missing at the end of the files.

Signed, so that nobody who can only write to the store makes one. Somebody who can also put back older files might put
back the older head that belongs to them: who fears that notes the head down elsewhere, see docs/audit.md.
"""

import base64
from typing import Literal

from pydantic import ValidationError

from tidegate.audit.line import Place
from tidegate.connections import StoreClient
from tidegate.keys import Signs, Verifier
from tidegate.ledger.store import store_errors
from tidegate.names import STORE_PREFIX
from tidegate.value import Value

_SIGNED_AS = b"tidegate audit head\0"


class Head(Value):
    """The last line that was acknowledged, and whose folder it lies in."""

    v: Literal[1] = 1
    n: int
    hash: str
    serial: int
    place: str
    at: float = 0.0
    sig: str = ""

    @property
    def line(self) -> Place:
        """The same for the chain."""
        return Place(n=self.n, hash=self.hash, serial=self.serial)

    def signed(self, signs: Signs) -> "Head":
        """With the keeper's signature."""
        return self.model_copy(update={"sig": base64.b64encode(signs.sign(self._body())).decode("ascii")})

    def holds(self, verifier: Verifier) -> bool:
        """Whether the keeper signed it."""
        try:
            return verifier.holds(base64.b64decode(self.sig, validate=True), self._body())
        except ValueError:
            return False

    def _body(self) -> bytes:
        return _SIGNED_AS + self.model_copy(update={"sig": ""}).to_json().encode()


def key_of(prefix: str = STORE_PREFIX) -> str:
    """Where it lies."""
    return f"{prefix}:audit:head"


def read_head(client: StoreClient, verifier: Verifier, *, prefix: str = STORE_PREFIX) -> Head | None:
    """What the store holds; None where that is nothing, or nothing that the keeper signed. Raises Unavailable."""
    with store_errors():
        found = client.get(key_of(prefix))
    try:
        head = Head.from_json(found) if found else None
    except ValidationError:
        return None
    return head if head is not None and head.holds(verifier) else None
