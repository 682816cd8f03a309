"""The head of a GGUF file: enough to tell what a model is without loading it.

Reads the simple values of the metadata and skips long lists; tensors are llama.cpp's business. A file may come from
anywhere, so each length is checked against what is left of the file before it is used.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES = 10_000
MAX_STRING_BYTES = 4_000_000
"""The longest strings are chat templates, of some 10 kB."""


MAX_NUMBER = 2**40
"""No count of anything in a model is larger: what is, is damage."""

FEW = 1024
"""Lists of one number a layer are read; those of one a word are passed over."""


FILE_TYPES: Mapping[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4", 39: "NVFP4",
}  # fmt: skip
"""`general.file_type` -> the quantisation of most of its tensors."""


class NotGguf(ValueError):
    """Not a GGUF file, or one that was cut; the message says which."""


@dataclass(frozen=True)
class Head:
    """What a GGUF file says about itself."""

    architecture: str
    context_tokens: int | None
    name: str | None
    licence: str | None
    layers: int | None = None
    embedding: int | None = None
    heads: int | None = None
    kv_heads: tuple[int, ...] = ()
    """Of each layer; one number where all layers have the same."""
    key_width: int | None = None
    value_width: int | None = None
    """Numbers that a head keeps of a token; None where they follow from embedding and heads."""
    vocabulary: int | None = None
    file_type: int | None = None
    """llama.cpp's number of the quantisation."""
    template: bool = False
    """Whether it says how a conversation is written."""
    template_tools: bool = False
    """Whether that says how tools are offered."""
    pooling: int | None = None
    """llama.cpp's number of how an embedding model makes one vector of its tokens."""

    @property
    def quantisation(self) -> str | None:
        """As files are named by it."""
        return None if self.file_type is None else FILE_TYPES.get(self.file_type, f"type {self.file_type}")


def read(path: Path) -> Head:
    """Read the head. Raises NotGguf, OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        entries = _Reader(file, size).entries()
    architecture = entries.get("general.architecture")
    if not isinstance(architecture, str):
        raise NotGguf("a GGUF file that names no architecture")
    own = {key.removeprefix(f"{architecture}."): value for key, value in entries.items()}
    template = _text(entries.get("tokenizer.chat_template")) or ""
    return Head(
        architecture=architecture,
        context_tokens=_number(own.get("context_length")),
        name=_text(entries.get("general.name")),
        licence=_text(entries.get("general.license")),
        layers=_number(own.get("block_count")),
        embedding=_number(own.get("embedding_length")),
        heads=_number(own.get("attention.head_count")),
        kv_heads=_numbers(own.get("attention.head_count_kv")),
        key_width=_number(own.get("attention.key_length")),
        value_width=_number(own.get("attention.value_length")),
        vocabulary=_length(entries.get("tokenizer.ggml.tokens")),
        file_type=_count(entries.get("general.file_type")),
        template=bool(template),
        template_tools="tools" in template,
        pooling=_count(own.get("pooling_type")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    """A number above zero; a list that was read counts by its greatest: an estimate must not be too small."""
    found = max(value.numbers, default=0) if isinstance(value, Listed) else value
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < MAX_NUMBER else None


def _count(value: Any) -> int | None:
    """A number that may be zero."""
    return 0 if value == 0 and not isinstance(value, bool) else _number(value)


def _numbers(value: Any) -> tuple[int, ...]:
    numbers = value.numbers if isinstance(value, Listed) else (value,)
    return tuple(n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < MAX_NUMBER)


def _length(value: Any) -> int | None:
    return value.length if isinstance(value, Listed) else None


_STRING, _ARRAY = 8, 9
_SCALARS: Mapping[int, str] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"
}  # fmt: skip
"""GGUF's type number -> how `struct` reads it; all are little-endian."""


class Listed(NamedTuple):
    """A list of the metadata: its length, and its numbers where they are few."""

    length: int
    numbers: tuple[Any, ...] = ()


class _Reader:
    """Reads forward and never beyond the end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def entries(self) -> dict[str, Any]:
        """Each key with its value; a list is Listed."""
        if self._file.read(4) != MAGIC:
            raise NotGguf("not a GGUF file")
        version = self._number("I")
        if version not in VERSIONS:
            raise NotGguf(f"GGUF version {version}; {' and '.join(map(str, VERSIONS))} are read")
        self._number("Q")  # tensors
        count = self._number("Q")
        if count > MAX_ENTRIES:
            raise NotGguf(f"a damaged GGUF file: {count} entries of metadata")
        return {self._string(): self._value(self._number("I")) for _ in range(count)}

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._list()
        return self._unpack(_scalar(kind))

    def _list(self) -> Listed:
        kind, length = self._number("I"), self._number("Q")
        if kind == _STRING:
            for _ in range(length):  # ends with the file at the latest
                self._skip(self._number("Q"))
            return Listed(length)
        form = _scalar(kind)
        if length <= FEW:
            return Listed(length, tuple(self._unpack(form) for _ in range(length)))
        self._skip(length * struct.calcsize("<" + form))
        return Listed(length)

    def _string(self) -> str:
        length = self._number("Q")
        if length > MAX_STRING_BYTES:
            raise NotGguf("a damaged GGUF file: a text of impossible length")
        return self._read(length).decode("utf-8", "replace")

    def _number(self, form: str) -> int:
        return int(self._unpack(form))

    def _unpack(self, form: str) -> Any:
        return struct.unpack("<" + form, self._read(struct.calcsize("<" + form)))[0]

    def _read(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise NotGguf("a GGUF file that was cut")
        return data

    def _skip(self, length: int) -> None:
        if self._file.tell() + length > self._size:
            raise NotGguf("a GGUF file that was cut")
        self._file.seek(length, 1)


def _scalar(kind: int) -> str:
    form = _SCALARS.get(kind)
    if form is None:
        raise NotGguf("a damaged GGUF file: a value of unknown type")
    return form
