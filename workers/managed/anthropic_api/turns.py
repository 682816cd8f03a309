"""A job's messages as Anthropic's turns: the system's words apart, user and assistant by turns, results behind calls.

No text is lost and none changes its order among its own kind; what has nothing to say is left out, since Anthropic
refuses it. Pure.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Any

from tidegate.errors import BadRequest
from tidegate.images import ImagePart
from tidegate.job import Message, ToolCall

Block = dict[str, Any]
Turn = dict[str, Any]

SYSTEM = frozenset({"system", "developer"})
OPENING: Block = {"type": "text", "text": "…"}
"""What the user says where nobody spoke first: Anthropic wants a user who does."""

_NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")


def system(messages: Sequence[Message]) -> list[Block]:
    """What the system says, wherever in the conversation it says so."""
    return [block for message in messages if message.role in SYSTEM for block in _said(message)]


def turns(messages: Sequence[Message]) -> list[Turn]:
    """The conversation. Raises BadRequest for one that Anthropic would refuse, with the place."""
    joined: list[Turn] = []
    calls = _Calls()
    for index, message in enumerate(messages):
        if message.role in SYSTEM:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message, index, calls)
        if blocks and joined and joined[-1]["role"] == role:
            joined[-1]["content"] += blocks
        elif blocks:
            joined.append({"role": role, "content": blocks})
    calls.end()
    if not joined or joined[0]["role"] == "assistant":
        joined.insert(0, {"role": "user", "content": [OPENING]})
    for turn in joined:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")  # stable: results go first, as they must
    return [*joined[:-1], _ended(joined[-1])]


def called(messages: Iterable[Message]) -> frozenset[str]:
    """The names of the tools that were called so far."""
    return frozenset(clean(call.function.name) for message in messages for call in message.tool_calls or ())


def clean(name: str) -> str:
    """A name or an id of the characters that Anthropic takes; the same for the same."""
    return _NOT_IN_AN_ID.sub("_", name)[:64] or "_"


class _Calls:
    """Each call has its one result before the assistant speaks again, and each result its call.

    Servers that give no ids make some models count from nought in each turn: an id that was used gets another one.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._waiting: dict[str, tuple[str, str]] = {}
        """A call's own id -> its id at Anthropic, and its place."""

    def made(self, message: Message, index: int) -> list[str]:
        """The ids of an assistant's calls."""
        self.end()
        made = message.tool_calls or ()
        for at, call in enumerate(made):
            self._waiting[call.id] = (self._fresh(clean(call.id)), f"messages[{index}].tool_calls[{at}]")
        if len(self._waiting) < len(made):
            raise BadRequest(f"messages[{index}].tool_calls: two calls have the same id")
        return [one for one, _ in self._waiting.values()]

    def answered(self, message: Message, index: int) -> str:
        """The id of the call that a result is of."""
        found = self._waiting.pop(message.tool_call_id or "", None)
        if found is None:
            raise BadRequest(f"messages[{index}].tool_call_id: no call before it has this id, or it was answered")
        return found[0]

    def end(self) -> None:
        """No result may be missing."""
        for _, place in self._waiting.values():
            raise BadRequest(f"{place}: no message of role tool answers this call")

    def _fresh(self, wanted: str) -> str:
        fresh = next(one for one in chain((wanted,), (f"{wanted[:56]}_{n}" for n in count(2))) if one not in self._used)
        self._used.add(fresh)
        return fresh


def _blocks(message: Message, index: int, calls: _Calls) -> list[Block]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": calls.answered(message, index)}
        return [{**result, "content": said} if (said := _said(message)) else result]
    if message.role == "user":
        return _said(message)
    ids = calls.made(message, index)
    made = zip(message.tool_calls or (), ids, strict=True)
    return [
        *_said(message),
        *(_call(call, one, f"messages[{index}].tool_calls[{at}]") for at, (call, one) in enumerate(made)),
    ]


def _said(message: Message) -> list[Block]:
    """Its text and images. White space alone is nothing: Anthropic refuses it."""
    content = message.content
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content and not content.isspace() else []
    return [
        _image(part.image_url.url) if isinstance(part, ImagePart) else {"type": "text", "text": part.text}
        for part in content
        if isinstance(part, ImagePart) or (part.text and not part.text.isspace())
    ]


def _image(url: str) -> Block:
    """An image that is here, or an address that Anthropic fetches from."""
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def _call(call: ToolCall, call_id: str, place: str) -> Block:
    return {
        "type": "tool_use",
        "id": call_id,
        "name": clean(call.function.name),
        "input": _arguments(call.function.arguments, place),
    }


def _arguments(text: str, place: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()  # half a character is none that can be sent
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadRequest(f"{place}.function.arguments: this provider wants a JSON object")
    return value


def _ended(last: Turn) -> Turn:
    """The last turn. An assistant's is continued, and must not end in white space."""
    texts = [block for block in last["content"] if block["type"] == "text"]
    if last["role"] == "user" or not texts:
        return last
    cut = {**texts[-1], "text": texts[-1]["text"].rstrip()}
    return {**last, "content": [cut if block is texts[-1] else block for block in last["content"]]}
