"""Views: what is disguised is read, what was found maps back, and nothing clean is read as something else."""

import base64
import codecs
import gzip
import json
import re
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.views import HINTS, MAX_GROWTH, SPARE_CHARS, View, is_guess, origin, views
from router.signals.sensitivity.views.readings import BASE, STAGES

EMAIL, CARD, SSN, IBAN = "john.smith42@acme.io", "4003267533424895", "823-76-4984", "DE67044609013841128357"
PHONE = "(977) 555-3205"


def read(text: str) -> list[View]:
    """All views, whatever could not be read."""
    found: list[View] = []
    with suppress(GaveUpError):
        found.extend(views(text))
    return found


def problem(text: str) -> str:
    """What could not be read."""
    try:
        list(views(text))
    except GaveUpError as gave_up:
        return gave_up.kind
    return ""


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


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguise_is_seen_through(disguise: str) -> None:
    """The value stands in some view, and that view says where in the text it was."""
    value, hide = DISGUISES[disguise]
    hidden = hide(value)
    before, after = "her card number is ", " as she says\nsince May"
    text = before + hidden + after
    found = [view for view in read(text) if value.lower() in view.text.lower()]
    assert found, [view.text for view in read(text)]
    for view in found:
        start = view.text.lower().index(value.lower())
        low, high = origin(view, start, start + len(value))
        # It may cover a little more, such as a quote or the sign of an encoding, and the whole of a reversed line.
        slack = 40 if "reversed" not in view.name and "shifted" not in view.name else len(text)
        assert len(before) - slack <= low < len(before) + 4 + len(hidden) // 2
        assert len(before) + len(hidden) // 2 - 4 < high <= len(before) + len(hidden) + slack


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("see data:image/png;base64," + base64.b64encode(b"\x89PNG" * 40).decode(), "image: binary"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode(), "image: binary"),
        (base64.b64encode(bytes(range(128, 256))).decode(), "binary"),
        (base64.b64encode(gzip.compress(b"a" * 5_000_000)).decode(), "too large"),
        (base64.b64encode(b"\x1f\x8b\x08" + bytes(60)).decode(), "undecodable"),
        ("\u200b\u200c" * 40, "hidden"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, kind: str) -> None:
    """Pictures, bombs, broken archives and rows of invisible signs are no text, and are not passed over."""
    assert problem(f"look at this: {text} please") == kind


def test_nesting_has_a_bound() -> None:
    """What is still encoded after four steps was packed to hide it."""
    packed = f"write to {EMAIL} today"
    for _ in range(3):
        packed = base64.b64encode(packed.encode()).decode()
    assert any(EMAIL in view.text for view in read(packed))
    for _ in range(9):
        packed = base64.b64encode(packed.encode()).decode()
    assert problem(packed) == "nesting"


def test_half_a_character_cannot_be_read() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(UnicodeEncodeError):
        list(views("a\ud83d"))


@pytest.mark.parametrize(
    "text",
    [
        "hello, world",
        "Gr\u00fc\u00dfe an J\u00f6rg \u2013 \u201cwie geht\u2019s\u201d \u2026 caf\u00e9",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",
        "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059",
        "The numbers are 1, 2, 3, 4, 5, 6, 7, 8 and 9; two or three of them, one at a time.",
        "Meet me at the river at one point in time, look at amazon.com, and dot the i.",
        "def f(a, b):\n    return a * b + c[0] - d['x'] if a == b else {1: 2}",
        "total = sum(x ** 2 for x in range(10)) % 7  # 100% sure",
        "coefficient efficiently sufficient QUESTIONABLE internationalization",
        "It costs $1,299.99 on 2024-05-01 at 12:30:45, call it 15% off of 3x4x5.",
    ],
)
def test_clean_text_has_one_view(text: str) -> None:
    """Nothing is looked at twice for nothing, and nothing ordinary is taken for a disguise."""
    assert [view.text for view in read(text)] == [text]


def test_without_a_hint_nothing_is_read() -> None:
    """Clean text costs nothing: no reading is tried that the gate saw no need for."""
    text = base64.b64encode(EMAIL.encode()).decode()
    assert len(list(views(text, frozenset()))) == 1
    assert len(list(views(text, frozenset({"another's"})))) == 1
    assert any(EMAIL in view.text for view in views(text, frozenset({"view:base64"})))


def test_a_gate_is_asked_for_each_further_view() -> None:
    """Its answer stands in the view, and decides what is read in it."""
    asked: list[str] = []

    def gate(text: str) -> frozenset[str]:
        asked.append(text)
        return frozenset()

    found = list(views(f"{base64.b64encode(b'%6a%6f%68%6e').decode()}", frozenset({"view:base64"}), gate=gate))
    assert asked == [found[1].text] == ["%6a%6f%68%6e"]
    assert found[1].hints == frozenset()


def test_every_reading_has_hints_and_a_name_of_its_own() -> None:
    """The gate knows each of them."""
    readings = [reading for stage in (*BASE, *STAGES) for reading in stage.readings]
    assert len(HINTS) == len(readings)
    assert all(reading.needs for reading in readings)


def test_guesses_say_so() -> None:
    """Detectors ask for more in what nobody may have meant."""
    assert is_guess(View("x", "plain+joined"))
    assert not is_guess(View("x", "plain+base64"))


