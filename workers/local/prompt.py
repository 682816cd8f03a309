"""Messages -> tokens, through the model's own chat template.

What a user wrote never acts as a control token: where a text contains the spelling of one (`<|im_end|>`), those
characters are tokenised as plain text. All the rest is tokenised as one piece, as in the model's training.
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import llama_cpp
from jinja2 import TemplateError
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from tidegate.job import Message
from tidegate.tools import Tool
from workers.local import calls
from workers.local.failing import Failing
from workers.local.native import Native
from workers.local.protocol import Failure

_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
_ROLES: Mapping[str, str] = {"developer": "system"}
"""Templates of open models know no `developer`; OpenAI defines it as the newer name of `system`."""


class Prompter:
    """Turns the messages of a job into the tokens that the model was trained on."""

    def __init__(self, native: Native) -> None:
        self._native = native
        self._template = _template(native)
        source = self._template.template
        self.knows_tools = re.search(r"\btools\b", source) is not None
        """Whether the template has a place for tools."""
        self.form = calls.form_of(source)
        """How the model writes calls; None where that is not known."""
        self._control = _control_pattern(native)

    def tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        """The prompt. Raises Failing where the template refuses the messages."""
        disguise = _Disguise(self._control)
        turns = [disguise.cover(_turn(message)) for message in messages]
        offered = [disguise.cover(tool.model_dump(exclude_none=True, mode="json")) for tool in tools]
        try:
            text = self._template(messages=turns, tools=offered or None).prompt
        except (TemplateError, ValueError, TypeError, KeyError):
            # The template's own words may quote a message.
            raise Failing(Failure.BAD_REQUEST, "the model's chat template refuses these messages") from None
        return self._with_bos(list(self._tokenised(disguise.split(text))))

    def spellings(self, marks: Sequence[str]) -> Mapping[int, bytes]:
        """Those of some marks that are single control tokens: such a token is not seen in an answer by itself."""
        found = {mark: self._native.tokens(mark, trusted=True) for mark in marks}
        return {tokens[0]: mark.encode() for mark, tokens in found.items() if len(tokens) == 1}

    def _tokenised(self, pieces: Iterator[tuple[str, bool]]) -> Iterator[int]:
        for text, trusted in pieces:
            if text:
                yield from self._native.tokens(text, trusted=trusted)

    def _with_bos(self, tokens: list[int]) -> list[int]:
        """Most templates write the first token themselves; where one does not, the model says if it wants it."""
        bos = llama_cpp.llama_vocab_bos(self._native.vocab)
        wanted = llama_cpp.llama_vocab_get_add_bos(self._native.vocab) and bos >= 0
        return [bos, *tokens] if wanted and tokens[:1] != [bos] else tokens


class _Disguise:
    """Puts marks that nobody can guess in place of control tokens' spellings, and finds them again."""

    def __init__(self, control: re.Pattern[str] | None) -> None:
        self._control = control
        self._marks: dict[str, str] = {}

    def cover(self, value: Any) -> Any:
        if isinstance(value, str) and self._control is not None:
            return self._control.sub(self._mark, value)
        if isinstance(value, list):
            return [self.cover(item) for item in value]
        if isinstance(value, dict):
            return {self.cover(key): self.cover(item) for key, item in value.items()}
        return value

    def split(self, text: str) -> Iterator[tuple[str, bool]]:
        """Pieces of the rendered prompt, each with whether control tokens may act in it."""
        if not self._marks:
            yield text, True
            return
        for piece in re.split("(" + "|".join(map(re.escape, self._marks)) + ")", text):
            yield self._marks.get(piece, piece), piece not in self._marks

    def _mark(self, match: re.Match[str]) -> str:
        mark = f"x{secrets.token_hex(16)}x"  # of letters and digits alone: a template may write it as JSON
        self._marks[mark] = match.group()
        return mark


def _turn(message: Message) -> dict[str, Any]:
    turn = message.model_dump(exclude_none=True, mode="json")
    for call in turn.get("tool_calls", ()):
        call["function"]["arguments"] = _object(call["function"]["arguments"])
    return turn | {"role": _ROLES.get(message.role, message.role), "content": message.text}


def _object(arguments: str) -> Any:
    """Templates write arguments as JSON themselves; a text that is none stays a text."""
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return found if isinstance(found, dict) else arguments


def _template(native: Native) -> Jinja2ChatFormatter:
    source = llama_cpp.llama_model_chat_template(native.model, None)
    if not source:
        raise Failing(Failure.MODEL_MISSING, "the model has no chat template: a lane needs a chat model")
    eos, bos = llama_cpp.llama_vocab_eos(native.vocab), llama_cpp.llama_vocab_bos(native.vocab)
    try:
        return Jinja2ChatFormatter(source.decode("utf-8", "replace"), _spelling(native, eos), _spelling(native, bos))
    except TemplateError:
        raise Failing(Failure.MODEL_MISSING, "the model's chat template cannot be read") from None


def _control_pattern(native: Native) -> re.Pattern[str] | None:
    """Any spelling of a control token, the longest first."""
    spellings = {
        _spelling(native, token)
        for token in range(native.vocab_size)
        if llama_cpp.llama_vocab_get_attr(native.vocab, token) & _CONTROL
    }
    found = sorted(filter(None, spellings), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, found))) if found else None


def _spelling(native: Native, token: int) -> str:
    if token < 0:
        return ""
    text = llama_cpp.llama_vocab_get_text(native.vocab, token)
    return text.decode("utf-8", "replace") if text else ""
