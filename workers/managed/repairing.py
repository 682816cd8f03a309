"""One attempt to mend an answer that breaks its promised form: first without a call, then with one.

The second call goes to the same lane, with the job's own messages, the broken answer and the place where it is broken.
It takes what is left of the run's time, and its tokens are counted beside the first one's.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tidegate.errors import RunError
from tidegate.job import Message
from tidegate.lane import Lane
from tidegate.result import Answer, Usage
from workers.backend import Run
from workers.managed import promise
from workers.managed.acceptable import passed
from workers.managed.promise import Broken
from workers.managed.unwrapping import unwrapped

LEAST_S = 1.0
"""With less time left nobody is asked again."""

WANTED_CHARS = 200
"""What a keyword wants is told up to this length."""

Ask = Callable[[Run], Answer]


@dataclass(frozen=True, kw_only=True)
class Repairing:
    """How a lane's answers are held to their form."""

    lane: Lane
    ask: Ask
    """One call, and its answer as it came. Raises a RunError."""
    clock: Callable[[], float] = field(default=time.monotonic)

    def answered(self, run: Run, *, told: bool = False) -> Answer:
        """An answer in its promised form. `told`: its text was handed on already, so that it stays as it came."""
        promise.check(run.params)  # before anybody is paid
        until = self.clock() + run.timeout_s
        first = passed(self.ask(run), run, self.lane)
        if told:
            return as_it_came(first, run)
        mended = _without_wrapping(first, run)
        broken = promise.broken(mended, run.params)
        if broken is None:
            return mended
        left_s = until - self.clock()
        if not self.lane.repair or first.finish_reason == "length" or left_s < LEAST_S:
            raise broken.error(first.usage)
        return self._second(run, first, broken, left_s=left_s)

    def _second(self, run: Run, first: Answer, broken: Broken, *, left_s: float) -> Answer:
        try:
            second = passed(self.ask(asking_again(run, first, broken, timeout_s=left_s)), run, self.lane)
        except RunError:
            raise broken.error(first.usage) from None  # the first answer's verdict: it is what the job came to
        usage = added(first.usage, second.usage)
        second = _without_wrapping(second, run)
        if (still := promise.broken(second, run.params)) is not None:
            raise still.error(usage)
        return second.model_copy(update={"usage": usage, "repaired": "asked_again"})


def without_asking(answer: Answer, run: Run, lane: Lane) -> Answer:
    """The same where there is no second call. Raises a RunError."""
    return as_it_came(_without_wrapping(passed(answer, run, lane), run), run)


def as_it_came(answer: Answer, run: Run) -> Answer:
    """The answer, where it keeps its form. Raises SchemaInvalid."""
    broken = promise.broken(answer, run.params)
    if broken is not None:
        raise broken.error(answer.usage)
    return answer


def asking_again(run: Run, first: Answer, broken: Broken, *, timeout_s: float) -> Run:
    """The second call: another name for providers that answer one name once, and the same in all else."""
    if first.tool_calls:
        said = Message(role="assistant", content=first.text or None, tool_calls=first.tool_calls)
        turns = [Message(role="tool", tool_call_id=call.id, content=_told(broken)) for call in first.tool_calls]
    else:
        said = Message(role="assistant", content=first.text or "(nothing)")
        turns = [Message(role="user", content=_told(broken))]
    messages = (*run.messages, said, *turns)
    return replace(run, job_id=f"{run.job_id}-repair", messages=messages, timeout_s=timeout_s, another=None)


def added(one: Usage, other: Usage) -> Usage:
    """The tokens of both; not known where either is not."""
    if Usage() in (one, other):
        return Usage()
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in Usage.model_fields})


def _told(broken: Broken) -> str:
    """What was wrong, for the model that wrote it, and no more."""
    if broken.misfit is None:
        return f"That was not accepted: {broken.cause}. Answer again, in the promised form and with nothing around it."
    wanted = json.dumps(broken.misfit.wanted, ensure_ascii=False, default=str)
    should = f" ({wanted})" if len(wanted) <= WANTED_CHARS else ""
    return (
        f"That breaks the promised JSON schema at {broken.misfit.path}: {broken.misfit.keyword}{should}. "
        "Answer again with all of it, corrected, and with nothing around it."
    )


def _without_wrapping(answer: Answer, run: Run) -> Answer:
    """The JSON alone, where JSON was promised and something stands around it."""
    if answer.tool_calls or not promise.is_json(run.params) or promise.parses(answer.text):
        return answer
    inner = unwrapped(answer.text)
    return answer if inner is None else answer.model_copy(update={"text": inner, "repaired": "unwrapped"})
