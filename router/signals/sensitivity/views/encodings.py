"""Encodings: text written as other text as a whole: base64, base32, base58, base85, hex, bits, codes, data URIs.

What decodes to clean text is replaced by it. That is a strong test: of random bytes next to none do. What is clearly
encoded and does not decode to text, a picture or an unknown archive, is a problem: nobody has looked at it.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading
from router.signals.sensitivity.views.unpack import Packed, text_of

B64 = r"A-Za-z0-9+/_\-"
QUAD = rf"[I-Za-fCD][C-HS-Xi-nyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589][{B64}]"
"""Four characters of base64 that stand for three of ASCII: English words are hardly ever made of these."""

ALIGNED = re.compile(
    rf"(?:{QUAD}(?:[ ]{QUAD}){{2,}}(?:[ ][{B64}]{{2,3}}(?![{B64}]))?"
    rf"|(?:{QUAD}){{2,}}(?:[{B64}]{{2,3}}(?![{B64}]))?)={{0,2}}"
)
TOKEN = re.compile(
    rf"(?<![={B64}])(?:[{B64}]{{24,}}={{0,6}}"
    rf"(?:[ \t>]{{0,8}}\r?\n[ \t>]{{0,8}}[{B64}]{{4,}}={{0,6}}){{1,99999}}|[{B64}]{{16,}}={{0,6}})"
)
MIN_RAW_CHARS = 24
MIN_BINARY_CHARS = 60
"""A token of base64's alphabet as long as this that holds no text holds something that nobody can look at."""


def _aligned(text: str) -> Iterator[Edit]:
    """Base64 of ASCII, wherever it begins; what is cut off at its end is left out."""
    for match in ALIGNED.finditer(text):
        whole = text[match.start() - 1 : match.start()] not in _B64_CHARS or len(match[0]) >= MIN_INNER_CHARS
        shown = _ascii(match[0]) if whole and _mixed(match[0]) else None
        if shown is not None:
            yield Edit(match.start(), match.end(), shown)


def _ascii(run: str) -> str | None:
    data = _base64(run.replace(" ", ""))
    try:
        shown = data.decode("ascii") if data else None
    except UnicodeDecodeError:
        return None
    return shown if shown is not None and _is_clean(shown) else None


def _mixed(run: str) -> bool:
    """Not letters of one case, which are a word, and not hex."""
    upper, digit = any(map(str.isupper, run)), any(map(str.isdigit, run))
    return (
        "=" in run
        or (upper and (digit or any(map(str.islower, run))))
        or (digit and _BEYOND_HEX.search(run) is not None)
    )


_BEYOND_HEX = re.compile("[g-z]")


def _is_clean(shown: str) -> bool:
    """Text without control characters; a short one also without many signs, which words give that are no base64."""
    if not _CLEAN.fullmatch(shown):
        return False
    return len(shown) >= _SHORT_CHARS or len(_SIGN.findall(shown)) * 6 <= len(shown) or bool(_ESCAPED.match(shown))


_B64_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
MIN_INNER_CHARS = 16
"""Where base64 begins inside a longer word, so much of it is asked for."""
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2}|\\u?[0-9A-Fa-f]{2,4}|&#\w{2,6};){2}")
_SHORT_CHARS = 24
_SIGN = re.compile(r"[^A-Za-z0-9 .,@:+'\"\n-]")
_CLEAN = re.compile(r"[\t\n\r\x20-\x7e]+")


def _tokens(text: str) -> Iterator[Edit]:
    """Longer tokens: any decoder that makes clean text of one."""
    for match in TOKEN.finditer(text):
        run = match[0]
        if not _CODED.search(run) or not _looks_coded(run):
            continue
        packed = _token(_BLANK.sub("", run))
        if packed.text is not None or packed.problem:
            yield Edit(match.start(), match.end(), packed.text or " ", packed.problem)


_BLANK = re.compile(r"[\s>]+")
_HEX = re.compile(r"[0-9A-Fa-f\s>-]+")
_HASH = re.compile(r"sha(?:256|384|512)-")


def _looks_coded(run: str) -> bool:
    """Not one long word, nor words joined by dashes, underscores or slashes: those have few changes of case."""
    head = run[:400]
    if _HEX.fullmatch(head) or _HASH.match(head):
        return False
    if run.startswith(_STARTS):
        return True
    changes = len(_CHANGE.findall(head))
    return changes * 6 >= len(head) or head.isupper() or "=" in run[-6:]


