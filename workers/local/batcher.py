"""Continuous batching: many jobs in one context, a step at a time. Jobs come and go between two steps.

Who computes what is decided in `schedule`, what llama.cpp does is in `native`, what a job knows of itself in `work`;
here is what becomes of each job. Whatever is raised on the way ends one job, and its sequence is free again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.result import FinishReason
from workers.local import schedule
from workers.local.failing import Failing
from workers.local.native import ABORTED, NO_ROOM, OK
from workers.local.prefixes import Prefixes
from workers.local.protocol import Done, Failed, Failure, Piece
from workers.local.schedule import Reading, Share, Waiting
from workers.local.scores import Score
from workers.local.stepbatch import Fed
from workers.local.text import Text
from workers.local.work import Live, Prepared

Said = Piece | Done | Failed
"""What a step has to tell the parent; a job's Done or Failed is the last of it."""


class Computes(Protocol):
    """What the batcher needs of `native.Native`; tests give it a model that counts."""

    step_tokens: int
    mixed_tokens: int
    """How many tokens of different sequences it computes well together."""

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]:
        """Compute one step."""

    def score(self, row: int, token: int) -> Score:
        """How likely a token was by a row of the last step."""

    def logits(self, row: int) -> NDArray[np.float32]:
        """The logits of a row of the last step."""

    def forget(self, seq: int, *, start: int = 0) -> bool:
        """Drop a sequence from a position on; whether that can be done."""

    def share(self, source: int, target: int, *, tokens: int) -> None:
        """Let a sequence begin with another's first tokens."""

    def wipe(self) -> None:
        """Overwrite the whole memory."""

    def ends(self, token: int) -> bool:
        """Whether a token ends an answer."""

    def piece(self, token: int) -> bytes:
        """The bytes of a token."""


