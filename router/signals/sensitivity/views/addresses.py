"""Addresses: e-mail signs that are written as words, in brackets, or with blanks around them."""

import re
from collections.abc import Iterator

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

AT = (
    r"at(?:[ -]?sign| the rate(?: of)?)?|arroba|arobase|klammeraffe|chiocciola|chez|apenstaartje|malpa|snabel-?a"
    r"|ät|bei|kukac|[@a\u03b1]"
)
DOT = r"dot|d0t|punkt|punto|ponto|point|period|full ?stop|punt|kropka|piste|nokta|pt|dt|\."
DASH = r"dash|hyphen|minus|underscore|under score|bindestrich|unterstrich|gui[oó]n(?: bajo)?|tiret|trait d'union|plus"
SIGNS = {"underscore": "_", "under score": "_", "unterstrich": "_", "guion bajo": "_", "guión bajo": "_", "plus": "+"}

TLD = (
    r"(?:com|org|net|edu|gov|mil|info|io|co|uk|de|fr|es|it|nl|eu|us|ca|au|in|jp|br|ch|at|be|se|no|dk|fi|pl|ru|cn|biz|me|app"
    r"|dev|ai|xyz|local|internal|example|test|nz|ie|pt|mx|kr|za|sg|hk|tw|tr|gr|cz|hu|ro|online|site|cloud|email|mail)"
)

PROVIDERS = (
    "(?:gmail|googlemail|outlook|hotmail|live|yahoo|ymail|icloud|proton(?:mail)?|aol|gmx|web|mail|zoho|fastmail|tutanota|hey|qq"
    "|yandex|posteo|orange|free|libero|t-online)"
)

SURE_TLD = "(?:com|org|net|edu|gov|info|io|co|uk|de|fr|es|nl|eu|ca|jp|br|ch|pl|ru|cn|biz)"
"""Those that are no words of a sentence, `at one point in time`."""

_OPEN, _CLOSE = r"[ \t]{0,3}[\[({<*_~|/\\-]{1,3}[ \t]{0,2}", r"[ \t]{0,2}[\])}>*_~|/\\-]{1,3}[ \t]{0,3}"
_GAP = r"[ \t_,-]{1,3}"
_DOTTED = rf"(?:\.|{_OPEN}(?:{DOT}){_CLOSE}|{_GAP}(?:{DOT}){_GAP})"


def _bracketed(text: str) -> Iterator[Edit]:
    """`john [at] acme [dot] com`, in any brackets: one sign of each is enough, and `(at)` before a domain."""
    for match in _BRACKETED.finditer(text):
        yield Edit(match.start(), match.end(), "@" if match["at"] or "@" in match[0] else ".")


_BRACKETED = re.compile(
    rf"(?i)(?<=[A-Za-z0-9]){_OPEN}(?P<at>{AT}){_CLOSE}"
    rf"(?=[A-Za-z0-9][\w-]{{0,40}}(?:{_DOTTED}[\w-]{{1,40}}){{0,3}}?{_DOTTED}{TLD}\b)"
    rf"|(?<=[A-Za-z0-9]){_OPEN}(?:{DOT[:-3]}){_CLOSE}(?=[A-Za-z0-9])"
    r"|(?<=[A-Za-z0-9])[ \t]{0,2}(?:\[\.\]|\(\.\)|\{\.\}|<\.>)[ \t]{0,2}(?=[A-Za-z0-9])"
    r"|(?<=[A-Za-z0-9])[ \t]{0,2}(?:\[@\]|\(@\)|\{@\}|<@>)[ \t]{0,2}(?=[A-Za-z0-9])"
)


def _spoken(text: str) -> Iterator[Edit]:
    """`john dot smith at acme dot com`: a name, an `at` and a domain that is spoken to its end."""
    for match in _SPOKEN.finditer(text):
        for sign in _SIGN.finditer(text, match.start(), match.end()):
            said = (sign["sign"] or "@").lower()
            first = said == "@" or sign.start() in (match.start("at"), match.start("at2"), match.start("at3"))
            yield Edit(
                sign.start(), sign.end(), "@" if first else SIGNS.get(said, "-" if _DASH.fullmatch(said) else ".")
            )


