"""Said: values that are told in words: letter by letter, piece by piece, by their provider's name, or counted out."""

import re
from collections.abc import Iterator

from router.signals.sensitivity.views.addresses import TLD
from router.signals.sensitivity.views.assembly import assembled, is_account
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading, guarded
from router.signals.sensitivity.views.words import DIGITS, NATO

AROUND_CHARS = 100


def _around(text: str, start: int, end: int) -> str:
    return f"{text[max(0, start - AROUND_CHARS) : start]} {text[end : end + AROUND_CHARS]}"


SIGNS = {
    "at": "@", "dot": ".", "point": ".", "period": ".",
    "dash": "-", "hyphen": "-", "minus": "-", "underscore": "_", "plus": "+",
}  # fmt: skip
MIN_SYMBOLS = 8
_AS = r"(?:as in|as for|for|like|wie|comme|come|come in|de)"
_CODES = "|".join(sorted((*(word for word in NATO if word not in SIGNS), *SIGNS), key=len, reverse=True))
_FIRST = "|".join(sorted((word for word in NATO if word not in SIGNS and word not in DIGITS), key=len, reverse=True))
_TOKEN = (
    rf"(?:(?:capital |upper ?case |lower ?case |big |small |letter )?(?:[A-Za-z] {_AS} [A-Za-z]{{2,12}}"
    rf"|{_CODES}|[A-Za-z]|\d{{1,4}})(?![A-Za-z0-9]))"
)
_SPELLED = re.compile(rf"(?i)(?<![\w-]){_TOKEN}(?:[ \t,.;/-]{{1,3}}{_TOKEN}){{{MIN_SYMBOLS - 1},120}}")
_SYMBOL = re.compile(
    rf"(?i)(?P<big>capital |upper ?case |big )?(?:lower ?case |small |letter )?"
    rf"(?:(?P<letter>[A-Za-z]) {_AS} [A-Za-z]{{2,12}}|(?P<word>{_CODES})|(?P<sign>[A-Za-z]|\d{{1,4}}))(?![A-Za-z0-9])"
)


def _spelled(text: str) -> Iterator[Edit]:
    """`Bravo Echo 6 3`, `B as in Bravo, E as in Echo`."""
    for match in _SPELLED.finditer(text):
        symbols = list(_SYMBOL.finditer(match[0]))
        told = sum(one["letter"] is not None or (one["word"] or "").lower() in _LETTERS for one in symbols)
        if told:
            yield Edit(match.start(), match.end(), _cased("".join(map(_shown, symbols))))


_LETTERS = frozenset(word for word in NATO if word not in SIGNS and word not in DIGITS)


def _shown(symbol: re.Match[str]) -> str:
    word = (symbol["word"] or "").lower()
    shown = symbol["letter"] or symbol["sign"] or SIGNS.get(word) or NATO[word]
    return shown.upper() if symbol["big"] else shown.lower()


def _cased(whole: str) -> str:
    """Who spells leaves out what is large and what is small: an account and a key have their manner."""
    if is_account(re.sub(r"\W", "", whole).upper()):
        return re.sub(r"\W", "", whole).upper()
    for issuer in _ISSUERS:
        if whole.startswith(issuer.lower()):
            rest = whole[len(issuer) :]
            return issuer + (rest.upper() if issuer.isupper() and issuer.isalpha() else _mixed(rest))
    return whole


def _mixed(rest: str) -> str:
    """As random as a key: every other letter large."""
    return "".join(char.upper() if at % 2 else char for at, char in enumerate(rest))


_ISSUERS = (
    "AKIA",
    "ASIA",
    "AIza",
    "sk-proj-",
    "sk-ant-",
    "sk-",
    "ghp_",
    "gho_",
    "glpat-",
    "hf_",
    "xoxb-",
    "xoxp-",
    "sk_live_",
)


