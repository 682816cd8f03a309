"""A job -> every string in it, keys and values. A field that somebody adds to the contract is looked at by itself."""

import json
from collections.abc import Iterator
from typing import Any, get_args

from tidegate.job import (
    FunctionCall,
    Hints,
    Job,
    JsonSchema,
    Latency,
    Message,
    Params,
    PromptRef,
    ResponseFormat,
    TextPart,
    ToolCall,
)
from tidegate.signals import Level

MODELS = (Job, Message, TextPart, ToolCall, FunctionCall, PromptRef, Params, ResponseFormat, JsonSchema, Hints)

CONTRACT = frozenset(
    field.alias or name for model in MODELS for name, field in model.model_fields.items() if name != "description"
)
"""Our own field names: no producer's text, so they are not repeated beside the values."""

WORDS = frozenset(
    (
        *get_args(Message.model_fields["role"].annotation),
        *get_args(Latency),
        *map(str, Level),
        *("text", "function", "json_object", "json_schema", "answer", "default"),
    )
)
"""The words that the contract's enumerations allow: harmless wherever they stand, and in every job."""

NUMBERS: Any = {
    "v": True,
    "params": {"max_tokens", "temperature", "seed"},
    "hints": {"deadline_s", "priority"},
}
"""The contract's own numbers. Any other number, as in a schema's `enum`, may be somebody's card."""

MAX_NESTED_JSON_CHARS = 100_000
"""JSON inside a string is opened up to here; it is looked at as plain text in any case."""


def strings(job: Job) -> tuple[str, ...]:
    """Every string of a job, each once: messages, names, calls' arguments, schemas, stops, ids, variables."""
    dumped = job.model_dump(by_alias=True, exclude=NUMBERS)
    return tuple(dict.fromkeys(text for text in _walk(dumped) if text not in WORDS))


def seams(job: Job) -> tuple[str, ...]:
    """The turns glued together where they meet, so that a value split over two messages is whole again.

    Once over all turns, and once over the user's alone when somebody else spoke in between.
    """
    turns = [(turn.role, turn.text.strip()) for turn in job.turns()]
    chains = ([text for _, text in turns], [text for role, text in turns if role == "user"])
    return tuple(dict.fromkeys(_glued(texts) for texts in chains if len(texts) > 1))


SEAM_CHARS = 80
"""How much of either side of a seam is kept: longer than any single value, short enough to cost nothing."""


def _glued(texts: list[str]) -> str:
    return "".join(
        text if len(text) <= 2 * SEAM_CHARS else f"{text[:SEAM_CHARS]}\n\n{text[-SEAM_CHARS:]}" for text in texts
    )


def _walk(value: Any) -> Iterator[str]:
    """Depth first. A key that is not ours stays beside its value: `ssn: 078…` says more than either alone."""
    if isinstance(value, str):
        yield value
        yield from _walk_json(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk_pair(str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _walk(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _walk_pair(key: str, value: Any) -> Iterator[str]:
    if key in CONTRACT:
        yield from _walk(value)
    elif isinstance(value, dict | list | tuple):
        yield key
        yield from _walk(value)
    else:
        yield f"{key}: {value}"
        yield from _walk_json(value)


def _walk_json(value: Any) -> Iterator[str]:
    """What JSON inside a string says once its escapes are undone, as in the arguments of a tool's call."""
    if not isinstance(value, str) or value[:1] not in ("{", "[") or len(value) > MAX_NESTED_JSON_CHARS:
        return
    try:
        inner = json.loads(value)
    except ValueError:
        return
    yield from _walk(inner)
