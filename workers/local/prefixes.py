"""Beginnings of prompts that several jobs of one tenant share: computed once, then lent to the next job.

Pure bookkeeping: which sequence of the engine holds which beginning, and whose. Tokens are not kept here, only keyed
hashes of blocks of them, so that this list tells nothing to whoever reads it. A beginning is kept once a second job of
the same tenant shows it; what a personal job says is neither noted nor kept.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BLOCK_TOKENS = 16
"""Beginnings are compared and lent in whole blocks."""

MAX_SEEN = 10_000
"""Blocks that were seen once; the oldest are forgotten first."""


class Lent(NamedTuple):
    """A beginning that is there: the sequence that holds it, and its length in tokens."""

    seq: int
    tokens: int


class Prefixes:
    """The beginnings that an engine keeps."""

    def __init__(self, seqs: Sequence[int]) -> None:
        self._key = secrets.token_bytes(16)
        self._free = list(seqs)
        self._held: OrderedDict[int, int] = OrderedDict()
        """Sequences and how many tokens each holds, the least lately used first."""
        self._kept: dict[bytes, Lent] = {}
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    @property
    def tokens(self) -> int:
        """What they hold together."""
        return sum(self._held.values())

    def find(self, tenant: str, prompt: Sequence[int]) -> Lent | None:
        """The longest beginning of a prompt that is kept for the tenant. At least one token is left to compute."""
        found = None
        for name, tokens in self._blocks(tenant, prompt):
            if name not in self._kept:
                break
            found = Lent(self._kept[name].seq, tokens)
        if found:
            self._held.move_to_end(found.seq)
        return found

    def worth(self, tenant: str, prompt: Sequence[int]) -> int:
        """How many tokens a second job has now shown and nobody keeps; 0 where there are none. Notes the rest."""
        shown, kept = 0, 0
        for name, tokens in self._blocks(tenant, prompt):
            kept = tokens if name in self._kept else kept
            shown = tokens if name in self._seen else shown
            self._seen[name] = None
            self._seen.move_to_end(name)
        while len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)
        return shown if shown > kept else 0

    def keep(self, tenant: str, prompt: Sequence[int], tokens: int) -> int:
        """The sequence that shall hold the first tokens of a prompt. One must be free: `drop_oldest` makes it so."""
        seq = self._free.pop()
        self._held[seq] = tokens
        for name, length in self._blocks(tenant, prompt[: tokens + 1]):
            self._kept.setdefault(name, Lent(seq, length))
        return seq

    @property
    def full(self) -> bool:
        """Whether one must be dropped before another is kept."""
        return not self._free

    def drop_oldest(self) -> int | None:
        """Give up the one that was not used for longest; its sequence has to be emptied. None where nothing is kept."""
        if not self._held:
            return None
        seq, _ = self._held.popitem(last=False)
        self._kept = {name: lent for name, lent in self._kept.items() if lent.seq != seq}
        self._free.append(seq)
        return seq

    def _blocks(self, tenant: str, prompt: Sequence[int]) -> Iterator[tuple[bytes, int]]:
        """The name and length of each beginning in whole blocks: a chain of keyed hashes from the tenant on."""
        name = hashlib.blake2b(tenant.encode(), key=self._key, digest_size=16).digest()
        for end in range(BLOCK_TOKENS, len(prompt), BLOCK_TOKENS):
            block = b"".join(token.to_bytes(4, "little") for token in prompt[end - BLOCK_TOKENS : end])
            name = hashlib.blake2b(name + block, key=self._key, digest_size=16).digest()
            yield name, end