_STARTS = ("H4sI", "eJ", "eN", "eA", "UEsDB", "iVBORw", "/9j/", "R0lGOD", "JVBERi", "Qlpo", "/Td6WF")
"""How archives, pictures and documents begin in base64."""
_CHANGE = re.compile(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[a-z0-9]|(?<=\d)[A-Za-z]")
_CHANGES = r"(?:[a-z][A-Z0-9]|[A-Z][a-z0-9]|\d[A-Za-z])"
_CODED = re.compile(
    rf"{_CHANGES}[{B64}]{{0,8}}{_CHANGES}[{B64}]{{0,8}}{_CHANGES}|[A-Z2-7]{{16}}"
    rf"|[{B64}]{{14}}=|H4sI[{B64}]{{12}}"
)


def _token(run: str) -> Packed:
    packed = Packed(None)
    for decode in (_base64, _base32, _base58):
        data = decode(run)
        packed = text_of(data, raw=len(run) >= MIN_RAW_CHARS) if data else Packed(None)
        if packed.text is not None or packed.problem:
            return packed
    backwards = _ascii(run[::-1])
    if backwards is not None:
        return Packed(backwards)
    return Packed(None, "binary") if len(run) >= MIN_BINARY_CHARS and _CASES.search(run) else packed


_CASES = re.compile(r"[a-z].{0,99}[A-Z].{0,99}\d|[A-Z].{0,99}[a-z].{0,99}\d|\d.{0,99}[a-z].{0,99}[A-Z]")


def _base64(run: str) -> bytes | None:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except ValueError:
        return None


def _base32(run: str) -> bytes | None:
    run = run.rstrip("=").upper()
    try:
        return base64.b32decode(run + "=" * (-len(run) % 8))
    except ValueError:
        return None


_BASE58 = {char: value for value, char in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BASE58_CHARS = 300


def _base58(run: str) -> bytes | None:
    if len(run) > _BASE58_CHARS or any(char not in _BASE58 for char in run):
        return None
    number = 0
    for char in run:
        number = number * 58 + _BASE58[char]
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base85(text: str) -> Iterator[Edit]:
    for match in _BASE85.finditer(text):
        run = match[0]
        for decode in (base64.a85decode, base64.b85decode):
            try:
                packed = text_of(decode(run.removeprefix("<~").removesuffix("~>")))
            except ValueError:
                continue
            if (
                packed.text is not None
                and packed.text.isascii()
                and len(_SIGN.findall(packed.text)) * 6 <= len(packed.text)
            ):
                yield Edit(match.start(), match.end(), packed.text, packed.problem)
                break


_B85 = "[!#$%&*;<=>?@^`{|}~]"
_B85_TWICE = rf"{_B85}[0-9A-Za-z_+-]{{1,12}}{_B85}"
_BASE85 = re.compile(rf"<~[!-uz\s]{{5,8000}}~>|(?<!\S)(?=\S{{0,40}}{_B85_TWICE})[!-~]{{10,4000}}(?!\S)")


def _hex(text: str) -> Iterator[Edit]:
    for match in _HEX_RUN.finditer(text):
        digits = _NOT_HEX.sub("", _OX.sub("", match[0]))
        packed = text_of(bytes.fromhex(digits[: len(digits) // 2 * 2]))
        if digits.isdigit() and not (packed.text and _NUMBER.fullmatch(packed.text)):
            continue  # a number that is also hex for something: `4445` is `DE`
        if packed.text is not None or packed.problem:
            yield Edit(match.start(), match.end(), packed.text or " ", packed.problem)


_HEX_RUN = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX][0-9A-Fa-f]{2}(?:[,; \t\n]{1,4}0[xX][0-9A-Fa-f]{2}){3,}"
    r"|[0-9A-Fa-f]{2}(?:([:, -]{1,2}|\r?\n)[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){3,})"
    r"|(?:0[xX]|\\x|[xX]')?(?:[2-7][0-9A-Fa-f]|0[aAdD9]){5,}(?![0-9A-Za-z]))"
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{24,}(?![0-9A-Za-z])"
)
_NUMBER = re.compile(r"[A-Z]{0,2}[\d ().+/-]+")
_OX = re.compile(r"0[xX]|\\x|[xX]'")
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]+")


def _bits(text: str) -> Iterator[Edit]:
    for match in _BITS.finditer(text):
        bytes_ = re.findall("[01]+", match[0])
        if len(bytes_) == 1:
            bytes_ = [match[0][at : at + 8] for at in range(0, len(match[0]), 8)]
        packed = text_of(bytes(int(bits, 2) & 255 for bits in bytes_))
        if packed.text is not None:
            yield Edit(match.start(), match.end(), packed.text)


_BITS = re.compile(r"(?<![0-9])(?:[01]{7,8}(?:[ ,_\n-]{1,2}[01]{7,8}){3,}|(?:[01]{8}){4,})(?![0-9])")


def _codes(text: str) -> Iterator[Edit]:
    """Lists of character codes, in tens or in eights, and `chr(…)` in many tongues."""
    for match in _CODES.finditer(text):
        numbers = re.findall(r"0[xX][0-9A-Fa-f]+|\d+", match[0])
        for base in (10, 8):
            try:
                codes = [int(number, 16 if number[1:2] in "xX" and number[1:] else base) for number in numbers]
            except ValueError:
                continue
            shown = "".join(map(chr, codes)) if min(codes) >= ord("\t") and max(codes) <= MAX_CODE else ""
            if _CLEAN.fullmatch(shown) and len(_SIGN.findall(shown)) * 6 <= len(shown):
                yield Edit(match.start(), match.end(), shown)
                break


MAX_CODE = 0x3000
_CODES = re.compile(
    r"(?<![\d.])\d{2,3}(?:([,;|/_. -]{1,2}|\r?\n)\d{2,3}(?:\1\d{2,3}){4,})(?![\d.])"
    r"|(?i:from_?char_?(?:code|point)|from_?code_?point|chrw?|char|unichr|string\.char|bytes)"
    r"[$(\[]{1,3}[ ]?(?:0[xX][0-9A-Fa-f]{2}|\d{2,4})(?:[ ]?,[ ]?(?:0[xX][0-9A-Fa-f]{2}|\d{2,4})){0,4000}[ ]?[\])]{1,2}"
    r"(?:[ ]?(?:\+|\.|&|\|\||,|<>)[ ]?(?i:chrw?|char|unichr)\$?\([ ]?(?:0[xX][0-9A-Fa-f]{2}|\d{2,4})[ ]?\)){0,4000}"
)


def _data_uris(text: str) -> Iterator[Edit]:
    for match in _DATA_URI.finditer(text):
        kind, coded = (match["kind"] or "text/plain").lower(), match["coded"]
        data = _base64(_BLANK.sub("", match["data"])) if coded else unquote_to_bytes(match["data"])
        packed = text_of(data) if data else Packed(None)
        if packed.text is None and not packed.problem:
            packed = Packed(None, f"{kind.partition('/')[0]}: binary" if kind.partition("/")[0] in _KINDS else "binary")
        yield Edit(match.start("data"), match.end("data"), packed.text or " ", packed.problem)


_KINDS = frozenset(("image", "audio", "video", "font", "application", "text"))
_DATA_URI = re.compile(
    r"(?i:data:)(?P<kind>[A-Za-z]{1,20}/[A-Za-z0-9.+-]{1,80})?(?:;[A-Za-z0-9=.-]{1,60}){0,3}(?P<coded>(?i:;base64))?,"
    r"(?P<data>[A-Za-z0-9+/=_%.~!*'():@;,-]{1,20000000})"
)


def _uuencoded(text: str) -> Iterator[Edit]:
    for match in _UU.finditer(text):
        try:
            data = b"".join(binascii.a2b_uu(line) for line in match[1].splitlines())
        except binascii.Error:
            yield Edit(match.start(), match.end(), " ", "undecodable")
            continue
        packed = text_of(data)
        yield Edit(match.start(), match.end(), packed.text or " ", packed.problem or ("" if packed.text else "binary"))


_UU = re.compile(r"begin [0-7]{3,4} [^\n]{1,120}\n((?:[!-`][ -`]{0,64}\n){1,99999})[` ]?\n?end")

ENCODINGS: tuple[Reading, ...] = (
    Reading("data-uri", (r"(?i)data:[a-z/0-9.+;=-]{0,200},",), _data_uris),
    Reading("uuencode", (r"begin [0-7]{3}",), _uuencoded),
    Reading("bits", (r"[01]{7,8}[ ,_\n-]{1,2}[01]{7}", r"[01]{32}"), _bits),
    Reading(
        "codes",
        (
            r"\d{2}(?:[,;|/_. \r\n-]{1,2}\d{2,3}){4}",
            r"(?i)ch(?:a?r|rw|ar.?code|ar.?point)\$?\(",
            r"(?i)(?:codepoint|code_point|bytes)[(\[]",
        ),
        _codes,
    ),
    Reading(
        "hex",
        (
            r"\b(?:0[xX]|[xX]')?[0-9A-Fa-f]{10}",
            r"\b(?:0[xX])?[0-9A-Fa-f]{2}(?:[:,; \t\n\r-]{1,4}(?:0[xX])?[0-9A-Fa-f]{2}\b){3}",
        ),
        _hex,
    ),
    Reading("coded", (_CODED.pattern,), _tokens),
    Reading("base64", (rf"{QUAD}[ ]?{QUAD}",), _aligned),
    Reading("base85", ("<~", _B85_TWICE), _base85),
)