class Batcher:
    """Runs jobs of one model. Everything belongs to the thread that decodes."""

    def __init__(
        self,
        native: Computes,
        *,
        slots: int,
        cells: int,
        chunk: int,
        prefixes: int = 0,
        confidence: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._native = native
        self._slots = slots
        self._cells = cells
        self._chunk = chunk
        self._confidence = confidence
        self._clock = clock
        self._waiting: dict[int, Prepared] = {}
        self._live: dict[int, Live] = {}
        self._free = list(reversed(range(slots)))
        self._prefixes = Prefixes(range(slots, slots + prefixes))
        self._dirty = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._live

    @property
    def left(self) -> int:
        """Tokens that may still be written."""
        running = sum(live.job.room - live.written for live in self._live.values())
        return running + sum(job.room for job in self._waiting.values())

    def add(self, job: Prepared) -> None:
        """Take a job; it begins when there is room. Raises Failing where there never will be."""
        if job.cells > self._cells:
            raise Failing(Failure.CONTEXT_OVERFLOW, f"{job.cells:,} tokens > {self._cells:,} in the engine's memory")
        self._waiting[job.ask.id] = job

    def cancel(self, number: int) -> Iterator[Failed]:
        """Nobody waits for a job any more: it is gone at once. Nothing where it has ended."""
        return self._drop(number, Failure.CANCELLED, "cancelled")

    def give_up(self, cause: str) -> Iterator[Failed]:
        """A step broke where no single job is to blame: end all who were in it, else all who wait."""
        for number in [live.job.ask.id for live in self._live.values()] or list(self._waiting):
            yield from self._drop(number, Failure.BROKEN, cause)

    def rest(self) -> None:
        """Nobody runs and nobody waits: overwrite what guarded jobs left in the memory; kept beginnings go with it."""
        if self._dirty:
            while self._drop_prefix():
                pass
            self._native.wipe()
            self._dirty = False

    def step(self) -> Iterator[Said]:
        """One step for everybody; what is to be told of it. Take all of it: a step half taken is half done."""
        yield from self._drop_overdue()
        yield from self._admit()
        shares = schedule.step(self._readings(), tokens=self._native.step_tokens, chunk=self._chunk)
        for part in schedule.calls(shares, mixed_tokens=self._native.mixed_tokens):
            yield from self._compute(part)

    def _compute(self, shares: Sequence[Share]) -> Iterator[Said]:
        fed = [self._live[share.seq].share(share.size, wanted=share.wanted) for share in shares]
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

    def _admit(self) -> Iterator[Failed]:
        while (job := self._next()) is not None:
            del self._waiting[job.ask.id]
            try:
                sampler = job.sampler()
            except Exception as exc:  # noqa: BLE001 - one job's grammar must end that job alone
                yield _failed(job.ask.id, exc)
                continue
            seq = self._free.pop()
            self._live[seq] = live = Live(
                job=job, seq=seq, sampler=sampler, text=Text(job.ask.params.stop), todo=list(job.prompt)
            )
            self._borrow(live)

    def _borrow(self, live: Live) -> None:
        """Begin with what another job of the tenant has computed, and see whether it is worth keeping for a third."""
        ask, prompt = live.job.ask, live.job.prompt
        lent = self._prefixes.find(ask.tenant, prompt)
        if lent:
            self._native.share(lent.seq, live.seq, tokens=lent.tokens)
            live.fed(lent.tokens)
        if not ask.guarded:
            live.keep = self._prefixes.worth(ask.tenant, prompt)

    def _keep(self, live: Live) -> None:
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
        return sum(live.job.cells for live in self._live.values())

    def _next(self) -> Prepared | None:
        if not self._waiting or not self._free:
            return None
        waiting = [Waiting(n, job.cells, job.ask.priority, job.ask.alone) for n, job in self._waiting.items()]
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

    def _advance(self, fed: Sequence[Fed], rows: Sequence[int]) -> Iterator[Said]:
        found = iter(rows)
        for part in fed:
            live = self._live[part.seq]
            live.fed(len(part.tokens))
            if part.wanted:
                yield from self._wrote(live, next(found))

    def _wrote(self, live: Live, row: int) -> list[Said]:
        """Pick a token; the job may end with it."""
        try:
            if live.reading and live.keep:
                self._keep(live)
            live.reading = False
            reason = self._picked(live, row)
            if reason is None:
                return [*live.news()]
            live.settle(reason)
            said: list[Said] = [*live.news(ended=True), live.done(reason)]
        except Exception as exc:  # noqa: BLE001 - whatever it is, it ends this job, and the others go on
            said = [_failed(live.job.ask.id, exc)]
        self._release(live)
        return said

    def _picked(self, live: Live, row: int) -> FinishReason | None:
        picked = live.sampler.pick(row)
        if self._confidence or live.chances:
            score = self._native.score(row, picked.token)
            live.weigh(score, picked, logits=lambda: self._native.logits(row))
        return live.take(picked.token, self._native.piece(picked.token), ends=self._native.ends(picked.token))

    def _recover(self, code: int, fed: Sequence[Fed]) -> Iterator[Failed]:
        """After a step that was not finished: take back what it may have left in the memory, or give up."""
        lives = [self._live[part.seq] for part in fed]
        for live in lives:
            if not self._native.forget(live.seq, start=live.kept):
                self._native.forget(live.seq)
                live.rewind()
        if code == ABORTED:
            return  # a cancel came in the middle: the others compute this step again
        if code == NO_ROOM and self._drop_prefix():
            return  # with what was kept for later there is room for those who run
        cause = "no room in the memory" if code == NO_ROOM else f"llama.cpp cannot decode (code {code})"
        for live in lives:
            yield self._failed(live, Failure.BROKEN, cause)

    def _drop_overdue(self) -> Iterator[Failed]:
        now = self._clock()
        jobs = [*self._waiting.values(), *(live.job for live in self._live.values())]
        for number in [job.ask.id for job in jobs if job.until <= now]:
            yield from self._drop(number, Failure.TIMED_OUT, "no answer in time")

    def _drop(self, number: int, failure: Failure, cause: str) -> Iterator[Failed]:
        live = next((live for live in self._live.values() if live.job.ask.id == number), None)
        if live is not None:
            yield self._failed(live, failure, cause)
        elif self._waiting.pop(number, None) is not None:
            yield Failed(id=number, failure=failure, message=cause)

    def _failed(self, live: Live, failure: Failure, cause: str) -> Failed:
        self._release(live)
        return Failed(id=live.job.ask.id, failure=failure, message=cause)

    def _release(self, live: Live) -> None:
        """Nothing of a job stays for the next one to find; what it left is overwritten once nobody runs."""
        del self._live[live.seq]
        self._free.append(live.seq)
        self._dirty = self._dirty or live.job.ask.guarded
        live.sampler.close()
        self._native.forget(live.seq)


def _failed(number: int, error: Exception) -> Failed:
    """What a job is told of an error: of one that nobody foresaw the class only, its words may quote the job."""
    if isinstance(error, Failing):
        return Failed(id=number, failure=error.failure, message=str(error))
    return Failed(id=number, failure=Failure.BROKEN, message=f"the engine failed: {type(error).__name__}")
