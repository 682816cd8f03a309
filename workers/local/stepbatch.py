"""The arrays behind one `llama_batch`, filled by slices: a loop over ctypes fields outlasts a small model's step."""

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray


class Fed(NamedTuple):
    """Tokens of one sequence for one step; the last one's logits are wanted or not."""

    seq: int
    start: int
    """The position of the first token in its sequence."""
    tokens: Sequence[int]
    wanted: bool


class StepBatch:
    """Room for the tokens of a step. llama.cpp reads the arrays in place, so they live as long as this does."""

    def __init__(self, size: int) -> None:
        self._token, self._pos, self._seq = (np.zeros(size, np.int32) for _ in range(3))
        self._seqs_each = np.ones(size, np.int32)
        self._wanted = np.zeros(size, np.int8)
        # Of each token a pointer to the list of its sequences, which here has one.
        self._seq_at = self._seq.ctypes.data + np.arange(size, dtype=np.uintp) * self._seq.itemsize
        self.native = llama_cpp.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, ctypes.c_int32),
            embd=None,
            pos=_pointer(self._pos, ctypes.c_int32),
            n_seq_id=_pointer(self._seqs_each, ctypes.c_int32),
            seq_id=_pointer(self._seq_at, ctypes.POINTER(ctypes.c_int32)),
            logits=_pointer(self._wanted, ctypes.c_int8),
        )

    def fill(self, fed: Sequence[Fed]) -> list[int]:
        """Take the tokens of a step; the rows whose logits are wanted, in order."""
        tokens: list[int] = []
        places: list[int] = []
        seqs: list[int] = []
        rows: list[int] = []
        for seq, start, part, wanted in fed:
            count = len(part)
            tokens += part
            places += range(start, start + count)
            seqs += [seq] * count
            if wanted:
                rows.append(len(tokens) - 1)
        size = len(tokens)
        self._token[:size] = tokens
        self._pos[:size] = places
        self._seq[:size] = seqs
        self._wanted[:size] = 0
        self._wanted[rows] = 1
        self.native.n_tokens = size
        return rows


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))
