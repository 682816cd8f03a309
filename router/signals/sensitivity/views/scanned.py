"""Scanned: values as scanners, hasty typists and columns leave them, read where a word nearby says what they are."""

import re
from collections.abc import Iterator

from router.signals.sensitivity.views.addresses import TLD
from router.signals.sensitivity.views.assembly import assembled, is_account
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, guarded

BEFORE_CHARS, AFTER_CHARS = 100, 60

LOOKS = dict(zip("OoQDIil|!ZzASsbGTB?gq", "000011111224556678799", strict=True))
"""A sign that is read for a digit, more of them than `misread` dares: here a word or a check digit must agree."""

_LETTER = "OoQDIilZzASsbGTBgq"
_SIGN = f"[{_LETTER}0-9]"
_SEP = r"(?:[ .()~/\u2013\u2014_-]{0,2})"
_MIXED = rf"(?:\d[{_LETTER}]|[{_LETTER}]\d)"
_RUN = re.compile(rf"(?<![A-Za-z0-9])[+(]{{0,2}}{_SIGN}(?:{_SEP}{_SIGN}){{5,24}}(?![A-Za-z0-9])")
_MIX = re.compile(_MIXED)
_FOLD = str.maketrans(LOOKS)


def _around(text: str, start: int, end: int) -> str:
    return f"{text[max(0, start - BEFORE_CHARS) : start]} {text[end : end + AFTER_CHARS]}"


def _scanned(text: str) -> Iterator[Edit]:
    found = [*_numbers(text), *_accounts(text)]
    yield from sorted(found)


def _numbers(text: str) -> Iterator[Edit]:
    for match in _RUN.finditer(text):
        start, end = match.span()
        if not _MIX.search(match[0]):
            continue
        run = match[0]
        while (word := _WORD_END.search(run)) is not None:  # `4623769885 is`
            run = run[: word.start()]
        end = start + len(run)
        while (word := _WORD_START.match(run)) is not None:
            start += word.end()
            run = run[word.end() :]
        pieces = [piece.translate(_FOLD) for piece in re.split(r"[^A-Za-z0-9]+", run) if piece]
        if pieces and _MIX.search(run):
            value = assembled(pieces, _around(text, start, end))
            if value is not None:
                yield Edit(start, end, value)


_WORD_END = re.compile(r"[ .()~/_-]{1,3}[a-z]{2,}$")
_WORD_START = re.compile(r"[a-z]{2,}[ .()~/_-]{1,3}")


def _accounts(text: str) -> Iterator[Edit]:
    """`AT67b93q5228`: an account whose check digits agree once letters are read for digits."""
    for match in _ACCOUNT.finditer(text):
        whole = re.sub(r"[ ~_.-]", "", match[0])
        for keep in _BANKS:
            folded = whole[:2] + "".join(
                char if at in keep else char.translate(_FOLD) for at, char in enumerate(whole[2:], 2)
            )
            if folded != whole and is_account(folded):
                yield Edit(match.start(), match.end(), folded)
                break


_BANKS = (frozenset[int](), frozenset(range(4, 8)), frozenset((4,)))
"""Where a country has letters in its accounts: nowhere, the bank's four, Italy's one."""
_ACCOUNT = re.compile(
    rf"(?<![A-Za-z0-9])[A-Z]{{2}}{_SIGN}{{2}}(?:[ ~_.-]{{0,2}}[A-Za-z0-9]{{1,4}}){{3,8}}(?![A-Za-z0-9])"
)


def _gaps(text: str) -> Iterator[Edit]:
    """Pieces of one value with wide or odd gaps, where the value proves itself."""
    found: list[Edit] = []
    for match in _WIDE.finditer(text):
        tokens = list(re.finditer(r"\S+", match[0]))
        for count in range(len(tokens), 1, -1):
            end = match.start() + tokens[count - 1].end()
            value = assembled([one[0] for one in tokens[:count]], _around(text, match.start(), end))
            if value is not None:
                found.append(Edit(match.start(), end, value))
                break
    for match in _OCTETS.finditer(text):
        parts = re.findall(r"\d+", match[0])
        value = assembled(parts, _around(text, *match.span())) if match["by"] != "." else None
        if value is not None:
            found.append(Edit(match.start(), match.end(), value))
    yield from sorted(found)


_WIDE = re.compile(r"(?<![\w.-])[+(]?[A-Za-z0-9_)-]{1,12}(?:[ \t]{2,24}[A-Za-z0-9_-]{1,12}){2,12}(?!\w)")
_OCTETS = re.compile(r"(?<![\d.])\d{1,3}(?P<by>[^\d\n]{1,6})\d{1,3}(?P=by)\d{1,3}(?P=by)\d{1,3}(?![\d])")


def _addresses(text: str) -> Iterator[Edit]:
    """`bram32\u00a9harborlight.org`, `yusra31{@gmail .com`, `4m4r4 @ gm41l.c0m`."""
    for match in _ADDRESS.finditer(text):
        if not _MAIL.search(_around(text, *match.span())):
            continue
        domain = re.sub(r"[ ,.]{1,3}", ".", match["domain"])
        if _LEETED.search(domain):
            domain = "".join(_LEET.get(char, char) for char in domain)
        local = re.sub(r",", ".", match["local"])
        yield Edit(match.start(), match.end(), f"{local}@{domain}")


_MAIL = re.compile(r"(?i)mail|contact|address|reach|write to|send")
_LEET = dict(zip("0134578", "oieastb", strict=True))
_LEETED = re.compile(r"\.(?:c0m?|0rg|n3t|i0|1o|d3|m3|3du|1nf0|inf0|c0\.uk)$")
_AT = '(?:\u00a9|\u00ae|&(?!\\w{1,8};)|\\{@|\\(Q|\\(@|@@|"|(?:[ ]?[\\[(](?:at|4t|a)[\\])][ ]?)|[ ]?@[ ]?)'
_ENDING = rf"(?:c0m|0rg|n3t|i0|1o|d3|m3|c0|3du|1nf0|inf0|{TLD})"
_ADDRESS = re.compile(
    rf"(?<![\w@])(?P<local>[A-Za-z0-9][\w.,+-]{{1,40}}){_AT}"
    rf"(?P<domain>[A-Za-z0-9][A-Za-z0-9-]{{1,30}}(?:[ ]?[.,][a-z0-9]{{2,3}})?[ ]?[.,][ ]?{_ENDING})(?![\w@])"
)

SCANNED: tuple[Reading, ...] = (
    guarded(
        "scanned",
        (rf"{_MIXED}{_SEP}{_SIGN}", rf"{_SIGN}{_SEP}{_MIXED}"),
        _scanned,
    ),
    guarded("gaps", (r"[A-Za-z0-9_)-][ \t]{2,24}[A-Za-z0-9_-]{1,12}[ \t]{2,24}[A-Za-z0-9_-]", _OCTETS.pattern), _gaps),
    guarded("mistyped", (rf"\w{_AT}[A-Za-z0-9][A-Za-z0-9-]{{1,30}}[^@\n]{{0,6}}[.,][ ]?{_ENDING}",), _addresses),
)
