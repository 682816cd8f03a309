"""The model in memory: jobs in, answers out, nothing left behind. Puts prompt, shape, sampling and batch together."""

import math
import time
from collections.abc import Iterator

import llama_cpp

from tidegate.job import Message
from tidegate.tools import Tool
from workers.local import calling, shape
from workers.local.batcher import Batcher, Said
from workers.local.chances import Chances
from workers.local.failing import Failing
from workers.local.native import Native
from workers.local.prompt import Prompter
from workers.local.protocol import Ask, Failed, Failure, Load, Ready
from workers.local.sampling import Sampler
from workers.local.work import Prepared

PREFILL_CHUNK_TOKENS = 128
"""How much of new prompts is read in a step beside answers that are being written."""

FEWEST_USEFUL_TOKENS = 16
"""A prompt that leaves less room than this (and less than was asked for) is refused."""

MOST_CHARS_PER_TOKEN = 64
"""A text longer than this many times the context cannot fit: it is refused before it is cut into tokens."""

MOST_STOP_CHARS = 1_000
"""After each token its end is compared with every beginning of a stop string."""


class Decoder:
    """A loaded model with its batch."""

    def __init__(self, load: Load) -> None:
        load = _bounded(load)
        self._load = load
        self._native = Native(load)
        self._prompter = Prompter(self._native)
        self._limit = min(load.context_tokens, self._native.cells, self._native.trained_tokens)
        self._batcher = Batcher(
            self._native,
            slots=load.slots,
            cells=self._native.cells,
            chunk=min(PREFILL_CHUNK_TOKENS, load.step_tokens),
            prefixes=0 if self._native.recurrent else load.prefixes,
            confidence=load.confidence,
        )
        started = time.monotonic()
        self._native.warm_up()
        self._warm_up_s = time.monotonic() - started

    @property
    def ready(self) -> Ready:
        """What the parent may know about the model."""
        native = self._native
        return Ready(
            context_tokens=self._limit,
            kv_tokens=native.cells,
            slots=self._load.slots,
            gpu=", ".join(gpu.name for gpu in native.devices) or None,
            gpu_layers=native.offloaded.layers,
            layers=native.offloaded.of,
            threads=self._load.threads,
            warm_up_s=self._warm_up_s,
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return self._batcher.idle

    def take(self, ask: Ask) -> None:
        """Begin a job as soon as there is room. Raises Failing."""
        if not ask.messages:
            raise Failing(Failure.BAD_REQUEST, "messages: there are none")
        if any(len(stop) > MOST_STOP_CHARS for stop in ask.params.stop):
            raise Failing(Failure.BAD_REQUEST, f"params.stop: a string of more than {MOST_STOP_CHARS:,} characters")
        until = time.monotonic() + (math.inf if ask.time_s is None else ask.time_s)
        form = calling.form(ask.params, self._prompter)
        grammar = calling.gbnf(ask.params, form) or shape.gbnf(ask.params.response_format)
        prompt = self._prompt(ask)
        self._batcher.add(
            Prepared(
                ask=ask,
                prompt=prompt,
                room=self._room(len(prompt), ask.params.max_tokens),
                until=until,
                sampler=lambda: Sampler(self._native, ask.params, grammar=grammar),
                check=lambda text, reason: shape.check(text, ask.params.response_format, finish_reason=reason),
                calling=calling.read(ask.params, form, self._prompter) if form else None,
                chances=(lambda: self._chances(ask.params.top_logprobs or 0)) if ask.params.logprobs else None,
            )
        )

    def step(self) -> Iterator[Said]:
        """Compute one step for all; what is to be told of it."""
        return self._batcher.step()

    def rest(self) -> None:
        """Nobody runs and nobody waits: leave nothing in the memory."""
        self._batcher.rest()

    def cancel(self, number: int) -> Iterator[Failed]:
        """End a job, wherever it is; nothing where it has ended."""
        return self._batcher.cancel(number)

    def give_up(self, cause: str) -> Iterator[Failed]:
        """A step broke where no single job is to blame."""
        return self._batcher.give_up(cause)

    def interrupt(self) -> None:
        """Break off the running step; safe from another thread."""
        self._native.abort()

    def resume(self) -> None:
        """What interrupted is heard: the next step runs."""
        self._native.resume()

    def _prompt(self, ask: Ask) -> list[int]:
        if len(ask.messages) > self._limit:
            raise Failing(Failure.CONTEXT_OVERFLOW, f"{len(ask.messages):,} messages > {self._limit:,} tokens")
        chars = sum(map(_chars, ask.messages)) + sum(map(_tool_chars, ask.params.offered))
        if chars > self._limit * MOST_CHARS_PER_TOKEN:
            raise Failing(Failure.CONTEXT_OVERFLOW, f"{chars:,} characters cannot fit in {self._limit:,} tokens")
        return self._prompter.tokens(ask.messages, ask.params.offered)

    def _chances(self, top: int) -> Chances:
        return Chances(top=top, spell=self._native.piece)

    def _room(self, prompt_tokens: int, max_tokens: int) -> int:
        room = self._limit - prompt_tokens
        if room < min(max_tokens, FEWEST_USEFUL_TOKENS):
            numbers = f"prompt {prompt_tokens:,} tokens + {max_tokens:,} requested > context {self._limit:,}"
            raise Failing(Failure.CONTEXT_OVERFLOW, numbers)
        if prompt_tokens == 0:
            raise Failing(Failure.BAD_REQUEST, "the model's chat template made an empty prompt")
        return min(max_tokens, room)


def _chars(message: Message) -> int:
    calls = message.tool_calls or ()
    return len(message.text) + sum(len(call.function.name) + len(call.function.arguments) for call in calls)


def _tool_chars(tool: Tool) -> int:
    return len(tool.to_json())


def _bounded(load: Load) -> Load:
    """No more sequences than llama.cpp can tell apart: further jobs wait in the engine."""
    most = llama_cpp.llama_max_parallel_sequences() - load.prefixes
    return load.model_copy(update={"slots": min(load.slots, most)})
