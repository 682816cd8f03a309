"""One chain of llama.cpp's samplers a sequence: what a job's parameters make of the logits.

The order is llama.cpp's own: bias and penalties change the logits, then the unlikely ones go, then chance decides.
"""

import ctypes
import math
import secrets
import time
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

TOP_K, TOP_P, MIN_P = 40, 0.95, 0.05
"""What llama.cpp does with a temperature where a job says nothing."""

GRAMMAR_S = 1.0
"""What a grammar may take for one token, in CPU time: everybody else waits for it."""

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
        _check(params, vocab_size=native.vocab_size)
        self._grammar = None if grammar is None else _grammar(native, grammar)
        self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        self._remembers = _penalised(params)
        self._greedy = grammar is None and _plainly_greedy(params)
        for sampler in _samplers(params, vocab_size=native.vocab_size):
            llama_cpp.llama_sampler_chain_add(self._chain, sampler)

    def pick(self, row: int) -> Picked:
        """The next token, by the logits in a row of the last step. Raises Failing where the grammar allows none."""
        if self._greedy:
            return Picked(self._native.best(row))  # found for all rows of the step at once
        if self._grammar is None:
            return Picked(int(llama_cpp.llama_sampler_sample(self._chain, self._native.context, row)))
        began_s = time.thread_time()
        picked = self._held_to_grammar(row)
        if time.thread_time() - began_s > GRAMMAR_S:
            raise Failing(Failure.BAD_REQUEST, "json_schema: its grammar takes this model seconds for each token")
        return picked

    def _held_to_grammar(self, row: int) -> Picked:
        # A grammar over the whole vocabulary takes milliseconds a token, and the model is mostly right by itself.
        before = llama_cpp.llama_sampler_clone(self._chain) if self._remembers else None
        token = int(llama_cpp.llama_sampler_sample(self._chain, self._native.context, row))
        logits = self._native.logits(row)
        likely, rival = self._allowed([token, _best_other(logits, token)])
        if not likely:
            self._take_back(before)
            token = self._picked_by_grammar(logits)
        elif before:
            llama_cpp.llama_sampler_free(before)
        llama_cpp.llama_sampler_accept(self._grammar, token)
        return Picked(token, forced=not (likely and rival))

    def close(self) -> None:
        """Free the chain; harmless when called twice."""
        for sampler in filter(None, (self._chain, self._grammar)):
            llama_cpp.llama_sampler_free(sampler)
        self._chain = self._grammar = None

    def _take_back(self, before: Any) -> None:
        """A token that the grammar forbids was never written: penalties must not count it."""
        if before:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = before

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
        token = int(array.data[array.selected].id)
        if self._remembers:
            llama_cpp.llama_sampler_accept(self._chain, token)
        return token


def _best_other(logits: NDArray[np.float32], token: int) -> int:
    """The model's own first choice besides a token."""
    first = int(logits.argmax())
    if first != token:
        return first
    left = int(logits[:token].argmax()) if token > 0 else None
    right = token + 1 + int(logits[token + 1 :].argmax()) if token + 1 < len(logits) else None
    others = [other for other in (left, right) if other is not None]
    return max(others, key=lambda other: float(logits[other]), default=token)


def _samplers(params: Params, *, vocab_size: int) -> list[Any]:
    return [*_bias(params, vocab_size=vocab_size), *_penalties(params, vocab_size=vocab_size), *_choice(params)]


def _check(params: Params, *, vocab_size: int) -> None:
    """Hold tokens' numbers to the model's vocabulary. Raises Failing."""
    for field, tokens in (("logit_bias", map(int, params.logit_bias or {})), ("stop_tokens", params.stop_tokens)):
        if any(token >= vocab_size for token in tokens):
            raise Failing(Failure.BAD_REQUEST, f"params.{field}: the model has tokens 0 to {vocab_size - 1}")


def _bias(params: Params, *, vocab_size: int) -> list[Any]:
    biases = params.logit_bias or {}
    if not biases:
        return []
    array = (llama_cpp.llama_logit_bias * len(biases))(
        *(llama_cpp.llama_logit_bias(token=int(token), bias=bias) for token, bias in biases.items())
    )
    return [llama_cpp.llama_sampler_init_logit_bias(vocab_size, len(biases), array)]


def _penalised(params: Params) -> bool:
    return bool(params.frequency_penalty or params.presence_penalty or params.repeat_penalty not in (None, 1.0))


def _plainly_greedy(params: Params) -> bool:
    """Whether the likeliest token is taken as the model has it."""
    return params.temperature < GREEDY_BELOW and not params.logit_bias and not _penalised(params)


def _penalties(params: Params, *, vocab_size: int) -> list[Any]:
    """Over all that the answer says, and nothing of the prompt, as OpenAI has it."""
    if not _penalised(params):
        return []
    repeat = 1.0 if params.repeat_penalty is None else params.repeat_penalty
    frequency, presence = params.frequency_penalty or 0.0, params.presence_penalty or 0.0
    return [llama_cpp.llama_sampler_init_penalties(vocab_size, params.max_tokens, repeat, frequency, presence)]


def _choice(params: Params) -> list[Any]:
    if params.temperature < GREEDY_BELOW:
        return [llama_cpp.llama_sampler_init_greedy()]
    top_k, top_p, min_p = (
        default if given is None else given
        for given, default in ((params.top_k, TOP_K), (params.top_p, TOP_P), (params.min_p, MIN_P))
    )
    return [
        llama_cpp.llama_sampler_init_top_k(top_k),
        llama_cpp.llama_sampler_init_top_p(top_p, 1),
        llama_cpp.llama_sampler_init_min_p(min_p, 1),
        llama_cpp.llama_sampler_init_temp(params.temperature),
        llama_cpp.llama_sampler_init_dist(params.seed if params.seed is not None else secrets.randbits(31)),
    ]


def _grammar(native: Native, text: str) -> Any:
    sampler = llama_cpp.llama_sampler_init_grammar(native.vocab, text.encode(), b"root")
    if not sampler:
        raise Failing(Failure.BAD_REQUEST, "json_schema cannot be expressed as a grammar")
    return sampler