def _pieces(text: str) -> Iterator[Edit]:
    """`ends in 2961, begins with 901 and in between 849`, in whatever order."""
    for match in _TOLD.finditer(text):
        parts = {"begin": "", "middle": "", "end": ""}
        for part in _PART.finditer(match[0]):
            kind = next(name for name in parts if part[name])
            parts[kind] = parts[kind] + (part["value"] or part["before"] or "").strip()
        pieces = [part for part in parts.values() if part]
        around = _around(text, match.start(), match.end())
        value = assembled(pieces, f"{around} {match[0]}") if len(pieces) > 1 else None
        if value is not None:
            yield Edit(match.start(), match.end(), value)


_BEGINS = r"begin(?:s|ning)?|start(?:s|ing)?|first(?: part| \w+ digits?| half| bit)?|opens|leads|front"
_MIDDLE = (
    r"(?:in )?between|middle(?: part| \w+ digits?| bit)?|then|next(?: part| \w+ digits?)?|followed|second(?:"
    r" part| bit)?|cent(?:er|re)"
)
_ENDS = (
    r"end(?:s|ing)?|last(?: part| \w+ digits?| half| bit)?|final(?: part| \w+ digits?)?|finally|finish(?:es)?"
    r"|third|tail|closes"
)
_VALUE = r"[A-Z]{0,2}\d[\dA-Z -]{0,24}"
_FILLERS = r"[ \t]*(?:with|in|on|by|is|are|comes?|it|has|=|:|the|part|digits?|[ ,]){0,8}[ \t:='\"]*"
_PART = re.compile(
    rf"(?i)(?:(?P<begin>{_BEGINS})|(?P<middle>{_MIDDLE})|(?P<end>{_ENDS})){_FILLERS}(?-i:(?P<value>{_VALUE}))(?P<before>)"
)
_TOLD = re.compile(
    rf"(?i:(?:{_BEGINS}|{_MIDDLE}|{_ENDS}){_FILLERS}(?-i:{_VALUE}))"
    rf"(?:[^\d\n]{{0,12}}(?i:\b(?:{_BEGINS}|{_MIDDLE}|{_ENDS})\b)[^\d\n]{{0,24}}(?:{_VALUE})){{1,4}}"
)


HANDLES = {
    "gmail": "gmail.com", "googlemail": "googlemail.com", "outlook": "outlook.com", "hotmail": "hotmail.com",
    "live": "live.com",
    "yahoo": "yahoo.com", "icloud": "icloud.com", "protonmail": "protonmail.com", "proton": "proton.me",
    "aol": "aol.com",
    "gmx": "gmx.net", "web.de": "web.de", "fastmail": "fastmail.com", "zoho": "zoho.com", "yandex": "yandex.ru",
    "posteo": "posteo.de", "tutanota": "tutanota.com", "mail.ru": "mail.ru", "hey": "hey.com", "qq": "qq.com",
    "me": "me.com",
}  # fmt: skip
_PROVIDER = "|".join(re.escape(name) for name in sorted(HANDLES, key=len, reverse=True))
_TIED = (
    r"(?:,? ?(?:over |hosted |registered |with an account )?(?:at|on|@|via|using|with|under|bei|chez|en|auf"
    r"|\(at\)|\[at\])"
    r" (?:my |the |his |her |their )?|[,;:]? (?:and )?(?:the |my |then )?(?:provider|domain|host|service"
    r"|mailbox|account)(?: is| =|:)? "
    r"|,? ?\(?(?:it'?s|and|the|that'?s|after|usual|followed|which|is|sits|lives)(?: (?:an?|after|the|at"
    r"|sign|is|by|usual|comes?|it'?s|with)){0,5} )"
)


def _handles(text: str) -> Iterator[Edit]:
    """`keala.yildiz over at gmx`."""
    for match in _HANDLE.finditer(text):
        if _MAIL.search(_around(text, match.start(), match.end())):
            name = match["provider"].lower()
            domain = HANDLES.get(name) or match["provider"]
            yield Edit(match.start(), match.end(), f"{match['local']}@{domain}")


