"""Encodings: text written in another alphabet as a whole: base64, base32, base58, base85.

What decodes to clean text is replaced by it. That is a strong test: of random bytes next to none do. What is clearly
encoded and does not decode to text, a picture or an unknown archive, is a problem: nobody has looked at it.
"""

import base64
import re
from collections.abc import Iterator

from router.signals.sensitivity.views.decoding import BLANK, few_signs, from_base32, from_base58, from_base64, printable
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, tried
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
    data = from_base64(run.replace(" ", ""))
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
    if not printable(shown):
        return False
    return len(shown) >= _SHORT_CHARS or few_signs(shown) or bool(_ESCAPED.match(shown))


_B64_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
MIN_INNER_CHARS = 16
"""Where base64 begins inside a longer word, so much of it is asked for."""
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2}|\\u?[0-9A-Fa-f]{2,4}|&#\w{2,6};){2}")
_SHORT_CHARS = 24


def _tokens(text: str) -> Iterator[Edit]:
    """Longer tokens: any decoder that makes clean text of one."""
    for match in TOKEN.finditer(text):
        run = match[0]
        if not _CODED.search(run) or not _looks_coded(run):
            continue
        packed = _token(BLANK.sub("", run))
        if packed.text is not None or packed.problem:
            yield Edit(match.start(), match.end(), packed.text or " ", packed.problem)


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
    for decode in (from_base64, from_base32, from_base58):
        data = decode(run)
        packed = text_of(data, raw=len(run) >= MIN_RAW_CHARS) if data else Packed(None)
        if packed.text is not None or packed.problem:
            return packed
    backwards = _ascii(run[::-1])
    if backwards is not None:
        return Packed(backwards)
    return Packed(None, "binary") if len(run) >= MIN_BINARY_CHARS and _CASES.search(run) else packed


_CASES = re.compile(r"[a-z].{0,99}[A-Z].{0,99}\d|[A-Z].{0,99}[a-z].{0,99}\d|\d.{0,99}[a-z].{0,99}[A-Z]")


def _base85(text: str) -> Iterator[Edit]:
    for start, end in _runs_of_85(text):
        run = text[start:end]
        for decode in (base64.a85decode, base64.b85decode):
            try:
                packed = text_of(decode(run.removeprefix("<~").removesuffix("~>")))
            except ValueError:
                continue
            if packed.text is not None and packed.text.isascii() and few_signs(packed.text):
                yield Edit(start, end, packed.text, packed.problem)
                break


def _runs_of_85(text: str) -> Iterator[tuple[int, int]]:
    """Words with two of its signs near their beginning. From sign to sign, since looking at every word takes longer."""
    if "<~" in text:
        yield from (match.span() for match in _BASE85.finditer(text))
        return
    done = 0
    for signs in _TWICE.finditer(text):
        if signs.start() < done:
            continue
        done = _WORD.match(text, signs.start()).end()  # type: ignore[union-attr] # a sign at least
        before = text[max(0, signs.start() - _LATEST_SIGN - 1) : signs.start()]
        start = signs.start() - len(_WORD.match(before[::-1])[0])  # type: ignore[index] # nothing at least
        if signs.start() - start <= _LATEST_SIGN and _BASE85.fullmatch(text, start, done):
            yield start, done


_B85 = "[!#$%&*;<=>?@^`{|}~]"
_B85_TWICE = rf"{_B85}[0-9A-Za-z_+-]{{1,12}}{_B85}"
_TWICE = re.compile(_B85_TWICE)
_WORD = re.compile(r"\S*")
_LATEST_SIGN = 40
_BASE85 = re.compile(rf"<~[!-uz\s]{{5,8000}}~>|(?<!\S)(?=\S{{0,40}}{_B85_TWICE})[!-~]{{10,4000}}(?!\S)")

ENCODINGS: tuple[Reading, ...] = (
    tried("coded", (_CODED.pattern,), _tokens),
    tried("base64", (rf"{QUAD}{QUAD}", rf"{QUAD} {QUAD} {QUAD}"), _aligned),
    tried("base85", ("<~", _B85_TWICE), _base85),
)
