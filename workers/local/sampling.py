"""One chain of llama.cpp's samplers a sequence: what a job's parameters make of the logits."""

import secrets
from typing import Any

import llama_cpp

from tidegate.job import Params
from workers.local.failing import Failing
from workers.local.native import Native
from workers.local.protocol import Failure

GREEDY_BELOW = 1e-5
"""A temperature under this picks the likeliest token."""


class Sampler:
    """Picks the next token of one sequence. `close` frees it."""

    def __init__(self, native: Native, params: Params, *, grammar: str | None) -> None:
        self._native = native
        self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        if grammar is not None:
            self._add(_grammar(native, grammar))
        if params.temperature < GREEDY_BELOW:
            self._add(llama_cpp.llama_sampler_init_greedy())
            return
        seed = params.seed if params.seed is not None else secrets.randbits(31)
        self._add(llama_cpp.llama_sampler_init_top_k(40))
        self._add(llama_cpp.llama_sampler_init_top_p(0.95, 1))
        self._add(llama_cpp.llama_sampler_init_min_p(0.05, 1))
        self._add(llama_cpp.llama_sampler_init_temp(params.temperature))
        self._add(llama_cpp.llama_sampler_init_dist(seed))

    def pick(self, row: int) -> int:
        """The next token, by the logits in a row of the last step."""
        return int(llama_cpp.llama_sampler_sample(self._chain, self._native.context, row))

    def close(self) -> None:
        """Free the chain; harmless when called twice."""
        if self._chain is not None:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = None

    def _add(self, sampler: Any) -> None:
        llama_cpp.llama_sampler_chain_add(self._chain, sampler)


def _grammar(native: Native, text: str) -> Any:
    sampler = llama_cpp.llama_sampler_init_grammar(native.vocab, text.encode(), b"root")
    if not sampler:
        raise Failing(Failure.BAD_REQUEST, "json_schema cannot be expressed as a grammar")
    return sampler