_LAST_DOT = rf"{_GAP}(?:(?:{DOT}){_GAP}{SURE_TLD}|(?:dot|d0t|\.){_GAP}{TLD})\b"
_LOCAL = rf"[A-Za-z0-9][\w.+-]{{0,40}}(?:{_GAP}(?:{DOT}|{DASH}){_GAP}[\w+-]{{1,40}}){{0,4}}"
_SPOKEN = re.compile(
    rf"(?i)(?<![\w.]){_LOCAL}(?P<at>{_GAP}(?:{AT}){_GAP}|[ \t]?@[ \t]?)[A-Za-z0-9][\w-]{{0,40}}"
    rf"(?:{_GAP}(?:{DASH}){_GAP}[\w-]{{1,40}}){{0,2}}(?:(?:{_GAP}(?:{DOT}){_GAP}|\.)[\w-]{{1,40}}){{0,3}}{_LAST_DOT}"
    rf"|(?<![\w.-])(?:[A-Za-z]{{2,30}}[._][A-Za-z]{{2,30}}\d{{0,6}}(?P<at2>{_GAP}at{_GAP})[A-Za-z0-9-]{{2,40}}\.{SURE_TLD}\b"
    rf"|[A-Za-z][\w.+-]{{1,40}}(?P<at3>{_GAP}at{_GAP}){PROVIDERS}\.[a-z]{{2,6}}\b)"
)
_SIGN = re.compile(rf"(?i){_GAP}(?P<sign>{AT}|@|{DOT}|{DASH}){_GAP}|(?P<bare>@)")
_DASH = re.compile(rf"(?i)(?:{DASH})")


def _around_at(text: str) -> Iterator[Edit]:
    """`john . smith @ acme . com`: the blanks around the signs of an address."""
    for match in _LOOSE.finditer(text):
        for blank in _BLANKS.finditer(text, match.start(), match.end()):
            yield Edit(blank.start(), blank.end(), "")


_LOOSE = re.compile(
    rf"(?i)(?<![\w.])[a-z0-9][\w+-]{{0,40}}(?:[ \t]{{0,3}}[._][ \t]{{0,3}}[\w+-]{{1,40}}){{0,4}}[ \t]{{0,3}}@"
    rf"[ \t]{{0,3}}[a-z0-9-]{{1,40}}"
    rf"(?:[ \t]{{0,3}}\.[ \t]{{0,3}}[a-z0-9-]{{1,40}}){{0,3}}[ \t]{{0,3}}\.[ \t]{{0,3}}{TLD}\b"
)
_BLANKS = re.compile(r"[ \t]+")

_DOT_WORDS = "(?:punkt|punto|ponto|point|period|full ?stop|punt|kropka|piste|nokta|pt|dt)"

ADDRESSES: tuple[Reading, ...] = (
    Reading("bracketed", (rf"(?i)[\[({{<*_~|/\\-][ \t]{{0,2}}(?:{AT}|{DOT})[ \t]{{0,2}}[\])}}>*_~|/\\-]",), _bracketed),
    Reading(
        "spoken",
        (
            rf"(?i)[a-z0-9][ \t_,-]{{1,3}}at[ \t_,-]{{1,3}}{PROVIDERS}\.[a-z]{{2}}",
            rf"(?i)[ \t_,-]at[ \t_,-]{{1,3}}[a-z0-9-]{{2,40}}\.{SURE_TLD}",
            r"(?i)[ \t_,-](?:dot|d0t)[ \t_,-]{1,3}[a-z]{2}",
            rf"(?i)[ \t_,-]{_DOT_WORDS}[ \t_,-]{{1,3}}{SURE_TLD}",
            r"[ \t_,-]\.[ \t_,-]{1,3}[A-Za-z]{2}",
        ),
        _spoken,
    ),
    Reading(
        "loose", (r"[ \t]@", r"@[ \t]", r"@[a-zA-Z0-9-]{1,40}[ \t]{1,3}\.", r"@[a-zA-Z0-9.-]{1,60}\.[ \t]"), _around_at
    ),
)
