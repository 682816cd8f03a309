"""Continuous batching: many jobs in one context, a step at a time. Jobs come and go between two steps.

Who computes what is decided in `schedule`, what llama.cpp does is in `native`; here is what becomes of each job.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.result import FinishReason, Usage
from workers.local import schedule
from workers.local.confidence import Confidence
from workers.local.failing import Failing
from workers.local.native import ABORTED, NO_ROOM, OK, Fed
from workers.local.prefixes import Prefixes
from workers.local.protocol import Ask, Done, Failed, Failure
from workers.local.schedule import Reading, Waiting
from workers.local.sampling import Picked
from workers.local.text import Text


class Computes(Protocol):
    """What the batcher needs of `native.Native`; tests give it a model that counts."""

    step_tokens: int

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]: ...
    def logits(self, row: int) -> NDArray[np.float32]: ...
    def forget(self, seq: int, *, start: int = 0) -> None: ...
    def share(self, source: int, target: int, *, tokens: int) -> None: ...
    def wipe(self) -> None: ...
    def resume(self) -> None: ...
    def ends(self, token: int) -> bool: ...
    def piece(self, token: int) -> bytes: ...


class Picks(Protocol):
    """A sampler of one sequence."""

    def pick(self, row: int) -> Picked: ...
    def close(self) -> None: ...


@dataclass
class Prepared:
    """A job ready to run: its prompt in tokens, and who picks its tokens."""

    ask: Ask
    prompt: list[int]
    room: int
    """Tokens that it may write."""
    sampler: Callable[[], Picks]
    check: Callable[[str, FinishReason], None]
    """Holds the finished answer to the promised shape. Raises Failing."""


@dataclass
class _Live:
    """A job with a sequence."""

    job: Prepared
    seq: int
    sampler: Picks
    text: Text
    todo: list[int]
    """Tokens that are not yet in the memory: the rest of the prompt, then the token that was just picked."""
    kept: int = 0
    """Tokens that are."""
    written: int = 0
    reading: bool = True
    keep: int = 0
    """How much of its prompt to keep for the next job, once it is read."""
    confidence: Confidence = field(default_factory=Confidence)


class Batcher:
    """Runs jobs of one model. Not for several threads; `cancel` only notes the wish."""

    def __init__(self, native: Computes, *, slots: int, cells: int, chunk: int, prefixes: int = 0) -> None:
        self._native = native
        self._slots = slots
        self._cells = cells
        self._chunk = chunk
        self._waiting: dict[int, Prepared] = {}
        self._live: dict[int, _Live] = {}
        self._cancelled: set[int] = set()
        self._free = list(reversed(range(slots)))
        self._prefixes = Prefixes(range(slots, slots + prefixes))
        self._newest = -1
        self._dirty = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._live

    def add(self, job: Prepared) -> None:
        """Take a job; it begins when there is room. Raises Failing where there never will be."""
        wanted = len(job.prompt) + job.room
        if wanted > self._cells:
            raise Failing(Failure.CONTEXT_OVERFLOW, f"{wanted:,} tokens > {self._cells:,} in the engine's memory")
        self._waiting[job.ask.id] = job

    def took(self, number: int) -> None:
        """A job has arrived, whatever becomes of it: a cancel of it can no longer come too early."""
        self._newest = max(self._newest, number)

    def rest(self) -> None:
        """Nobody runs and nobody waits: overwrite what guarded jobs left in the memory; kept beginnings go with it."""
        if self._dirty:
            while self._drop_prefix():
                pass
            self._native.wipe()
            self._dirty = False

    def cancel(self, number: int) -> None:
        """Nobody waits for a job any more; it ends before the next step. Safe from another thread."""
        self._cancelled.add(number)

    def step(self) -> Iterator[Done | Failed]:
        """One step for everybody; what ended with it."""
        yield from self._drop_cancelled()
        self._admit()
        shares = schedule.step(self._readings(), tokens=self._native.step_tokens, chunk=self._chunk)
        if not shares:
            return
        fed = [Fed(s.seq, self._live[s.seq].kept, self._live[s.seq].todo[: s.count], s.wanted) for s in shares]
        code, rows = self._native.decode(fed)
        if code == OK:
            yield from self._advance(fed, rows)
        else:
            yield from self._recover(code, fed)

    def _readings(self) -> list[Reading]:
        return [
            Reading(live.seq, len(live.todo), live.job.ask.priority, writing=not live.reading)
            for live in self._live.values()
        ]

    def _admit(self) -> None:
        while (job := self._next()) is not None:
            del self._waiting[job.ask.id]
            seq = self._free.pop()
            sampler = job.sampler()
            self._live[seq] = live = _Live(
                job=job, seq=seq, sampler=sampler, text=Text(job.ask.params.stop), todo=list(job.prompt)
            )
            self._borrow(live)

    def _borrow(self, live: _Live) -> None:
        """Begin with what another job of the tenant has computed, and see whether this one's beginning is worth keeping."""
        ask, prompt = live.job.ask, live.job.prompt
        lent = self._prefixes.find(ask.tenant, prompt)
        if lent:
            self._native.share(lent.seq, live.seq, tokens=lent.tokens)
            live.kept = lent.tokens
            del live.todo[: lent.tokens]
        if not ask.guarded:
            live.keep = self._prefixes.worth(ask.tenant, prompt)

    def _keep(self, live: _Live) -> None:
        """Its prompt is read: lend its beginning to the next one, where there is room."""
        room = self._cells - self._used() - live.keep
        while self._prefixes.full or self._prefixes.tokens > room:
            if not self._drop_prefix():
                return
        seq = self._prefixes.keep(live.job.ask.tenant, live.job.prompt, live.keep)
        self._native.share(live.seq, seq, tokens=live.keep)

    def _drop_prefix(self) -> bool:
        seq = self._prefixes.drop_oldest()
        if seq is not None:
            self._native.forget(seq)
        return seq is not None

    def _used(self) -> int:
        """What running jobs may fill at most."""
        return sum(len(live.job.prompt) + live.job.room for live in self._live.values())

    def _next(self) -> Prepared | None:
        waiting = [
            Waiting(n, len(job.prompt) + job.room, job.ask.priority, job.ask.alone) for n, job in self._waiting.items()
        ]
        found = schedule.admitted(
            waiting,
            running=len(self._live),
            slots=self._slots,
            cells=self._cells - self._used(),
            alone=any(live.job.ask.alone for live in self._live.values()),
        )
        if found is None:
            return None
        while self._prefixes.tokens > self._cells - self._used() - found.cells:
            self._drop_prefix()
        return self._waiting[found.number]

    def _advance(self, fed: Sequence[Fed], rows: Sequence[int]) -> Iterator[Done | Failed]:
        found = iter(rows)
        for piece in fed:
            live = self._live[piece.seq]
            live.kept += len(piece.tokens)
            del live.todo[: len(piece.tokens)]
            if piece.wanted:
                if live.reading and live.keep:
                    self._keep(live)
                live.reading = False
                yield from self._write(live, next(found))

    def _write(self, live: _Live, row: int) -> Iterator[Done | Failed]:
        """Pick a token; the job may end with it."""
        try:
            picked = live.sampler.pick(row)
        except Failing as exc:
            self._release(live)
            yield Failed(id=live.job.ask.id, failure=exc.failure, message=str(exc))
            return
        live.confidence.add(self._native.logits(row), picked.token, forced=picked.forced)
        reason = self._took(live, picked.token)
        if reason is None:
            live.todo.append(picked.token)
        else:
            yield self._ended(live, reason)

    def _took(self, live: _Live, token: int) -> FinishReason | None:
        if self._native.ends(token):
            return "stop"
        live.written += 1
        if live.text.add(self._native.piece(token)):
            return "stop"
        return "length" if live.written >= live.job.room else None

    def _ended(self, live: _Live, reason: FinishReason) -> Done | Failed:
        self._release(live)
        ask = live.job.ask
        try:
            live.job.check(live.text.value, reason)
        except Failing as exc:
            return Failed(id=ask.id, failure=exc.failure, message=str(exc))
        usage = Usage(prompt_tokens=len(live.job.prompt), completion_tokens=live.written)
        return Done(id=ask.id, text=live.text.value, finish_reason=reason, usage=usage)

    def _drop_cancelled(self) -> Iterator[Failed]:
        self._native.resume()
        for number in [number for number in list(self._cancelled) if number <= self._newest]:
            self._cancelled.discard(number)
            live = next((live for live in self._live.values() if live.job.ask.id == number), None)
            if live is not None:
                self._release(live)
            if live is not None or self._waiting.pop(number, None) is not None:
                yield Failed(id=number, failure=Failure.CANCELLED, message="cancelled")

    def _recover(self, code: int, fed: Sequence[Fed]) -> Iterator[Failed]:
        """After a step that was not finished: take back what it may have left in the memory, or give up."""
        for piece in fed:
            self._native.forget(piece.seq, start=self._live[piece.seq].kept)
        if code == ABORTED:
            return  # a cancel came in the middle: the others compute this step again
        cause = "no room in the memory" if code == NO_ROOM else f"llama.cpp cannot decode (code {code})"
        for piece in fed:
            live = self._live[piece.seq]
            self._release(live)
            yield Failed(id=live.job.ask.id, failure=Failure.BROKEN, message=cause)

    def _release(self, live: _Live) -> None:
        """Nothing of a job stays for the next one to find; what it left is overwritten once nobody runs."""
        live.sampler.close()
        self._native.forget(live.seq)
        del self._live[live.seq]
        self._free.append(live.seq)
        self._dirty = self._dirty or live.job.ask.guarded
