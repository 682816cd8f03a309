"""Decoding: the bytes that a text in an encoding's alphabet stands for, and whether what they show reads like text."""

import base64
import re

BLANK = re.compile(r"[\s>]+")
"""What may stand between the lines of an encoding: it is no part of it."""


def from_base64(run: str) -> bytes | None:
    """With and without its padding, in either of its alphabets."""
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except ValueError:
        return None


def from_base32(run: str) -> bytes | None:
    """With and without its padding, in either case."""
    run = run.rstrip("=").upper()
    try:
        return base64.b32decode(run + "=" * (-len(run) % 8))
    except ValueError:
        return None


def from_base58(run: str) -> bytes | None:
    """A short one: addresses and keys of wallets are written so, and the time that it takes grows with its square."""
    if len(run) > _BASE58_CHARS or any(char not in _BASE58 for char in run):
        return None
    number = 0
    for char in run:
        number = number * 58 + _BASE58[char]
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def printable(shown: str) -> bool:
    """Text without control characters."""
    return _PRINTABLE.fullmatch(shown) is not None


def few_signs(shown: str) -> bool:
    """Hardly any of the signs that next to no text has, and that chance gives."""
    return len(_SIGN.findall(shown)) * 6 <= len(shown)


_BASE58 = {char: value for value, char in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BASE58_CHARS = 300
_PRINTABLE = re.compile(r"[\t\n\r\x20-\x7e]+")
_SIGN = re.compile(r"[^A-Za-z0-9 .,@:+'\"\n-]")
