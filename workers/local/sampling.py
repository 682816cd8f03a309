"""One chain of llama.cpp's samplers a sequence: what a job's parameters make of the logits."""

import ctypes
import secrets
from typing import Any, NamedTuple

import llama_cpp
import numpy as np

from tidegate.job import Params
from workers.local.failing import Failing
from workers.local.native import Native
from workers.local.protocol import Failure

GREEDY_BELOW = 1e-5
"""A temperature under this picks the likeliest token."""

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's `llama_token_data`."""


class Picked(NamedTuple):
    """A token, and whether the grammar left no other."""

    token: int
    forced: bool = False


class Sampler:
    """Picks the next token of one sequence. `close` frees it."""

    def __init__(self, native: Native, params: Params, *, grammar: str | None) -> None:
        self._native = native
        self._grammar = None if grammar is None else _grammar(native, grammar)
        self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        for sampler in _samplers(params):
            llama_cpp.llama_sampler_chain_add(self._chain, sampler)

    def pick(self, row: int) -> Picked:
        """The next token, by the logits in a row of the last step."""
        if self._grammar is None:
            return Picked(int(llama_cpp.llama_sampler_sample(self._chain, self._native.context, row)))
        return self._pick_allowed(row)

    def close(self) -> None:
        """Free the chain; harmless when called twice."""
        for sampler in filter(None, (self._chain, self._grammar)):
            llama_cpp.llama_sampler_free(sampler)
        self._chain = self._grammar = None

    def _pick_allowed(self, row: int) -> Picked:
        """By the grammar first: what it forbids has a logit of minus infinity afterwards."""
        candidates = np.empty(self._native.vocab_size, _CANDIDATE)
        candidates["id"] = np.arange(len(candidates), dtype=np.int32)
        candidates["logit"] = self._native.logits(row)
        candidates["p"] = 0
        array = llama_cpp.llama_token_data_array(
            data=candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)),
            size=len(candidates),
            selected=-1,
            sorted=False,
        )
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        allowed = int(np.isfinite(candidates["logit"]).sum())
        if not allowed:
            raise Failing(Failure.SCHEMA_INVALID, "the grammar allows no token of this model here")
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(array.data[array.selected].id)
        for sampler in (self._grammar, self._chain):
            llama_cpp.llama_sampler_accept(sampler, token)
        return Picked(token, forced=allowed == 1)


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
