"""Jobs for vectors: their texts are computed together, a step at a time, and each job ends with its last text.

Has the face of `decoder.Decoder`, so that the same engine process runs either.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tidegate.result import Usage
from workers.local.failing import Failing
from workers.local.native import ABORTED, OK
from workers.local.pooling import SEQUENCES, Pooled, Vector
from workers.local.protocol import Ask, Done, Failed, Failure, Load, Ready

DECIMALS = 8
"""What is kept of a vector's numbers: they come as 32-bit floats between -1 and 1."""

MOST_CHARS_PER_TOKEN = 64
"""A text longer than this many times the context cannot fit: it is refused before it is cut into tokens."""


@dataclass
class _Work:
    """A job and what of it is done."""

    ask: Ask
    texts: list[list[int]]
    until: float
    vectors: list[Vector] = field(default_factory=list)

    @property
    def left(self) -> list[list[int]]:
        """Texts without a vector."""
        return self.texts[len(self.vectors) :]


class Embedder:
    """A loaded model that makes vectors."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._pooled = Pooled(load)
        self._jobs: dict[int, _Work] = {}
        self._dirty = False
        started = time.monotonic()
        if self._pooled.compute([self._pooled.tokens("warm") or [0]])[0] != OK:
            raise Failing(Failure.MODEL_MISSING, "the model computes no vector here")
        self._pooled.forget(wipe=True)
        self._warm_up_s = time.monotonic() - started

    @property
    def ready(self) -> Ready:
        """What the parent may know about the model."""
        pooled = self._pooled
        return Ready(
            context_tokens=pooled.limit,
            kv_tokens=pooled.step_tokens,
            slots=self._load.slots,
            gpu=", ".join(gpu.name for gpu in pooled.devices) or None,
            gpu_layers=pooled.offloaded.layers,
            layers=pooled.offloaded.of,
            threads=self._load.threads,
            warm_up_s=self._warm_up_s,
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._jobs

    def take(self, ask: Ask) -> None:
        """Begin a job. Raises Failing."""
        if not ask.input:
            raise Failing(Failure.BAD_REQUEST, "this engine makes vectors, and the job brings no texts for them")
        until = time.monotonic() + (math.inf if ask.time_s is None else ask.time_s)
        texts = [self._tokens(text, f"text {number} of {len(ask.input)}") for number, text in enumerate(ask.input, 1)]
        self._jobs[ask.id] = _Work(ask, texts, until)

    def step(self) -> Iterator[Done | Failed]:
        """Compute the next texts; what is to be told of it."""
        yield from self._overdue()
        chosen = self._chosen()
        if not chosen:
            return
        self._dirty = True
        try:
            code, vectors = self._pooled.compute([tokens for _, tokens in chosen])
        except Failing as exc:
            yield from self._end({work.ask.id for work, _ in chosen}, exc.failure, str(exc))
            return
        if code == ABORTED:
            return  # a cancel came in the middle: the others compute this step again
        if code != OK:
            cause = f"llama.cpp cannot compute (code {code})"
            yield from self._end({work.ask.id for work, _ in chosen}, Failure.BROKEN, cause)
            return
        for (work, _), vector in zip(chosen, vectors, strict=True):
            work.vectors.append(vector)
        yield from [self._done(work) for work in list(self._jobs.values()) if not work.left]

    def rest(self) -> None:
        """Nobody waits: leave nothing in the memory."""
        if self._dirty:
            self._pooled.forget(wipe=True)
            self._dirty = False

    def cancel(self, number: int) -> Iterator[Failed]:
        """End a job; nothing where it has ended."""
        return self._end({number}, Failure.CANCELLED, "cancelled")

    def give_up(self, cause: str) -> Iterator[Failed]:
        """A step broke: whose fault it was is not known."""
        return self._end(set(self._jobs), Failure.BROKEN, cause)

    def interrupt(self) -> None:
        """Break off the running step; safe from another thread."""
        self._pooled.abort()

    def resume(self) -> None:
        """What interrupted is heard: the next step runs."""
        self._pooled.resume()

    def _tokens(self, text: str, which: str) -> list[int]:
        limit = self._pooled.limit
        if len(text) > limit * MOST_CHARS_PER_TOKEN:
            raise Failing(Failure.CONTEXT_OVERFLOW, f"{which}: {len(text):,} characters cannot fit in {limit:,} tokens")
        tokens = self._pooled.tokens(text)
        if len(tokens) > limit:
            raise Failing(Failure.CONTEXT_OVERFLOW, f"{which}: {len(tokens):,} tokens > context {limit:,}")
        if not tokens:
            raise Failing(Failure.BAD_REQUEST, f"{which} is empty to the model")
        return tokens

    def _chosen(self) -> list[tuple[_Work, list[int]]]:
        """The texts of the next step: the most urgent jobs' first; of equals each job's next in turn."""
        works = sorted(self._jobs.values(), key=lambda work: (work.ask.priority, work.ask.id))
        alone = [work for work in works if work.ask.alone][:1]
        waiting = [
            (work.ask.priority, place, work.ask.id, work, tokens)
            for work in alone or works
            for place, tokens in enumerate(work.left[:SEQUENCES])
        ]
        found: list[tuple[_Work, list[int]]] = []
        room = self._pooled.step_tokens
        for *_, work, tokens in sorted(waiting, key=lambda one: one[:3])[:SEQUENCES]:
            if len(tokens) > room:
                break
            found.append((work, tokens))
            room -= len(tokens)
        return found

    def _done(self, work: _Work) -> Done:
        del self._jobs[work.ask.id]
        return Done(
            id=work.ask.id,
            text="",
            finish_reason="stop",
            usage=Usage(prompt_tokens=sum(map(len, work.texts))),
            embeddings=tuple(tuple(vector.round(DECIMALS).tolist()) for vector in work.vectors),
        )

    def _overdue(self) -> Iterator[Failed]:
        now = time.monotonic()
        late = {number for number, work in self._jobs.items() if work.until <= now}
        return self._end(late, Failure.TIMED_OUT, "no answer in time")

    def _end(self, numbers: Sequence[int] | set[int], failure: Failure, cause: str) -> Iterator[Failed]:
        for number in sorted(numbers):
            if self._jobs.pop(number, None) is not None:
                yield Failed(id=number, failure=failure, message=cause)
