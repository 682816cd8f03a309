"""Tokens: how long a prompt is for a model, estimated from its characters, and what else a job needs of a lane.

No tokenizer is loaded: every model has another one, and the lane is not chosen yet.
"""

import math
from collections.abc import Sequence

from tidegate.job import Message, Params
from tidegate.signals import Capability

CHARS_PER_TOKEN = 3.0
"""Conservative: OpenAI's rule of thumb is four characters of English a token; code comes to three."""

TOKENS_PER_TURN = 8
"""Role, separators and template marks around a message: OpenAI's recipe counts 3 or 4, ChatML templates up to 8."""

TOKENS_PER_REPLY = 3
"""The marks that open the answer."""


def estimate(messages: Sequence[Message], params: Params, chars_per_token: float = CHARS_PER_TOKEN) -> int:
    """Prompt tokens, rather too many than too few.

    ceil(ASCII characters / chars_per_token + UTF-8 bytes of other characters / 2) + 8 a message + 3. A byte-level BPE
    never makes more tokens than bytes; outside Latin script, vocabularies of 32k to 200k come to 0.3 to 0.5 a byte.
    An image counts as a large one.
    """
    texts = [text for message in messages for text in _texts(message)] + list(_schemas(params))
    length = sum(_weight(text, chars_per_token) for text in texts)
    images = sum(len(message.images) for message in messages)
    return math.ceil(length) + IMAGE_TOKENS * images + TOKENS_PER_TURN * len(messages) + TOKENS_PER_REPLY


def longest(texts: Sequence[str], chars_per_token: float = CHARS_PER_TOKEN) -> int:
    """Of texts that are embedded one by one: the context must hold each, not all."""
    return max(math.ceil(_weight(text, chars_per_token)) for text in texts) + TOKENS_PER_REPLY


def together(texts: Sequence[str], chars_per_token: float = CHARS_PER_TOKEN) -> int:
    """Of texts that are embedded one by one: all of them are paid for."""
    return sum(math.ceil(_weight(text, chars_per_token)) + TOKENS_PER_REPLY for text in texts)


IMAGE_TOKENS = 1600
"""What the largest image comes to at Anthropic, and about what OpenAI's large models make of one."""


LONG_CONTEXT_TOKENS = 30_000
"""From here on a job needs a long context: most models of one's own hold 32k, prompt and answer together."""


def needs(
    messages: Sequence[Message], params: Params, *, length: int = 0, embeds: bool = False
) -> tuple[Capability, ...]:
    """The capabilities without which a lane cannot serve the job; `length` is its estimate in tokens."""
    wants_json = params.response_format is not None and params.response_format.type != "text"
    wants_tools = bool(params.offered) or any(message.tool_calls or message.role == "tool" for message in messages)
    wanted = {
        Capability.JSON: wants_json,
        Capability.TOOLS: wants_tools,
        Capability.VISION: any(message.images for message in messages),
        Capability.LONG_CONTEXT: length > LONG_CONTEXT_TOKENS,
        Capability.EMBEDDINGS: embeds,
    }
    return tuple(capability for capability, is_wanted in wanted.items() if is_wanted)


def _texts(message: Message) -> list[str]:
    calls = message.tool_calls or ()
    return [
        message.text,
        message.name or "",
        *(f"{call.function.name}{call.function.arguments}{call.id}" for call in calls),
    ]


def _schemas(params: Params) -> list[str]:
    """A provider puts the schema and the tools into the prompt, or something of their length."""
    wanted = [params.response_format] if params.response_format else []
    return [part.to_json() for part in (*wanted, *params.tools)]


def _weight(text: str, chars_per_token: float) -> float:
    ascii_chars = sum(map(str.isascii, text)) if not text.isascii() else len(text)
    other_bytes = len(text.encode(errors="replace")) - ascii_chars if ascii_chars < len(text) else 0
    return ascii_chars / chars_per_token + other_bytes / 2
