"""A model that counts, for tests of the batcher: jobs for it, and what it writes for each when it is alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tidegate.job import Message, Params
from workers.local.batcher import Batcher
from workers.local.native import OK
from workers.local.protocol import Ask
from workers.local.sampling import Picked
from workers.local.scores import Score
from workers.local.stepbatch import Fed
from workers.local.work import Prepared

END = 999


@dataclass
class Counting:
    """A model whose next token is the sum of its sequence's tokens: any mix-up shows in the answer."""

    cells: int
    step_tokens: int = 8
    mixed_tokens: int = 8
    codes: list[int] = field(default_factory=list)
    """What the next steps return; OK when there is none left."""
    whole: bool = False
    """Whether it forgets only whole sequences, as a recurrent model does."""
    memory: dict[int, list[int]] = field(default_factory=dict)
    wiped: int = 0
    shared: int = 0
    computed: int = 0
    rows: dict[int, int] = field(default_factory=dict)

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]:
        """Compute, and look whether the step was a possible one."""
        assert 0 < sum(len(piece.tokens) for piece in fed) <= self.step_tokens
        code = self.codes.pop() if self.codes else OK
        self.rows, row = {}, -1
        self.computed += sum(len(piece.tokens) for piece in fed)
        for piece in fed:
            kept = self.memory.setdefault(piece.seq, [])
            assert piece.start == len(kept), "a token would leave a gap or overwrite another"
            kept.extend(piece.tokens)
            row += len(piece.tokens)
            if piece.wanted:
                self.rows[row] = sum(kept) % END
        assert sum(map(len, self.memory.values())) <= self.cells
        return code, list(self.rows)

    def score(self, row: int, token: int) -> Score:
        """Sure of the one token."""
        assert token == self.rows[row]
        return Score(logprob=-0.1, margin=1.0)

    def forget(self, seq: int, *, start: int = 0) -> bool:
        """Drop from a position on."""
        kept = self.memory.get(seq, [])
        if self.whole and 0 < start < len(kept):
            return False
        del kept[start:]
        return True

    def share(self, source: int, target: int, *, tokens: int) -> None:
        """Copy."""
        assert not self.memory.get(target)
        assert tokens <= len(self.memory[source])
        self.memory[target] = self.memory[source][:tokens]
        self.shared += tokens

    def wipe(self) -> None:
        """Only while nobody runs."""
        assert not any(self.memory.values()), "somebody still runs"
        self.wiped += 1

    def ends(self, token: int) -> bool:
        """Whether it is the last one."""
        return token == END

    def piece(self, token: int) -> bytes:
        """The number."""
        return f"{token},".encode()


@dataclass
class Picks:
    """Takes the likeliest token, and knows whether it was closed."""

    native: Counting
    closed: bool = False

    def pick(self, row: int) -> Picked:
        """The likeliest."""
        assert not self.closed
        return Picked(self.native.rows[row])

    def close(self) -> None:
        """Note it."""
        self.closed = True


def prepared(
    native: Counting, number: int, prompt: list[int], room: int, changes: Any = None, **how: object
) -> Prepared:
    """A job with these tokens."""
    ask = Ask.model_validate(
        {"id": number, "messages": (Message(role="user", content="x"),), "params": Params(), **how}
    )
    job = Prepared(
        ask=ask,
        prompt=prompt,
        room=room,
        until=math.inf,
        sampler=lambda: Picks(native),
        check=lambda _text, _reason: None,
    )
    return replace(job, **(changes or {}))


def expected(prompt: list[int], room: int) -> str:
    """What the counting model writes when it is alone."""
    tokens = list(prompt)
    for _ in range(room):
        tokens.append(sum(tokens) % END)
    return "".join(f"{token}," for token in tokens[len(prompt) :])


def ended(batcher: Batcher, *, within: int = 2000) -> Iterator[Any]:
    """Everything that ends until nobody is left."""
    for _ in range(within):
        if batcher.idle:
            return
        yield from batcher.step()
    raise AssertionError("jobs starve")


JOBS = st.lists(
    st.tuples(
        st.lists(st.integers(1, 50), min_size=1, max_size=30),
        st.integers(1, 12),
        st.integers(0, 9),
        st.booleans(),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=12,
)