_HANDLE = re.compile(
    rf"(?i)(?<![\w@.])(?P<local>(?=[a-z0-9]*[._\d]|[a-z]{{5,}})[a-z0-9][\w.+-]{{2,40}}){_TIED}"
    rf"(?P<provider>{_PROVIDER}|[a-z0-9-]{{3,30}}\.(?:{TLD}))(?![\w@]|\.\w)"
)
_MAIL = re.compile(r"(?i)mail|contact|address|correo|adres")


def _tongues(text: str) -> Iterator[Edit]:
    """The signs of an address in many languages: `tomasz punt k apenstaartje fastmail punt com`."""
    for match in _TONGUES.finditer(text):
        shown = _SAID_AT.sub("@", match[0], count=1)
        local, _, domain = shown.partition("@")
        yield Edit(match.start(), match.end(), f"{_dotted(local)}@{_dotted(domain)}")


def _dotted(said: str) -> str:
    return _SAID_SIGN.sub(lambda sign: _sign(sign[1].lower()), said).strip()


def _sign(word: str) -> str:
    if word.startswith(("under", "unter", "gui", "pod", "nižnee", "sublin")):
        return "_"
    return "-" if word in _DASHES else "."


_DASHES = frozenset("dash hyphen minus bindestrich tiret streepje myślnik pomlčka дефис trattino".split())  # noqa: SIM905
_AT_WORDS = (
    r"apenstaartje|apenstaart|snabel-?a|kringla|krølla?lfa|alfakrøll|kukac|zavináč|zavinac|małpa|malpa"
    r"|małpka|собака|собачка|ät"
    r"|chiocciola|arroba|arrobase|arobase|klammeraffe|affenschwanz|miukumauku|papáki|papaki|παπάκι|кльомба"
    r"|маймунско|et işareti|kuyruklu a|at işareti"
    r"|afna|majmunče|majmun|at-sign|at sign|at symbol|commercial at|rondò|strudel|shtrudel|שטרודל"
    r"|アットマーク|골뱅이|艾特|小老鼠|圈a"
)
_DOT_WORDS = (
    r"punkt|punktum|punto|ponto|point|punt|kropka|tečka|tecka|bodka|точка|крапка|pont|piste|nokta|ponto"
    r"|puntu|teleia|τελεία"
    r"|נקודה|ドット|点|點|점|dot|period|full stop|\."
)
_SIGN_WORDS = (
    rf"{_DOT_WORDS}|dash|hyphen|minus|bindestrich|tiret|streepje|myślnik|pomlčka|дефис|trattino|underscore"
    rf"|unterstrich|guión bajo"
    r"|podkreślnik|podtržítko|подчёркивание|нижнее подчёркивание|sublinhado"
)
_TONGUES = re.compile(
    rf"(?i)(?<![\w@.])[a-z0-9][\w.+-]{{0,40}}(?: (?:{_SIGN_WORDS}) [\w+-]{{1,40}}){{0,4}} (?:{_AT_WORDS})"
    rf" [a-z0-9][\w-]{{1,40}}"
    rf"(?:(?: (?:{_SIGN_WORDS}) |\.)[\w-]{{2,30}}){{0,3}}?(?: (?:{_DOT_WORDS}) |\.){TLD}(?![\w@])"
)
_SAID_AT = re.compile(rf"(?i) (?:{_AT_WORDS}) (?=(?:(?! (?:{_AT_WORDS}) ).)*$)")
_SAID_SIGN = re.compile(rf"(?i) ({_SIGN_WORDS}) ")


def _counted(text: str) -> Iterator[Edit]:
    """Digits as so many marks, or in Roman numerals: `*** / * / **`, `V-I-IX-III`."""
    found = [*_tallies(text), *_romans(text)]
    yield from sorted(found)


