"""Bytes that an encoding gave -> the text in them, through archives, to a bound."""

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

MAX_UNPACKED_BYTES = 2_000_000
"""What an archive may give. More is a bomb, or a book: a problem either way."""

MAX_LAYERS = 3


class Packed(NamedTuple):
    """What bytes hold: text, or a word for why nobody can say, or neither where they may be no bytes at all."""

    text: str | None
    problem: str = ""


class _Unpacker(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def text_of(data: bytes, *, layers: int = 0, raw: bool = False) -> Packed:
    """The text that bytes are, or that the archive that they are holds; also a `raw` one, without a header."""
    for magic, kind in _MAGIC:
        if magic.match(data):
            return _unpacked(data, kind, layers) if kind in _UNPACKERS else Packed(None, f"{kind}: binary")
    text = _clean(data)
    return Packed(_inflated(data) if text is None and raw else text)


def _inflated(data: bytes) -> str | None:
    """Deflate without a header: only what comes out to the end, and as text, was that."""
    unpacker = zlib.decompressobj(-15)
    try:
        inner = unpacker.decompress(data, MAX_UNPACKED_BYTES)
    except zlib.error:
        return None
    return _clean(inner) if unpacker.eof else None


def _unpacked(data: bytes, kind: str, layers: int) -> Packed:
    try:
        inner = _UNPACKERS[kind]().decompress(data, MAX_UNPACKED_BYTES + 1)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        # Two bytes of a header turn up by chance, too: then these are no archive.
        return Packed(_clean(data)) if kind == "zlib" else Packed(None, "undecodable")
    if len(inner) > MAX_UNPACKED_BYTES:
        return Packed(None, "too large")
    if layers >= MAX_LAYERS:
        return Packed(None, "nesting")
    found = text_of(inner, layers=layers + 1)
    return found if found.text is not None or found.problem else Packed(None, "binary")


def _clean(data: bytes) -> str | None:
    """Text without control characters, in UTF-8 or in UTF-16."""
    if len(data) >= _MIN_UTF16_BYTES and data[:64].count(0) * 3 >= len(data[:64]):
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    elif data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        encoding = "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return text if text and not _CONTROL.search(text) and _mostly_plain(text) else None


_MIN_UTF16_BYTES = 8
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]")
_SHORT_BYTES = 24


def _mostly_plain(text: str) -> bool:
    """A few random bytes may happen to be UTF-8; then they are a mix of scripts, without words."""
    return text.isascii() or len(text.encode()) >= _SHORT_BYTES or sum(map(str.isascii, text)) * 2 >= len(text)


_MAGIC = tuple(
    (re.compile(magic, re.DOTALL), kind)
    for magic, kind in (
        (rb"\x1f\x8b\x08", "gzip"),
        (rb"\x78[\x01\x5e\x9c\xda]", "zlib"),
        (rb"BZh[1-9]1AY", "bzip2"),
        (rb"\xfd7zXZ\x00", "xz"),
        (rb"PK\x03\x04|7z\xbc\xaf|Rar!\x1a", "archive"),
        (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\x00\x00|II\*\x00|MM\x00\*", "image"),
        (rb"%PDF-|\xd0\xcf\x11\xe0", "document"),
        (rb"ID3[\x02-\x04]|OggS\x00|fLaC\x00|RIFF....WAVE", "audio"),
        (rb"....ftyp|\x1aE\xdf\xa3", "video"),
        (rb"\x7fELF|MZ\x90\x00|\x00asm", "program"),
    )
)
_UNPACKERS: Mapping[str, Callable[[], _Unpacker]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zlib": lambda: zlib.decompressobj(15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
