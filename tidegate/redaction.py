"""Placeholders: what stands in a redacted copy for a value, and how values come back into an answer. Pure.

The router makes them (`router/redaction`); whoever reads a result puts the values back, whole or chunk by chunk. Models
do not copy exactly: they change the case, drop or escape brackets, and write blanks for underscores.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tidegate.job import FunctionCall, ToolCall
from tidegate.result import JobResult
from tidegate.value import Value

MAX_VALUES = 100_000
"""A bound on numbers in placeholders, so that one's length is bounded too."""

_DIGITS = len(str(MAX_VALUES))

PlaceholderName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*_[0-9]{1,6}[A-Z]?$")]
"""`PERSON_1`; a letter stands for another form of the same value: `PERSON_1A` is a part of that person's name."""


class Placeholders(Value):
    """The values that placeholders stand for. It is sealed for the inside and never logged."""

    v: Literal[1] = 1
    values: dict[PlaceholderName, str] = {}

    def __repr__(self) -> str:
        return f"Placeholders({len(self.values)} values)"  # a repr ends up in logs

    __str__ = __repr__


@dataclass(frozen=True, kw_only=True)
class Restored:
    """A text with its values, how many came back, and the placeholders that stand for nothing."""

    text: str
    count: int
    unknown: tuple[str, ...] = ()


def bracketed(name: str) -> str:
    """A placeholder as it stands in prose: `[PERSON_1]`."""
    return f"[{name}]"


def restore(text: str, placeholders: Placeholders) -> Restored:
    """Put the values back into a whole answer; where it is JSON, so that it stays JSON."""
    restorer = Restorer(placeholders, in_json=_is_json(text))
    whole = restorer.feed(text) + restorer.close()
    return Restored(text=whole, count=restorer.count, unknown=restorer.unknown)


def restored_result(result: JobResult, placeholders: Placeholders) -> JobResult:
    """A result whose text and calls have their values, and that says how many came back."""
    parts = [result.text]
    for call in result.tool_calls:
        parts += [call.function.name, call.function.arguments]
    found = [restore(part, placeholders) for part in parts]
    told = iter(found[1:])
    calls = tuple(_restored_call(call, name=next(told), arguments=next(told)) for call in result.tool_calls)
    return result.model_copy(
        update={
            "text": found[0].text,
            "tool_calls": calls,
            "restored": sum(part.count for part in found),
            "unknown_placeholders": tuple(dict.fromkeys(name for part in found for name in part.unknown)),
        }
    )


def _restored_call(call: ToolCall, *, name: Restored, arguments: Restored) -> ToolCall:
    function = FunctionCall(name=name.text, arguments=arguments.text)
    return call.model_copy(update={"function": function})


