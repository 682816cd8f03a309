"""An answer that comes in pieces, put together to the whole that `chat` reads. Servers' small ways are forgiven."""

import json
from collections.abc import Callable
from typing import Any

from workers.managed.events import Events

CUT = "cut"
"""The finish of a stream that broke off: no finish that `chat` knows."""


class Stream:
    """Takes a server's events as they come; hands each piece of text on at once."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._events = Events(self._event)
        self._told: dict[str, list[str]] = {"content": [], "refusal": []}
        self._calls: dict[int, dict[str, str]] = {}
        self._logprobs: list[Any] = []
        self._finish: str | None = None
        self._ended = False
        self._rest: dict[str, Any] = {}
        self._error: bytes | None = None

    def feed(self, chunk: bytes) -> None:
        """Some bytes, cut anywhere."""
        self._events.feed(chunk)

    def body(self) -> bytes:
        """The whole as a server would have said it at once; an error that came within, as it came."""
        self._events.end()
        if self._error is not None:
            return self._error
        message: dict[str, Any] = {name: "".join(told) if told else None for name, told in self._told.items()}
        if self._calls:
            message["tool_calls"] = [
                {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
                for _, call in sorted(self._calls.items())
            ]
        finish = self._finish if self._finish or self._ended else CUT
        choice = {"message": message, "finish_reason": finish, "logprobs": {"content": self._logprobs or None}}
        return json.dumps({**self._rest, "choices": [choice]}).encode()

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self._ended = True
            return
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or "error" in said:
            self._error = self._error or data or b"{}"
            return
        self._rest |= {key: said[key] for key in ("model", "usage") if said.get(key) is not None}
        choices = said.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):  # the last chunk may have none
            self._choice(choices[0])

    def _choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta")
        for name, told in self._told.items():
            text = delta.get(name) if isinstance(delta, dict) else None
            if isinstance(text, str) and text:
                told.append(text)
                if name == "content":
                    self._on_text(text)
        calls = delta.get("tool_calls") if isinstance(delta, dict) else None
        for call in calls if isinstance(calls, list) else ():
            self._called(call)
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            self._logprobs += logprobs["content"]
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]

    def _called(self, delta: Any) -> None:
        """A part of a call: its id and name come whole, mostly once, its arguments in pieces."""
        function = delta.get("function") if isinstance(delta, dict) else None
        if not isinstance(function, dict):
            return
        index = delta.get("index")
        at = index if isinstance(index, int) else max(len(self._calls) - (delta.get("id") is None), 0)
        call = self._calls.setdefault(at, {"id": "", "name": "", "arguments": ""})
        for name, given in (("id", delta.get("id")), ("name", function.get("name"))):
            if isinstance(given, str) and given:
                call[name] = given
        if isinstance(function.get("arguments"), str):
            call["arguments"] += function["arguments"]
