"""How families of models write a call of a tool: a table. What a chat template teaches, its model writes.

To add a family: a row in FORMS, and a reader where no other one fits.
"""

import json
import re
import secrets
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tidegate.job import FunctionCall, ToolCall

ID_CHARS = 9
"""Mistral's templates take ids of nine letters and digits, and no others."""

MAX_CALLS = 16
"""In one answer that is held to calls."""

NAME = "NAME"
"""Where a call's opening has the function's name."""


class Spoken(NamedTuple):
    """An answer taken apart."""

    text: str
    calls: tuple[ToolCall, ...] = ()


class Unreadable(Exception):
    """A call began, and is none."""


Found = Iterator[tuple[str, Any]]
"""Names and arguments, in order. Raises Unreadable, or what `json` raises."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One family's way."""

    taught_by: str
    """What stands in the family's chat templates and in no other."""
    opening: str
    """With what the first call begins. It may be a control token."""
    bare: bool = False
    """Whether a call may come without its opening, as JSON and nothing else."""
    call: tuple[str, str]
    """What stands before a call's arguments, and after."""
    between: str
    around: tuple[str, str] = ("", "")
    """What stands before the first call and after the last."""
    most: int = MAX_CALLS
    read: Callable[[str], Found]
    """Reads all from the opening on."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What stands around calls, and may be control tokens."""
        return (self.opening, *re.findall(r"</?[a-z_]+>|\[[A-Z_]+\]", "".join(self.call)))

    def taken_apart(self, text: str) -> Spoken:
        """The text before the calls, and the calls. Raises Unreadable."""
        at = self._begins(text)
        if at is None:
            return Spoken(text)
        try:
            found = [_call(name, arguments) for name, arguments in self.read(text[at:])]
        except (Unreadable, ValueError, RecursionError, IndexError, AttributeError):
            found = []
        if not found:
            if not text.startswith(self.opening, at):  # JSON, and no call: then it is the answer
                return Spoken(text)
            raise Unreadable
        return Spoken("" if text[:at].isspace() else text[:at], tuple(found))

    def safe(self, text: str) -> int:
        """How much of an answer that still grows is certainly no call."""
        at = self._begins(text)
        if at is None:
            beginnings = range(min(len(self.opening) - 1, len(text)), 0, -1)
            at = len(text) - next((size for size in beginnings if text.endswith(self.opening[:size])), 0)
        return 0 if text[:at].isspace() else at

    def _begins(self, text: str) -> int | None:
        blank = len(text) - len(text.lstrip())
        if self.bare and text.startswith("{", blank):
            return blank
        found = text.find(self.opening)
        return found if found >= 0 else None


def form_of(template: str) -> Form | None:
    """The way of the model that has this chat template; None where it is not known."""
    if "<parameter=" in template:  # calls in tags, without JSON: read by nobody here
        return None
    return next((form for form in FORMS if form.taught_by in template), None)


def _call(name: Any, arguments: Any) -> ToolCall:
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise Unreadable
    written = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(id=_new_id(), function=FunctionCall(name=name, arguments=written))


def _new_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(ID_CHARS))


def _json(text: str) -> tuple[Any, str]:
    """The value at the beginning of a text, and what follows it."""
    text = text.lstrip()
    value, end = json.JSONDecoder().raw_decode(text)
    return value, text[end:].lstrip()


def _named(value: Any) -> tuple[Any, Any]:
    """A call that is an object; some models say `parameters` for `arguments`."""
    return value.get("name"), value.get("arguments", value.get("parameters"))


def _hermes(text: str) -> Found:
    while text:
        if not text.startswith("<tool_call>"):
            raise Unreadable
        value, text = _json(text.removeprefix("<tool_call>"))
        yield _named(value)
        text = text.removeprefix("</tool_call>").lstrip()


def _mistral(text: str) -> Found:
    """A list behind one mark."""
    values, text = _json(text.removeprefix("[TOOL_CALLS]"))
    if text or not isinstance(values, list):
        raise Unreadable
    yield from map(_named, values)


def _mistral_named(text: str) -> Found:
    """A mark, a name, a mark, arguments; again for the next call."""
    while text:
        name, mark, rest = text.removeprefix("[TOOL_CALLS]").partition("[ARGS]")
        if not mark or not text.startswith("[TOOL_CALLS]"):
            raise Unreadable
        arguments, text = _json(rest)
        yield name.strip(), arguments


def _llama(text: str) -> Found:
    """Objects, one after another or with semicolons between them."""
    text = text.removeprefix("<|python_tag|>")
    while text:
        value, text = _json(text)
        yield _named(value)
        text = text.removeprefix(";").lstrip()


def _function_tags(text: str) -> Found:
    while text:
        name, mark, rest = text.removeprefix("<function=").partition(">")
        if not mark or not text.startswith("<function="):
            raise Unreadable
        arguments, rest = _json(rest)
        yield name, arguments
        text = rest.removeprefix("</function>").lstrip()


FORMS: tuple[Form, ...] = (
    # Hermes, Qwen 2.5 and 3, and many who learnt from them
    Form(
        taught_by="<tool_call>",
        opening="<tool_call>",
        call=('<tool_call>\n{"name": "NAME", "arguments": ', "}\n</tool_call>"),
        between="\n",
        read=_hermes,
    ),
    # Mistral since its eleventh tokenizer
    Form(
        taught_by="[ARGS]",
        opening="[TOOL_CALLS]",
        call=("[TOOL_CALLS]NAME[ARGS]", ""),
        between="",
        read=_mistral_named,
    ),
    # Mistral before that
    Form(
        taught_by="[TOOL_CALLS]",
        opening="[TOOL_CALLS]",
        around=("[TOOL_CALLS][", "]"),
        call=('{"name": "NAME", "arguments": ', "}"),
        between=", ",
        read=_mistral,
    ),
    # Functionary for Llama 3.1
    Form(
        taught_by="<function=",
        opening="<function=",
        call=("<function=NAME>", "</function>"),
        between="",
        read=_function_tags,
    ),
    # Llama 3.1 to 3.3
    Form(
        taught_by='"parameters": dictionary',
        opening="<|python_tag|>",
        bare=True,
        call=('{"name": "NAME", "parameters": ', "}"),
        between="",
        most=1,
        read=_llama,
    ),
)
"""The families, each before those whose templates also say what it says."""
