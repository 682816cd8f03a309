"""One chain of llama.cpp's samplers a sequence: what a job's parameters make of the logits."""

import ctypes
import math
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from tidegate.job import Params
from workers.local.failing import Failing
from workers.local.native import Native
from workers.local.protocol import Failure

GREEDY_BELOW = 1e-5
"""A temperature under this picks the likeliest token."""

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's `llama_token_data`."""


class Picked(NamedTuple):
    """A token, and whether the grammar decided it: the model's own choice, or its next best, was forbidden."""

    token: int
    forced: bool = False


class Sampler:
    """Picks the next token of one sequence. `close` frees it."""

    def __init__(self, native: Native, params: Params, *, grammar: str | None) -> None:
        self._native = native
        self._grammar = None if grammar is None else _grammar(native, grammar)
        self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        self._greedy = params.temperature < GREEDY_BELOW
        for sampler in _samplers(params):
            llama_cpp.llama_sampler_chain_add(self._chain, sampler)

    def pick(self, row: int) -> Picked:
        """The next token, by the logits in a row of the last step. Raises Failing where the grammar allows none."""
        if self._greedy and self._grammar is None:
            return Picked(self._native.best(row))  # found for all rows at once
        token = int(llama_cpp.llama_sampler_sample(self._chain, self._native.context, row))
        if self._grammar is None:
            return Picked(token)
        # A grammar over the whole vocabulary takes milliseconds a token, and the model is mostly right by itself.
        logits = self._native.logits(row)
        likely, rival = self._allowed([token, _best_other(logits, token)])
        if not likely:
            token = self._picked_by_grammar(logits)
        llama_cpp.llama_sampler_accept(self._grammar, token)
        return Picked(token, forced=not (likely and rival))

    def close(self) -> None:
        """Free the chain; harmless when called twice."""
        for sampler in filter(None, (self._chain, self._grammar)):
            llama_cpp.llama_sampler_free(sampler)
        self._chain = self._grammar = None

    def _allowed(self, tokens: Sequence[int]) -> list[bool]:
        """What the grammar says of a few tokens."""
        candidates = (llama_cpp.llama_token_data * len(tokens))(
            *(llama_cpp.llama_token_data(token, 0.0, 0.0) for token in tokens)
        )
        array = llama_cpp.llama_token_data_array(data=candidates, size=len(tokens), selected=-1, sorted=False)
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return [math.isfinite(candidate.logit) for candidate in candidates]

    def _picked_by_grammar(self, logits: NDArray[np.float32]) -> int:
        """By the grammar first: what it forbids has a logit of minus infinity afterwards."""
        candidates = np.empty(len(logits), _CANDIDATE)
        candidates["id"] = np.arange(len(logits), dtype=np.int32)
        candidates["logit"] = logits
        candidates["p"] = 0
        array = llama_cpp.llama_token_data_array(
            data=candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)),
            size=len(candidates),
            selected=-1,
            sorted=False,
        )
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        if not np.isfinite(candidates["logit"]).any():
            raise Failing(Failure.SCHEMA_INVALID, "the grammar allows no token of this model here")
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)


def _best_other(logits: NDArray[np.float32], token: int) -> int:
    """The model's own first choice besides a token."""
    first = int(logits.argmax())
    if first != token:
        return first
    left = int(logits[:token].argmax()) if token > 0 else None
    right = token + 1 + int(logits[token + 1 :].argmax()) if token + 1 < len(logits) else None
    others = [other for other in (left, right) if other is not None]
    return max(others, key=lambda other: float(logits[other]), default=token)


def _samplers(params: Params) -> list[Any]:
    if params.temperature < GREEDY_BELOW:
        return [llama_cpp.llama_sampler_init_greedy()]
    return [
        llama_cpp.llama_sampler_init_top_k(40),
        llama_cpp.llama_sampler_init_top_p(0.95, 1),
        llama_cpp.llama_sampler_init_min_p(0.05, 1),
        llama_cpp.llama_sampler_init_temp(params.temperature),
        llama_cpp.llama_sampler_init_dist(params.seed if params.seed is not None else secrets.randbits(31)),
    ]


def _grammar(native: Native, text: str) -> Any:
    sampler = llama_cpp.llama_sampler_init_grammar(native.vocab, text.encode(), b"root")
    if not sampler:
        raise Failing(Failure.BAD_REQUEST, "json_schema cannot be expressed as a grammar")
    return sampler
