"""Ways to hide a value from whoever reads a text, and all that the readings make of one."""

import base64
import codecs
import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.views import View, views

EMAIL, CARD, SSN = "john.smith42@acme.io", "4003267533424895", "823-76-4984"
PHONE = "(977) 555-3205"


def read(text: str) -> list[View]:
    """All views, whatever could not be read."""
    found: list[View] = []
    with suppress(GaveUpError):
        found.extend(views(text))
    return found


def each(shape: Callable[[str], str], by: str = "") -> Callable[[str], str]:
    """Disguise every character by itself."""
    return lambda value: by.join(map(shape, value))


def spell(value: str) -> str:
    """Digits in words."""
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return " ".join(words[int(char)] for char in value if char.isdigit())


def shifted(value: str, by: int) -> str:
    """Every character of a row of lookalikes further on."""
    return "".join(chr(ord(char) + by) for char in value)


DISGUISES: dict[str, tuple[str, Callable[[str], str]]] = {
    "zero width": (EMAIL, "\u200b".join),
    "soft hyphen": (CARD, "\u00ad".join),
    "control characters": (SSN, "\x00".join),
    "terminal colours": (CARD, "\x1b[0m".join),
    "full width": (EMAIL, lambda value: shifted(value, 0xFEE0)),
    "tags": (EMAIL, lambda value: shifted(value, 0xE0000)),
    "variation selectors": (SSN, lambda value: "x" + "".join(chr(0xE0100 + ord(char) - 16) for char in value)),
    "struck out": (EMAIL, each(lambda char: char + "\u0336\u0301")),
    "mathematical": (CARD, each(lambda char: chr(0x1D7CE + int(char)))),
    "circled": (CARD, each(lambda char: "\u24ea\u2776\u2777\u2778\u2779\u277a\u277b\u277c\u277d\u277e"[int(char)])),
    "keycaps": (CARD, each(lambda char: f"{char}\ufe0f\u20e3")),
    "Arabic digits": (SSN, lambda value: value.translate({48 + n: 0x660 + n for n in range(10)})),
    "Cyrillic": (EMAIL, lambda value: value.translate(str.maketrans("aeoc", "\u0430\u0435\u043e\u0441"))),
    "small capitals": (EMAIL, lambda value: value.translate(str.maketrans("johnm", "\u1d0a\u1d0f\u029c\u0274\u1d0d"))),
    "regional indicators": (
        EMAIL,
        each(lambda char: chr(0x1F1E6 + ord(char.lower()) - 97) if char.isalpha() else char),
    ),
    "upside down": (
        "contact.me",
        lambda value: value.translate(str.maketrans("cnatme", "\u0254u\u0250\u0287\u026f\u01dd"))[::-1],
    ),
    "Han": (CARD, each(lambda char: "\u3007\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d"[int(char)])),
    "braille": (CARD, each(lambda char: "\u281a\u2801\u2803\u2809\u2819\u2811\u280b\u281b\u2813\u280a"[int(char)])),
    "Roman": (SSN, lambda value: value.translate({48: "N", **{48 + n: 0x2160 + n - 1 for n in range(1, 10)}})),
    "percent": (EMAIL, each(lambda char: f"%{ord(char):02X}")),
    "percent, twice": (EMAIL, each(lambda char: f"%25{ord(char):02x}")),
    "entities": (EMAIL, each(lambda char: f"&#{ord(char)};")),
    "hexadecimal entities": (EMAIL, each(lambda char: f"&#x{ord(char):x};")),
    "named entities": (EMAIL, lambda value: value.replace("@", "&commat;").replace(".", "&period;")),
    "\\u": (EMAIL, each(lambda char: f"\\u{ord(char):04x}")),
    "\\u{}": (EMAIL, each(lambda char: f"\\u{{{ord(char):x}}}")),
    "\\x": (EMAIL, each(lambda char: f"\\x{ord(char):02x}")),
    "octal": (EMAIL, each(lambda char: f"\\{ord(char):03o}")),
    "css": (EMAIL, each(lambda char: f"\\{ord(char):x} ")),
    "\\N": (CARD, each(lambda char: f"\\N{{DIGIT {spell(char).upper()}}}")),
    "code points": (EMAIL, each(lambda char: f"U+{ord(char):04X}", " ")),
    "quoted printable": (EMAIL, each(lambda char: f"={ord(char):02X}")),
    "utf-7": (EMAIL, lambda value: f"+{base64.b64encode(value.encode('utf-16-be')).decode().rstrip('=')}-"),
    "base64": (EMAIL, lambda value: base64.b64encode(value.encode()).decode()),
    "base64 for URLs": (EMAIL, lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")),
    "base64, twice": (EMAIL, lambda value: base64.b64encode(base64.b64encode(value.encode())).decode()),
    "base64 in fours": (
        CARD,
        lambda value: " ".join(base64.b64encode(value.encode()).decode()[n : n + 4] for n in range(0, 24, 4)),
    ),
    "base64, backwards": (EMAIL, lambda value: base64.b64encode(value.encode()).decode()[::-1]),
    "base64 of UTF-16": (EMAIL, lambda value: base64.b64encode(value.encode("utf-16-le")).decode()),
    "gzip": (EMAIL, lambda value: base64.b64encode(gzip.compress(f"write to {value} now".encode())).decode()),
    "zlib in hex": (EMAIL, lambda value: zlib.compress(f"write to {value} now".encode()).hex()),
    "base32": (EMAIL, lambda value: base64.b32encode(value.encode()).decode()),
    "base85": (EMAIL, lambda value: base64.a85encode(value.encode(), adobe=True).decode()),
    "hex": (EMAIL, lambda value: value.encode().hex()),
    "hex, spaced": (EMAIL, lambda value: value.encode().hex(" ")),
    "hex list": (EMAIL, each(lambda char: f"0x{ord(char):02x}", ", ")),
    "bits": (EMAIL, each(lambda char: f"{ord(char):08b}", " ")),
    "codes": (EMAIL, each(lambda char: str(ord(char)), " ")),
    "chr": (EMAIL, each(lambda char: f"chr({ord(char)})", "+")),
    "char codes": (EMAIL, lambda value: f"String.fromCharCode({','.join(str(ord(char)) for char in value)})"),
    "data URI": (EMAIL, lambda value: f"data:text/plain;base64,{base64.b64encode(value.encode()).decode()}"),
    "percent in base64": (EMAIL, lambda value: base64.b64encode(quote(value, safe="").encode()).decode()),
    "bold": (CARD, lambda value: "".join(f"<b>{value[n : n + 2]}</b>" for n in range(0, 16, 2))),
    "comments": (EMAIL, "<!-- -->".join),
    "cells": (EMAIL, each(lambda char: f"<td>{char}</td>")),
    "emphasis": (CARD, lambda value: f"{value[:4]}**{value[4:8]}**{value[8:]}"),
    "concatenation": (SSN, lambda value: f'"{value[:6]}" + "{value[6:]}"'),
    "pieces": (
        CARD,
        lambda value: "; ".join(f'p{n}="{value[n : n + 4]}"' for n in range(0, 16, 4)),
    ),
    "numbered column": (CARD, lambda value: "\n".join(f"{n},{char}" for n, char in enumerate(value, 1))),
    "line end": (EMAIL, lambda value: value.replace("acme", "ac-\nme")),
    "[at] [dot]": (EMAIL, lambda value: value.replace("@", " [at] ").replace(".", " [dot] ")),
    "{at}": (EMAIL, lambda value: value.replace("@", "{at}")),
    " at dot ": (EMAIL, lambda value: value.replace("@", " at ").replace(".", " dot ")),
    "arroba punto": (EMAIL, lambda value: value.replace("@", " arroba ").replace(".", " punto ")),
    "loose": (EMAIL, lambda value: value.replace("@", " @ ").replace(".", " . ")),
    "at a provider": ("john.smith42@gmail.com", lambda value: value.replace("@", " at ")),
    "words": (CARD, spell),
    "glued words": (CARD, lambda value: spell(value).replace(" ", "")),
    "doubles": (
        "4003267533424895",
        lambda _: "four double oh three two six seven five double three four two four eight nine five",
    ),
    "tens": ("26753342", lambda _: "twenty-six seventy-five thirty-three forty-two"),
    "German": ("82915674", lambda _: "acht zwei neun eins f\u00fcnf sechs sieben vier"),
    "radio": ("john4", lambda _: "juliet oscar hotel november four"),
    "Morse": ("4003@", lambda _: "....- ----- ----- ...-- .--.-."),
    "spaced": (EMAIL, " ".join),
    "spaced out, signs and all": (PHONE, " ".join),
    "stars": (EMAIL, "*".join),
    "in quotes": (SSN, each(lambda char: f'"{char}"', ", ")),
    "in brackets": (EMAIL, each(lambda char: f"[{char}]")),
    "arrows": (EMAIL, " -> ".join),
    "pairs": (EMAIL, lambda value: " ".join(value[n : n + 2] for n in range(0, len(value), 2))),
    "underscores": (SSN, lambda value: f"user_{value}_v2"),
    "stuck": (CARD, lambda value: f"id{value}ok"),
    "file name": ("John Smith", lambda value: f"report_{value.replace(' ', '_')}.pdf"),
    "leet": ("John Smith", lambda _: "J0hn Sm1th"),
    "misread": (CARD, lambda value: value.replace("0", "O").replace("5", "S")),
    "backwards": (EMAIL, lambda value: value[::-1]),
    "name backwards": ("Smith John", lambda value: value[::-1]),
    "rot13": ("your phone number", lambda value: codecs.encode(value, "rot13")),
    "rot47": (CARD, each(lambda char: chr(33 + (ord(char) - 33 + 47) % 94))),
    "joined over signs": (CARD, "#".join),
    "joined over pictures": (CARD, "\U0001f642".join),
    "joined over words": (CARD, lambda _: "4003, then 2675, next 3342 and finally 4895"),
}