def _tallies(text: str) -> Iterator[Edit]:
    for match in _TALLY.finditer(text):
        marks = re.split(r"[ ]?[/,;|\u00b7-][ ]?|[ ]{1,3}", match[0])
        digits = "".join("0" if one.lower() in _NONE else str(len(one)) for one in marks if one)
        value = assembled([digits], _around(text, match.start(), match.end()))
        if value is not None:
            yield Edit(match.start(), match.end(), value)


_NONE = frozenset(("none", "zero", "nothing", "empty", "0", "()", "o"))
_MARK = r"(?:([*#+x~^!=.|\u2022\u25cf\u2605\u2606\u25a0\u2588I])\1{0,8}|\(\)|none|zero|nothing|empty|0)"
_NEXT_MARK = r"(?:[*#+x~^!=.|\u2022\u25cf\u2605\u2606\u25a0\u2588I]{1,9}|\(\)|none|zero|nothing|empty|0)"
_GAP = r"(?:[ ]?[/,;|\u00b7-][ ]?|[ ]{1,3})"
_TALLY = re.compile(rf"(?i)(?<![\w*]){_MARK}(?:{_GAP}{_NEXT_MARK}){{8,18}}(?![\w*])")


def _romans(text: str) -> Iterator[Edit]:
    for match in _ROMAN.finditer(text):
        digits = "".join(_NUMERALS[numeral.upper()] for numeral in re.findall(r"[IVXivx]+|[0NOno]", match[0]))
        value = assembled([digits], _around(text, match.start(), match.end()))
        if value is not None:
            yield Edit(match.start(), match.end(), value)


_NUMERALS = {
    **{numeral: str(at) for at, numeral in enumerate("I II III IV V VI VII VIII IX".split(), 1)},  # noqa: SIM905
    "IIII": "4", "VIIII": "9", "0": "0", "N": "0", "O": "0",
}  # fmt: skip
_ROM = r"(?:VIIII|VIII|VII|VI|IV|IX|V|IIII|III|II|I|[0NO])"
_ROMAN = re.compile(rf"(?<![\w.]){_ROM}(?:[ .,/_-]{{1,3}}{_ROM}){{8,18}}(?!\w)")

SAID_READINGS: tuple[Reading, ...] = (
    guarded(
        "spelled",
        (
            rf"(?i)(?:{_FIRST})[ \t,.;/-]{{1,3}}(?:\d|[a-z][^a-z]|(?:{_CODES}))",
            rf"(?i)(?:\d|[^a-z][a-z])[ \t,.;/-]{{1,3}}(?:{_FIRST})[ \t,.;/-]",
            rf"(?i)[^a-z0-9][a-z] {_AS} [a-z]{{2,12}}[ \t,.;/-]{{1,3}}(?:(?:and|capital|then) )?[a-z0-9][^a-z0-9]",
        ),
        _spelled,
    ),
    guarded(
        "told",
        (
            (
                rf"(?i)(?:{_BEGINS}|{_MIDDLE}|{_ENDS})[^\n\d]{{1,40}}\d[^\n]{{0,40}}"
                rf"(?:{_BEGINS}|{_MIDDLE}|{_ENDS})[^\n\d]{{1,40}}\d"
            ),
        ),
        _pieces,
    ),
    guarded("handles", (rf"(?i)[\w]{_TIED}(?:{_PROVIDER}|[a-z0-9-]{{3,30}}\.(?:{TLD}))",), _handles),
    guarded(
        "tongues",
        (
            (
                rf"(?i) (?:{_AT_WORDS}) [a-z0-9][\w-]{{1,40}}(?:(?: (?:{_SIGN_WORDS}) |\.)[\w-]{{2,30}}){{0,3}}?"
                rf"(?: (?:{_DOT_WORDS}) |\.){TLD}"
            ),
        ),
        _tongues,
    ),
    guarded(
        "counted", (rf"(?i){_NEXT_MARK}(?:{_GAP}{_NEXT_MARK}){{6}}", rf"{_ROM}(?:[ .,/_-]{{1,3}}{_ROM}){{6}}"), _counted
    ),
)
