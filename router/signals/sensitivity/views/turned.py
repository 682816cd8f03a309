"""Turned: text written backwards, upside down, or with its alphabet shifted. Read so only where that shows words."""

import re
from collections.abc import Iterator, Mapping
from string import ascii_lowercase as abc

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, tried

TELLING = (  # noqa: SIM905 - a list of one word a line says no more
    "with this that your from name number email phone address account please card contact customer patient"
    " social security password born birth call mobile bank send write employee"
).split()
"""Words that hardly any text about somebody does without."""

DOMAINS = ("com", "org", "net", "edu", "gov", "io", "uk", "de", "fr", "info", "local", "mail", "email")

_TLD_BACK = "|".join(tld[::-1] for tld in DOMAINS)
BACKWARDS = frozenset(word[::-1] for word in (*TELLING, "the"))
_SAYS_SO = r"(?i)revers|backward|mirror|flipp|right to left|rückwärts|al rev[eé]s|à l'envers"


def _reversed(text: str) -> Iterator[Edit]:
    """Lines with words in them that run backwards; else single values that do."""
    told, lowered = _TOLD.search(text) is not None, text.lower()
    backwards = not BACKWARDS.isdisjoint(_WORD.findall(lowered))
    if not (backwards or told or _VALUE_BACK.search(text)):
        return
    for line in _LINE.finditer(text):
        content = line[0]
        if backwards and not BACKWARDS.isdisjoint(_WORD.findall(content.lower())):
            yield Edit(line.start(), line.end(), content[::-1])
            continue
        for match in (_VALUE_TOLD if told else _VALUE_BACK).finditer(content):
            yield Edit(line.start() + match.start(), line.start() + match.end(), match[0][::-1])


_LINE = re.compile(r"[^\n]+")
_TOLD = re.compile(_SAYS_SO)
_VALUE_BACK = re.compile(
    rf"(?i)(?<![\w.-])(?:{_TLD_BACK})\.[\w.-]{{1,60}}@[\w.+-]{{1,60}}|(?<![\d-])\d{{4}}([-. ])\d\d\1\d{{3}}(?![\d-])"
    r"|(?-i:(?<![A-Za-z])[a-z]{2,15}[A-Z](?:[ ,]{1,2}[a-z]{2,15}[A-Z]){1,3}(?![A-Za-z]))"
    r"|(?<![A-Za-z0-9])\d{12,32}[A-Za-z]{2}(?![A-Za-z0-9])|(?<![A-Za-z0-9])={1,2}[A-Za-z0-9+/]{8,}"
)
_VALUE_TOLD = re.compile(
    rf"{_VALUE_BACK.pattern}|(?:[^\s\"'`,;:]{{0,60}}@[^\s\"'`,;:]{{1,60}})|\d[\d ().+-]{{5,30}}\d"
    r"|(?-i:(?<![A-Za-z])[a-z]{2,15}[A-Z](?![A-Za-z]))"
)


def _shifted(text: str) -> Iterator[Edit]:
    """Lines whose alphabet is shifted, by any number of letters, or mirrored."""
    if SHIFTS.keys().isdisjoint(_WORD.findall(text.lower())):
        return
    for line in _LINE.finditer(text):
        words = set(_WORD.findall(line[0].lower()))
        votes: dict[int, int] = {}
        for word in words & SHIFTS.keys():
            for shift in SHIFTS[word]:
                votes[shift] = votes.get(shift, 0) + len(word)
        best = max(votes, key=lambda shift: votes[shift], default=0)
        if best:
            for place, char in enumerate(line[0].translate(_TABLES[best]), line.start()):
                if char != text[place]:
                    yield Edit(place, place + 1, char)


MIRRORED = 26


def _alphabet(shift: int) -> str:
    return abc[::-1] if shift == MIRRORED else abc[shift:] + abc[:shift]


_TABLES = {
    shift: str.maketrans(_alphabet(shift) + _alphabet(shift).upper(), abc + abc.upper())
    for shift in range(1, MIRRORED + 1)
}


def _shifts() -> dict[str, list[int]]:
    """Each telling word, shifted in every way -> the shifts that give it."""
    found: dict[str, list[int]] = {}
    for shift in range(1, MIRRORED + 1):
        for word in TELLING:
            found.setdefault(word.translate(str.maketrans(abc, _alphabet(shift))), []).append(shift)
    return found


