"""A job -> every string in it, keys and values. A field that somebody adds to the contract is looked at by itself.

Coverage is part of the result: what is no text, or lies too deep, is named among the problems.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from tidegate.images import ImagePart, ImageUrl
from tidegate.job import Hints, Job, Latency, Message, Params
from tidegate.signals import Level

WORDS = frozenset(
    (
        *get_args(Message.model_fields["role"].annotation),
        *get_args(Latency),
        *map(str, Level),
        *("text", "function", "json_object", "json_schema", "answer", "default"),
        *("none", "auto", "required", "image_url", "low", "high"),
    )
)
"""The words that the contract's enumerations allow: harmless wherever they stand, and in every job."""

KINDS = frozenset(("text", "function", "json_object", "json_schema", "image_url"))
"""What a part of the contract may say that it is. A new kind, such as a sound, is looked at by nobody yet."""

NUMBERS: Mapping[type[BaseModel], frozenset[str]] = {
    Job: frozenset(("v",)),
    Params: frozenset(
        (
            *("max_tokens", "n", "temperature", "top_p", "top_k", "min_p", "seed", "logit_bias", "stop_tokens"),
            *("frequency_penalty", "presence_penalty", "repeat_penalty", "logprobs", "top_logprobs"),
        )
    ),
    Hints: frozenset(("deadline_s", "priority")),
}
"""The contract's own numbers. Any other number, as in a schema's `enum`, may be somebody's card.

Tokens' numbers (`logit_bias`, `stop_tokens`) are among them: of seven digits at most, and numbers of some vocabulary.
"""

MAX_NESTED_JSON_CHARS = 1_000_000
"""JSON inside a string is opened up to here; it is looked at as plain text in any case."""

MAX_DEPTH = 64
"""Of values in values, and of JSON in strings in JSON."""

SEAM_CHARS = 80
"""How much of either side of a seam is kept: longer than any single value, short enough to cost nothing."""

SHORT_CHARS = 64
"""Fields that hold pieces of a value are short."""


class Walked(NamedTuple):
    """What a job says."""

    strings: tuple[str, ...]
    """Every string, each once: messages, names, calls' arguments, schemas, stops, ids, variables."""
    seams: tuple[str, ...]
    """Turns and fields glued together where they meet, so that a value split over them is whole again."""
    problems: tuple[str, ...]
    """Words for what is there and was not looked at: `binary`, `nesting`, `unknown content`."""
    images: bool = False
    """Whether there are images: nobody can look at those, but a policy may declare them harmless."""


def walk(job: Job) -> Walked:
    """Everything that a job says, in one pass."""
    seen = _Seen()
    seen.model(job, 0)
    turns = _turn_seams(job.messages) if job.messages is not None and len(job.messages) > 1 else ()
    return Walked(
        tuple(dict.fromkeys(text for text in seen.strings if text not in WORDS)),
        tuple(dict.fromkeys((*turns, *seen.seams))),
        tuple(dict.fromkeys(seen.problems)),
        seen.images,
    )


def strings(job: Job) -> tuple[str, ...]:
    """Every string of a job, each once."""
    return walk(job).strings


def seams(job: Job) -> tuple[str, ...]:
    """What a job says across its turns and fields."""
    return walk(job).seams


def problems(job: Job) -> tuple[str, ...]:
    """Words for what a job holds that nobody can look at."""
    return walk(job).problems


