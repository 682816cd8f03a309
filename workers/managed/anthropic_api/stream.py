"""An answer that comes as events, put together to the message that `answer` reads."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.job import Params
from workers.managed.anthropic_api import form
from workers.managed.anthropic_api.request import own_stops
from workers.managed.anthropic_api.stops import Until
from workers.managed.events import Events

CUT = "cut"
"""The stop reason of a stream that broke off: none that `answer` knows."""

NO_MESSAGE = b"{}"


class MessageStream:
    """Takes a server's events as they come; hands each piece of text on at once."""

    def __init__(self, on_text: Callable[[str], None], params: Params, *, by_tool: bool = False) -> None:
        self._on_text = on_text
        self._aside: list[str] | None = [] if by_tool else None
        self._until = Until(on_text, own_stops(params))
        self._answer_tool = form.answer_tool(params) if form.promised_schema(params) is not None else None
        self._answered_by: int | None = None
        self._events = Events(self._event)
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._ended = False
        self._error: bytes | None = None

    def feed(self, chunk: bytes) -> None:
        """Some bytes, cut anywhere."""
        self._events.feed(chunk)

    def body(self) -> bytes:
        """The whole as a server would have said it at once; an error that came within, as it came."""
        self._events.end()
        if self._error is not None or self._message is None:
            return self._error or NO_MESSAGE
        self._tell_aside()
        self._until.end()
        blocks = [block for _, block in sorted(self._blocks.items())]
        limited = self._message.get("stop_reason") == "max_tokens"  # which may well cut a call
        if not self._ended or not (limited or all(map(_is_whole, blocks))):
            self._message["stop_reason"] = CUT
        return json.dumps({**self._message, "content": [_put_together(block) for block in blocks]}).encode()

    def _event(self, data: bytes) -> None:
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or said.get("type") == "error":
            self._error = self._error or data or NO_MESSAGE
            return
        handle = {
            "message_start": self._start,
            "content_block_start": self._block,
            "content_block_delta": self._delta,
            "message_delta": self._end,
            "message_stop": self._stop,
        }.get(str(said.get("type")))
        if handle is not None:  # a ping, a block's end, or what a later version has more
            handle(said)

    def _start(self, said: Mapping[str, Any]) -> None:
        message = said.get("message")
        if isinstance(message, dict):
            self._message = {**message}

    def _block(self, said: Mapping[str, Any]) -> None:
        index, block = said.get("index"), said.get("content_block")
        if isinstance(index, int) and isinstance(block, dict):
            self._blocks[index] = {**block}
            if block.get("type") == "text":
                self._tell(block.get("text"))

    def _delta(self, said: Mapping[str, Any]) -> None:
        block, delta = self._blocks.get(said.get("index", -1)), said.get("delta")
        if block is None or not isinstance(delta, dict):
            return
        text, part = delta.get("text"), delta.get("partial_json")
        if isinstance(text, str) and block.get("type") == "text":
            block["text"] = str(block.get("text") or "") + text
            self._tell(text)
        if isinstance(part, str) and block.get("type") == "tool_use":
            block["written"] = block.get("written", "") + part
            self._tell_answer(said["index"], part)

    def _end(self, said: Mapping[str, Any]) -> None:
        if self._message is None:
            return
        delta, usage = said.get("delta"), said.get("usage")
        if isinstance(delta, dict):
            self._message |= {name: delta[name] for name in ("stop_reason", "stop_sequence") if name in delta}
        if isinstance(usage, dict):  # its counts are of the whole, and those that it leaves out stand
            before = self._message.get("usage")
            told = {name: count for name, count in usage.items() if count is not None}
            self._message["usage"] = {**(before if isinstance(before, dict) else {}), **told}

    def _stop(self, _said: Mapping[str, Any]) -> None:
        self._ended = True

    def _tell_answer(self, index: int, part: str) -> None:
        """The input of the first use of the answer's tool is the answer."""
        if self._answered_by is None and self._blocks[index].get("name") == self._answer_tool:
            self._answered_by = index
        if self._answered_by == index and part:
            self._on_text(part)

    def _tell(self, text: Any) -> None:
        """Where a tool takes the answer, what is said beside it is none; where it is not used, that is the answer."""
        if isinstance(text, str) and text and self._aside is not None:
            self._aside.append(text)
        elif isinstance(text, str) and text:
            self._until.feed(text)

    def _tell_aside(self) -> None:
        for text in self._aside or () if self._answered_by is None else ():
            self._until.feed(text)


def _is_whole(block: Mapping[str, Any]) -> bool:
    return not block.get("written") or isinstance(_input(block), dict)


def _put_together(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block with its input; `answer` takes no call that was cut."""
    written = block.get("written")
    if not written:
        return {name: value for name, value in block.items() if name != "written"}
    return {**block, "input": _input(block) if _is_whole(block) else {}}


def _input(block: Mapping[str, Any]) -> Any:
    try:
        return json.loads(block["written"])
    except (ValueError, RecursionError):
        return None