class Restorer:
    """Puts values back into an answer that comes in chunks. However it is cut, the whole is the same.

    What could still become a placeholder is held back: never more than one placeholder's length.
    """

    def __init__(self, placeholders: Placeholders, *, in_json: bool = False) -> None:
        self.count = 0
        """Placeholders that got their values back so far."""
        self._values = placeholders.values
        self._written: Callable[[str], str] = _in_json if in_json else str
        self._unknown: dict[str, None] = {}
        self._forms = _Forms(placeholders.values)
        self._before = ""
        self._held = ""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Placeholders that stand for nothing, each once: a model made them up."""
        return tuple(self._unknown)

    @property
    def held(self) -> str:
        """What is held back, as it came."""
        return self._held

    def feed(self, chunk: str) -> str:
        """The next part of the answer: as much of it as is certain."""
        return self._told(self._held + chunk, closed=False)

    def close(self) -> str:
        """The rest: nothing more comes."""
        return self._told(self._held, closed=True)

    def _told(self, text: str, *, closed: bool) -> str:
        # What was told already is looked at, too: whether a word begins here depends on what stands before it.
        whole, at = self._before + text, len(self._before)
        end = len(whole) if closed else self._forms.certain(whole, at)
        parts: list[str] = []
        for match in self._forms.pattern.finditer(whole, at):
            if match.start() >= end:
                break
            parts += (whole[at : match.start()], self._replaced(match))
            at = match.end()
        end = max(at, end)
        parts.append(whole[at:end])
        self._before, self._held = whole[:end][-_LOOK_BACK:], whole[end:]
        return "".join(parts)

    def _replaced(self, match: re.Match[str]) -> str:
        last = match.lastindex or 0
        name = _name(match[last - 2], match[last - 1], match[last])
        value = self._values.get(name)
        if value is None:
            if last <= _GROUPS * len(_BRACKETS):  # without brackets it may be anything: a column of a table, say
                self._unknown[name] = None
            return match[0]
        self.count += 1
        return self._written(value)


_BRACKETS = (("[", "]"), ("{", "}"), ("<", ">"), ("【", "】"))
"""What models put around a placeholder. Of a pair both are taken away, and never one alone."""

_GROUPS = 4
"""For each form: the backslashes before the bracket, the type, the number, the letter."""

_LOOK_BACK = 2
"""Characters before a word that tell whether it begins there."""

_ESCAPES = r"\\{0,2}"
_NOISE = re.compile(r"[\\_ \-\[\]{}<>【】]")
_NUMBER = re.compile(rf"[0-9]{{0,{_DIGITS}}}[A-Z]?")


class _Forms:
    """The ways in which placeholders of some types may be written."""

    def __init__(self, names: Iterable[str]) -> None:
        types = sorted({name.rpartition("_")[0] for name in names}, key=lambda one: (-len(one), one))
        self.pattern = re.compile(_forms(types), re.IGNORECASE | re.ASCII)
        self._squeezed = tuple(one.replace("_", "") for one in types)
        # Each underscore with two backslashes, brackets with two and a blank each, and the character after it all.
        self._longest = max((len(one) + 2 * one.count("_") for one in types), default=0) + 3 + _DIGITS + 1 + 8 + 1

    def certain(self, text: str, start: int) -> int:
        """Up to where nothing that comes can change what is a placeholder."""
        first = max(start, len(text) - self._longest)
        return next((at for at in range(first, len(text)) if self._may_begin(text[at:])), len(text))

    def _may_begin(self, tail: str) -> bool:
        """Whether this could be the start of a placeholder, or a whole one of which more may follow."""
        if not (tail[0].isalpha() or tail[0] in "\\[{<【"):
            return False
        letters = _NOISE.sub("", tail).upper()
        return any(
            one.startswith(letters) or (letters.startswith(one) and _NUMBER.fullmatch(letters, len(one)) is not None)
            for one in self._squeezed
        )


def _forms(types: list[str]) -> str:
    """One pattern: each pair of brackets with what may stand between them, and the bare word."""
    if not types:
        return r"(?!)"
    loose = rf"(?:{_ESCAPES}_|[ -])"  # between brackets nothing else can be meant, so a blank will do
    strict = rf"{_ESCAPES}_"
    forms = [
        rf"({_ESCAPES}){re.escape(left)} ?{_word(types, loose)} ?\{_GROUPS * index + 1}{re.escape(right)}"
        for index, (left, right) in enumerate(_BRACKETS)
    ]
    # In JSON a line's end is written as two characters, of which the second is a letter.
    begins = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
    return "|".join((*forms, rf"(){begins}{_word(types, strict)}(?![A-Za-z0-9])"))


def _word(types: list[str], separator: str) -> str:
    """Type, number, letter."""
    named = "|".join(separator.join(map(re.escape, one.split("_"))) for one in types)
    return rf"({named}){separator}([0-9]{{1,{_DIGITS}}})([A-Z]?)"


def _name(kind: str, number: str, letter: str) -> str:
    """A placeholder's name, however it was written."""
    words = re.sub(r"[\\_ -]+", "_", kind)
    return f"{words}_{int(number)}{letter}".upper()


def _in_json(value: str) -> str:
    """A value as it stands inside a JSON string."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _is_json(text: str) -> bool:
    """Whether a whole answer is JSON, be it in a fence."""
    body = text.strip()
    if body.startswith("```") and body.endswith("```"):
        body = body.strip("`").partition("\n")[2].strip()
    if body[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
