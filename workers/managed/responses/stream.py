"""A response that comes in pieces: text as it grows, and at its end the whole. Servers' small ways are forgiven."""

import json
from collections.abc import Callable
from typing import Any

from workers.managed.events import Events
from workers.managed.responses.answer import text_of

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
CUT: dict[str, Any] = {"output": [], "status": "cut"}
"""What a stream comes to that broke off: no status that `answer` knows as an end."""


class Stream:
    """Takes a server's events as they come; hands each piece of text on at once."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._events = Events(self._event)
        self._spoke = False
        self._items: list[dict[str, Any]] = []
        self._whole: dict[str, Any] = CUT
        self._error: bytes | None = None

    def feed(self, chunk: bytes) -> None:
        """Some bytes, cut anywhere."""
        self._events.feed(chunk)

    def body(self) -> bytes:
        """The response of the last event, or the error that came within."""
        self._events.end()
        if self._error is not None:
            return self._error
        # Some servers say at the end that it is the end, and leave the items to those who listened.
        items = self._whole.get("output") or (self._items if self._whole is not CUT else [])
        whole = json.dumps({**self._whole, "output": items}).encode()
        if not self._spoke and (text := text_of(whole)):  # asked for pieces, and it said all at the end
            self._on_text(text)
        return whole

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            return
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        kind = said.get("type") if isinstance(said, dict) else None
        if not isinstance(said, dict) or kind == "error" or (kind is None and "error" in said):
            self._error = self._error or _told(said, data)
        elif kind == "response.output_text.delta" and isinstance(said.get("delta"), str) and said["delta"]:
            self._spoke = True
            self._on_text(said["delta"])
        elif kind == "response.output_item.done" and isinstance(said.get("item"), dict):
            self._items.append(said["item"])
        elif kind in ENDS and isinstance(said.get("response"), dict):
            self._whole = said["response"]


def _told(said: Any, data: bytes) -> bytes:
    """An error as a body of status 200 has it; some events carry it in themselves."""
    if isinstance(said, dict) and not isinstance(said.get("error"), dict):
        return json.dumps({"error": {"code": said.get("code"), "message": said.get("message")}}).encode()
    return data or b"{}"