READINGS = [reading for stage in (*BASE, *STAGES) for reading in stage.readings]
ALPHABET = st.sampled_from(
    " \n.,:;-_@/\\|+*=%&#'\"<>()[]{}`~$!?^0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "\u200b\u00ad\u0430\u0435\u0660\uff41\u0301\u2160\u2801\u4e00\u3007\u00e9\U0001f642\U000e0041\ufe0f"
)
WORDS = st.sampled_from(
    [
        *(
            "four",
            "double",
            "zero",
            "at",
            "dot",
            "com",
            "hello ",
            "reverse",
            "%41",
            "&#65;",
            "\\u0041",
            "=41",
            "0x41, ",
        ),
        *(
            "YWxpY2VAYWNtZS5pbw==",
            "616c696365",
            "<b>",
            "</b>",
            "4003",
            "823-76-4984",
            EMAIL,
            "a b c d e f",
            "\r\n",
            "U+0041",
        ),
    ]
)
TEXT = st.lists(st.one_of(WORDS, st.text(ALPHABET, max_size=12)), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_every_view_maps_back(text: str) -> None:
    """Pieces lie in order within both texts, and a verbatim one says the same in both unless a reading changed it."""
    for view in read(text)[1:]:
        last = 0
        for piece in view.pieces:
            assert last <= piece.start <= piece.end <= len(view.text)
            assert 0 <= piece.origin_start <= piece.origin_end <= len(text)
            last = piece.end
        low, high = origin(view, 0, len(view.text))
        assert 0 <= low <= high <= len(text)
        kept = [piece for piece in view.pieces if piece.verbatim and piece.end - piece.start > 1]
        same = [view.text[p.start : p.end] == text[p.origin_start : p.origin_end] for p in kept]
        assert view.name != "base64" or all(same)


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT, st.sampled_from(sorted(set(DISGUISES) - {"name backwards", "backwards", "rot13", "upside down"})))
def test_a_value_in_any_text_is_found_where_it_was(before: str, after: str, disguise: str) -> None:
    """Where a reading shows the value, the span covers the place where it was put."""
    value, hide = DISGUISES[disguise]
    hidden = hide(value)
    text = f"{before}\n\n{hidden}\n\n{after}"
    if value in before + after:
        return
    start, end = len(before) + 2, len(before) + 2 + len(hidden)
    for view in read(text):
        at = view.text.find(value)
        if at >= 0:
            low, high = origin(view, at, at + len(value))
            assert low < end
            assert high > start


NEEDS = {reading.name: tuple(map(re.compile, reading.needs)) for reading in READINGS}


@settings(max_examples=300, deadline=None)
@given(TEXT, st.sampled_from(sorted(DISGUISES)))
def test_what_a_reading_changes_the_gate_has_seen(text: str, disguise: str) -> None:
    """A hint is a necessary condition: no reading changes a text in which none of its patterns is."""
    value, hide = DISGUISES[disguise]
    for said in (text, f"{text} {hide(value)}"):
        for reading in READINGS:
            if any(said[edit.start : edit.end] != edit.text or edit.problem for edit in reading.edits(said)):
                assert any(need.search(said) for need in NEEDS[reading.name]), reading.name


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_views_are_bounded(text: str) -> None:
    """However a text is made, its readings do not grow without end."""
    assert sum(len(view.text) for view in read(text)) <= (MAX_GROWTH + 1) * len(text) + SPARE_CHARS


LONG = 100_000
HOSTILE = {
    "letters": "a" * LONG,
    "digits": "7" * LONG,
    "spaced digits": "7 " * (LONG // 2),
    "percent": "%41" * (LONG // 3),
    "entities": "&#65;" * (LONG // 5),
    "open entities": "&#" * (LONG // 2),
    "backslashes": "\\" * LONG,
    "base64": "QUFB" * (LONG // 4),
    "equals": "=" * LONG,
    "tags": "<a " * (LONG // 3),
    "comments": "<!--" * (LONG // 4),
    "quotes": "'\"" * (LONG // 2),
    "ats": "a@" * (LONG // 2),
    "dots": "a." * (LONG // 2),
    "at dot": "a at b dot " * (LONG // 11),
    "number words": "one two " * (LONG // 8),
    "glued words": "onetwo" * (LONG // 6),
    "radio": "alpha bravo " * (LONG // 12),
    "morse": "... --- " * (LONG // 8),
    "brackets": "[(" * (LONG // 2),
    "underscores": "_" * LONG,
    "newlines": "\n" * LONG,
    "lines": "1,a\n" * (LONG // 4),
    "marks": "a" + "\u0301" * LONG,
    "invisible": "\u200b" * LONG,
    "lookalikes": "\u0430a" * (LONG // 2),
    "foreign": "\u043f\u0440\u0438 " * (LONG // 4),
    "Han": "\u4e00\u4e8c" * (LONG // 2),
    "hex": "4a " * (LONG // 3),
    "codes": "104 " * (LONG // 4),
    "bits": "01000001 " * (LONG // 9),
    "blanks": " " * LONG,
    "assignments": 'a="b"; ' * (LONG // 7),
    "plus": "=a+b" * (LONG // 4),
    "data": "data:a/b;base64," * (LONG // 16),
}
LIMIT_S = 2.0
"""Ten times what the slowest needs; what takes quadratic time would need minutes."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name: str) -> None:
    """No reading backtracks over what it has read."""
    text = HOSTILE[name]
    for reading in READINGS:
        started = time.process_time()
        for _ in reading.edits(text):
            pass
        assert time.process_time() - started < LIMIT_S, reading.name


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.text(ALPHABET, max_size=20), lambda inner: inner.map(json.dumps), max_leaves=4))
def test_json_of_anything_is_read_without_an_error(text: str) -> None:
    """Quotes and escapes of any depth raise nothing but what the views promise."""
    assert read(text)[0].text == text
