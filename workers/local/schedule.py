"""Who computes what in the next step: decided in values, from what each sequence still has to feed. Pure.

A step feeds one token of every sequence that writes, and in what room is left pieces of the prompts that are being
read, the most urgent first. So a long prompt never stalls a running answer by more than one step, and a short one is
read at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Waiting(NamedTuple):
    """A job that asks for a sequence."""

    number: int
    cells: int
    """Prompt and answer at most, in tokens."""
    priority: int
    """0 is the most urgent."""
    alone: bool = False
    """Whether it must not share the engine: one that was there when an engine died."""


class Reading(NamedTuple):
    """A sequence and how much of it waits to be fed: one token while it writes, more while its prompt is read."""

    seq: int
    left: int
    priority: int
    writing: bool


class Share(NamedTuple):
    """How many tokens a sequence feeds in a step, and whether they are its last, so that logits are wanted."""

    seq: int
    size: int
    wanted: bool


def step(sequences: Iterable[Reading], *, tokens: int, chunk: int) -> tuple[Share, ...]:
    """The next step: every writer first, then prompts by priority, at most `chunk` tokens of them beside writers."""
    writers = [found for found in sequences if found.writing]
    readers = sorted((found for found in sequences if not found.writing), key=lambda found: found.priority)
    shares = [Share(found.seq, 1, wanted=True) for found in writers[:tokens]]
    room = min(tokens - len(shares), chunk if shares else tokens)
    for found in readers:
        count = min(found.left, room)
        if count <= 0:
            break
        shares.append(Share(found.seq, count, wanted=count == found.left))
        room -= count
    return tuple(shares)


def calls(shares: Iterable[Share], *, mixed_tokens: int) -> Iterator[Sequence[Share]]:
    """The step in parts that are computed one after the other: at most so many tokens of different sequences in each.

    A share that is larger by itself is a part of its own. Why it is split at all says who knows `mixed_tokens`.
    """
    part: list[Share] = []
    for share in shares:
        if part and sum(other.size for other in part) + share.size > mixed_tokens:
            yield part
            part = []
        part.append(share)
    if part:
        yield part


def admitted(waiting: Sequence[Waiting], *, running: int, slots: int, cells: int, alone: bool) -> Waiting | None:
    """The next job to begin: by priority, then in order of arrival; None while the foremost one does not fit.

    Nobody overtakes the foremost for want of room: a large job would else wait for ever behind small ones.
    """
    if not waiting or running >= slots or (alone and running):
        return None
    first = min(waiting, key=lambda job: (job.priority, job.number))
    if first.cells > cells or (first.alone and running):
        return None
    return first