@dataclass
class _Seen:
    """What was met so far."""

    strings: list[str] = field(default_factory=list)
    seams: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    images: bool = False

    def model(self, model: BaseModel, depth: int) -> None:
        """A part of the contract: its field names are ours and said nowhere; what is as it was made says nothing."""
        self.images |= isinstance(model, ImagePart)
        if isinstance(model, ImageUrl) and model.embedded:
            return  # no text; an address elsewhere is one, and is looked at
        defaults, numbers = _defaults(type(model)), NUMBERS.get(type(model), _NOTHING)
        for name, value in model.__dict__.items():
            if value is None or value is defaults.get(name) or name in numbers:
                continue
            if name == "type" and value not in KINDS:
                self.problems.append("unknown content")
            self.value(value, depth + 1)
        for name, value in (model.__pydantic_extra__ or {}).items():
            self.pair(name, value, depth + 1)

    def value(self, value: Any, depth: int) -> None:
        """Depth first."""
        if isinstance(value, str):
            self.strings.append(value)
            if value[:1] in _OPENING or value[:1].isspace():  # nearly no text is JSON
                self.nested(value, depth)
        elif value is None or isinstance(value, bool):
            return
        elif isinstance(value, int | float):
            self.strings.append(str(value))
        elif depth > MAX_DEPTH:
            self.problems.append("nesting")
        else:
            self.container(value, depth)

    def container(self, value: Any, depth: int) -> None:
        """What other values are in. Bytes are a sequence of numbers only to Python."""
        if isinstance(value, BaseModel):
            self.model(value, depth)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                self.pair(str(key), inner, depth + 1)
            self.seams.extend(_field_seams(value.items()))
        elif isinstance(value, bytes | bytearray | memoryview):
            self.problems.append("binary")
        elif isinstance(value, Sequence | set | frozenset):
            for inner in value:
                self.value(inner, depth + 1)
            self.seams.extend(_field_seams(("", inner) for inner in value))
        else:
            self.problems.append("unknown content")

    def pair(self, key: str, value: Any, depth: int) -> None:
        """A key stays beside its value: `ssn: 078…` says more than either alone."""
        if _is_leaf(value):
            self.strings.append(f"{key}: {value}")
            if isinstance(value, str):
                self.nested(value, depth)
        else:
            self.strings.append(key)
            self.value(value, depth)

    def nested(self, text: str, depth: int) -> None:
        """What JSON inside a string says once its escapes are undone, as in the arguments of a tool's call."""
        stripped = text.strip() if len(text) <= MAX_NESTED_JSON_CHARS else ""
        if stripped[:1] not in _OPENING or stripped[-1:] not in _CLOSING:
            return
        try:
            inner = json.loads(stripped)
        except RecursionError:
            self.problems.append("nesting")
            return
        except ValueError:
            return
        if not isinstance(inner, str) or inner != text:
            self.value(inner, depth + 1)


_OPENING = ("{", "[", '"')
_CLOSING = ("}", "]", '"')
_NOTHING: frozenset[str] = frozenset()


def _is_leaf(value: Any) -> bool:
    return isinstance(value, str | int | float) or value is None


@lru_cache(maxsize=64)
def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    return {name: described.get_default(call_default_factory=False) for name, described in model.model_fields.items()}


def _turn_seams(turns: Sequence[Message]) -> Iterator[str]:
    """Once over all turns, and once over each role's alone when somebody else spoke in between."""
    said = [(turn.role, turn.text.strip()) for turn in turns]
    roles = dict.fromkeys(role for role, _ in said)
    chains = [[text for _, text in said], *([text for role, text in said if role == one] for one in roles)]
    yield from (_glued(texts) for texts in chains if len(texts) > 1)


def _glued(texts: Iterable[str]) -> str:
    """Nothing stands between the ends that meet, but a blank between digits: those are joined where words say so."""
    glued: list[str] = []
    last = ""
    for text in texts:
        if last.isdigit() and text[:1].isdigit():
            glued.append(" ")
        glued.append(text if len(text) <= 2 * SEAM_CHARS else f"{text[:SEAM_CHARS]}\n\n{text[-SEAM_CHARS:]}")
        last = text[-1:] or last
    return "".join(glued)


def _field_seams(pairs: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """Short fields that stand together, after their keys: `first, second: 4003 2675`."""
    keys: list[str] = []
    values: list[str] = []
    for key, value in (*pairs, ("", ())):
        if _is_leaf(value) and value is not None and not isinstance(value, bool) and len(str(value)) <= SHORT_CHARS:
            keys.append(str(key))
            values.append(str(value))
            continue
        if len(values) > 1:
            yield f"{' '.join(filter(None, keys))}: {_glued(values)}"
            yield from _address(keys, values)
        keys, values = [], []


def _address(keys: Sequence[str], values: Sequence[str]) -> Iterator[str]:
    """An address whose two sides are fields: `{"user": "john.smith", "domain": "acme.com"}`."""
    for (_, local), (key, domain) in zip(
        zip(keys, values, strict=True), list(zip(keys, values, strict=True))[1:], strict=False
    ):
        if any(word in key.lower() for word in _DOMAIN_KEYS) and "@" not in local + domain:
            yield f"{local}@{domain}"


_DOMAIN_KEYS = ("domain", "host", "provider", "server")
