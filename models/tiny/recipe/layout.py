"""Where instruction and text of a job stand in the messages: decided here once, for all jobs."""

from dataclasses import dataclass
from random import Random

from models.tiny.recipe.chat import Message
from models.tiny.recipe.grammar import chance

_SYSTEM_LINES = (
    "You are a helpful assistant.", "You are a helpful assistant.", "You are a support assistant.",
    "Answer briefly.", "Be concise.",
    "You work for a clinic.", "You work for a bank.", "You help the customers of a web shop.",
    "You help a software team.",
    "You are the assistant of a clinic. Be brief.", "You answer customers of a bank.",
    "Follow the instructions exactly.",
    "You process jobs from a queue.", "You are a precise assistant. Return only the answer.",
    "Do not explain your answer.",
)  # fmt: skip
_INSTRUCTION_FIRST = ("{job}\n{text}", "{job}\n{text}", "{job}\n{text}", "{job}\n\n{text}", "{job} {text}",
                      '{job}\n"{text}"', "{job}\n{noun}: {text}",
                      "{job}\n\n{noun}: {text}", "{job}\n\n{noun}:\n{text}", '{job} "{text}"')  # fmt: skip
_TEXT_FIRST = ("{text}\n\n{job}", "{noun}: {text}\n\n{job}", "{noun}: {text}\n{job}", '"{text}"\n{job}')
# An instruction that ends in a full stop may as well end in a colon before its text.
_COLON_SHARE = 0.3


@dataclass(frozen=True)
class Job:
    """An instruction over a text. `nouns` are what a backend may call the text, as in `Review: ...`."""

    instruction: str
    text: str
    answer: str
    nouns: tuple[str, ...]


def messages_of(job: Job, rng: Random) -> tuple[Message, ...]:
    """Usually one user message; sometimes the instruction stands in the system message, as backends like to do."""
    draw = rng.random()
    if draw < 0.12:
        return (Message("system", job.instruction), Message("user", _quoted("{text}", job, rng)))
    if draw < 0.24:
        return with_system((Message("user", _laid_out(rng.choice(_TEXT_FIRST), job, rng)),), rng)
    shape = rng.choice(_INSTRUCTION_FIRST)
    if job.instruction.endswith(".") and chance(rng, _COLON_SHARE):
        job = Job(instruction=job.instruction[:-1] + ":", text=job.text, answer=job.answer, nouns=job.nouns)
    return with_system((Message("user", _laid_out(shape, job, rng)),), rng)


def with_system(messages: tuple[Message, ...], rng: Random) -> tuple[Message, ...]:
    """The messages, one time in five behind a system message that says nothing about the job."""
    return (Message("system", rng.choice(_SYSTEM_LINES)), *messages) if chance(rng, 0.2) else messages


def _quoted(shape: str, job: Job, rng: Random) -> str:
    return _laid_out(f"{{noun}}: {shape}" if chance(rng, 0.25) else shape, job, rng)


def _laid_out(shape: str, job: Job, rng: Random) -> str:
    """Put the parts in place without looking inside them: a text may contain braces."""
    parts = {"{job}": job.instruction, "{text}": job.text, "{noun}": rng.choice(job.nouns)}
    pieces = [shape]
    for mark, part in parts.items():
        pieces = [piece for old in pieces for piece in _split_around(old, mark, part)]
    return "".join(pieces)


def _split_around(piece: str, mark: str, part: str) -> tuple[str, ...]:
    before, found, after = piece.partition(mark)
    return (before, part, after) if found else (piece,)