SHIFTS: Mapping[str, list[int]] = _shifts()
_WORD = re.compile(r"\b[a-z]+\b")

_ROT47 = str.maketrans(
    "".join(map(chr, range(33, 127))), "".join(chr(33 + (code - 33 + 47) % 94) for code in range(33, 127))
)


def _rot47(text: str) -> Iterator[Edit]:
    for match in _ROT47_TOKEN.finditer(text):
        shown = match[0].translate(_ROT47)
        if _VALUE.search(shown):
            yield Edit(match.start(), match.end(), shown)


_ROT47_TOKEN = re.compile(
    r"(?<![\w`\\])(?=[_`a-hWXZ\\ ]{0,39}[_`\\])[_`a-hWXZ\\](?:[ ]?[_`a-hWXZ\\]){6,40}(?![\w`\\])"
    r"|(?<![\w`])[p-z{|}~]{2}[_`a-h]{12,32}(?![\w`])|[!-~]{1,60}o[!-~]{1,60}\][!-~]{2,12}"
)
_NUMERIC = r"[_`a-hWXZ\\]"
_ROT47_HINTS = (
    *(rf"{_NUMERIC}(?:[ ]?{_NUMERIC}){{{at}}}[ ]?[_`\\](?:[ ]?{_NUMERIC}){{{5 - at}}}" for at in range(6)),
    rf"[_`\\](?:[ ]?{_NUMERIC}){{6}}",
    rf"{_NUMERIC}(?:[ ]?{_NUMERIC}){{6}}[ ]{{2}}",
    r"[p-z{|}~]{2}[_`a-h]{12}",
    r"[!-~]o[!-~]{1,60}\][!-~]{2}",
)
"""Seven signs that stand for those of a number, one of them (or one behind a gap) for one that is no letter."""
_VALUE = re.compile(r"^[+(]{0,2}\d[\d ().+O-]{5,}\d$|^[A-Z]{2}\d{12}|[\w.+-]+@[\w-]+\.[a-z]{2,}")

_FLIPPED = str.maketrans(
    "\u0250\u0254\u01dd\u025f\u0183\u0265\u1d09\u027e\u029e\u026f\u0279\u0287\u028c\u028d\u028e\u0131nubpqd69"
    "\u0196\u1105\u0190\u3123\u03db\u3125\u2c6f\u0186\u018e\u2132\u2141\u02d9\u203e",
    "acefghijkmrtvwyiunqdbp96123457ACEFG._",
)
_FLIP_SIGNS = re.compile("[\u0250\u01dd\u025f\u0183\u0265\u1d09\u027e\u029e\u026f\u0279\u0287\u028d\u028e]")
_MIN_FLIPPED = 3


def _flipped(text: str) -> Iterator[Edit]:
    for run in _FLIP_RUN.finditer(text):
        if len(_FLIP_SIGNS.findall(run[0])) >= _MIN_FLIPPED:
            yield Edit(run.start(), run.end(), run[0].translate(_FLIPPED)[::-1])


_FLIPPED_WORD = rf"[^\s]{{0,40}}?{_FLIP_SIGNS.pattern}[^\s]{{0,60}}"
_FLIP_RUN = re.compile(rf"(?<!\S){_FLIPPED_WORD}(?:[ \t]{_FLIPPED_WORD}){{0,40}}")


def _may_flip(text: str) -> bool:
    return _FLIP_SIGNS.search(text) is not None


FLIPPED = Reading("flipped", (_FLIP_SIGNS.pattern,), _flipped, _may_flip)

TURNED: tuple[Reading, ...] = (
    Reading(
        "reversed",
        (
            _SAYS_SO,
            rf"(?i)(?:{'|'.join(sorted(BACKWARDS))})",
            rf"(?i)(?:{_TLD_BACK})\.[^\s@]{{1,60}}@",
            r"\d{4}[-. ]\d\d[-. ]\d{3}",
            r"[a-z][A-Z][ ,]{1,2}[a-z]{2,15}[A-Z]",
            r"\d{12}[A-Za-z]{2}",
            r"=[A-Za-z0-9+/]{8}",
        ),
        _reversed,
    ),
    Reading("shifted", (rf"(?i)(?:{'|'.join(sorted(SHIFTS))})",), _shifted),
    tried("rot47", _ROT47_HINTS, _rot47),
)
