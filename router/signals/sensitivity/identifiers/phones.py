"""Phone numbers of the world: in international form, in a country's own written form, and after a word for a phone.

Numbers of eight countries in English text are Presidio's.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import phonenumbers
import re2

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.identifiers.identifier import alternatives, word
from router.signals.sensitivity.identifiers.windows import windows
from router.signals.sensitivity.views.view import View

TYPE = "PHONE_NUMBER"
HINT_PLUS = "identifier_phone_plus"
HINT_FORMS = "identifier_phone_forms"
HINT_CALLED = "identifier_phone_called"

VALID, SAID, WRITTEN, POSSIBLE = 0.75, 0.6, 0.5, 0.45

PLUS = re.compile(
    r"(?<![\w+])(?:\+|00 ?(?=[1-9]))[ ]?\(?\d(?:[ ().\-/\u00a0\u2011\u2013]{0,3}\d){6,14}(?![\w]|[.,-]\d)"
)

CALLED = (
    "telefon(?:nummer|nr|i)?|tel[ée]fonos?|t[ée]l[ée]phone|telefono|telefone|telefoon(?:nummer)?|telef[oó]n"
    "|puhelin(?:numero)?|handy(?:nummer)?"
    "|mobil(?:nummer|telefon|e)?|m[óo]vil|celular|cellulare|telem[óo]vel|portable|gsm|whats ?app|viber|telegram"
    "|komórk[ai]|numer telefonu"
    "|cep(?: telefonu)?|mobilni|nomor (?:hp|telepon|wa)|số điện thoại|sđt|τηλέφωνο|κινητό|тел|телефону?|мобильн\\w+"
    "|номер телефона"
    "|電話(?:番号)?|携帯(?:電話)?|电话|手机号?码?|联系方式|전화(?:번호)?|휴대폰|핸드폰|연락처|هاتف|جوال|موبايل|טלפון|נייד|फोन|मोबाइल|फ़ोन|โทร|เบอร์"
)
NUMBER = r"\+?\(?\d(?:[ ().\-/]{0,2}\d){6,14}"
_SAID = "|".join(map(word, alternatives(CALLED)))
SAID_WORDS = re2.compile(_SAID)
AFTER_WORD = re.compile(rf"\D{{0,20}}?(?P<value>{NUMBER})(?!\w)")
YEARS = re.compile(
    r"(?:19|20)\d\d[ ./-]{1,3}(?:19|20)\d\d|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19"
    r"|20)\d\d"
)
"""Dates and spans of years are as long as phone numbers."""


class Form(NamedTuple):
    """How one country writes its own numbers."""

    region: str
    pattern: re.Pattern[str]


def _form(region: str, pattern: str) -> Form:
    return Form(region, re.compile(rf"(?<![\w.,+/-])(?:{pattern})(?![\w]|[.,/-]\d)"))


FORMS: tuple[Form, ...] = (
    _form("AU", r"04\d\d[ -]\d{3}[ -]\d{3}|\(0[2378]\) ?\d{4} ?\d{4}"),
    _form("BR", r"\(\d\d\) ?9? ?\d{4}-\d{4}"),
    _form("CH", r"0\d\d \d{3} \d\d \d\d"),
    _form("FR", r"0[1-9](?:[ .-]\d\d){4}"),
    _form("IT", r"3\d\d[ .-]\d{7}|3\d\d[ .-]\d{3}[ .-]\d{4}|3\d\d \d{2} \d{2} \d{3}"),
    _form("JP", r"0[789]0-\d{4}-\d{4}|0\d{1,3}-\d{2,4}-\d{4}"),
    _form("KR", r"01[016789]-\d{3,4}-\d{4}|0\d{1,2}-\d{3,4}-\d{4}"),
    _form("CN", r"1[3-9]\d[- ]\d{4}[- ]\d{4}"),
    _form("NL", r"06[ -]\d{8}|06(?:[ -]\d\d){4}|0\d\d-\d{7}"),
    _form("BE", r"04\d\d[ /]\d\d[ .]\d\d[ .]\d\d"),
    _form("SE", r"07\d-\d{3} ?\d\d ?\d\d"),
    _form("DE", r"01[567]\d{1,2}[ /-]\d{6,8}|0\d{2,4}[ ]?/[ ]?\d{5,8}|\(0\d{2,4}\) ?\d{5,8}"),
    _form("GB", r"07\d{3} \d{3} ?\d{3}|0\d{3} \d{3} \d{4}|020 \d{4} \d{4}"),
    _form("ZA", r"0[678]\d \d{3} \d{4}"),
    _form("TR", r"05\d\d \d{3} \d\d \d\d"),
    _form("RU", r"8[ -]?\(\d{3}\)[ -]?\d{3}-\d\d-\d\d"),
    _form("NZ", r"02\d \d{3} \d{3,4}"),
    _form("AE", r"05\d \d{3} \d{4}"),
)

ANY_FORM = re2.compile(
    r"\d[ ().-]{1,2}\d{2,4}[ .-]\d{2}|0\d{1,4}[ )/-]{1,3}\d{3}|\(\d{2,3}\) ?\d{3}|\d{5}[ -]\d{5}|\d{3}[ .-]\d{7}"
)
HINTS = {
    HINT_PLUS: (r"(?:\+[ ]?\(?\d|00 ?[1-9])[ ().\-/\x{a0}\x{2011}\x{2013}]{0,3}\d",),
    HINT_FORMS: (ANY_FORM.pattern,),
    HINT_CALLED: (_SAID,),
}
_PLUS = re2.compile(HINTS[HINT_PLUS][0])


def spans(view: View) -> Iterator[Span]:
    """Where they stand, by what the gate saw."""
    text = view.text
    if view.may_hold(HINT_PLUS) and _PLUS.search(text):
        yield from _with_plus(text)
    if view.may_hold(HINT_CALLED):
        yield from _called(text)
    if view.may_hold(HINT_FORMS):
        for start, end in windows(ANY_FORM, text):
            yield from _in_a_form(text, start, end)


def _with_plus(text: str) -> Iterator[Span]:
    for match in PLUS.finditer(text):
        score = _international(match[0])
        if score:
            yield Span(TYPE, score, *match.span())


def _called(text: str) -> Iterator[Span]:
    for said in SAID_WORDS.finditer(text):
        match = AFTER_WORD.match(text, said.end())
        if match and not YEARS.match(match["value"]):
            yield Span(TYPE, SAID, *match.span("value"))


def _in_a_form(text: str, start: int, end: int) -> Iterator[Span]:
    for form in FORMS:
        for match in form.pattern.finditer(text, start, end):
            if _valid(match[0], form.region):
                yield Span(TYPE, WRITTEN, *match.span())


def _international(written: str) -> float:
    """A number that a country gives out counts; one that it might, where somebody wrote it like a number."""
    number = "+" + re.sub(r"^\+|^00|\D", "", written)
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return 0.0
    if phonenumbers.is_valid_number(parsed):
        return VALID
    grouped = re.search(r"\d[ ().\-/\u00a0\u2011\u2013]{1,3}\d", written)
    return POSSIBLE if grouped and phonenumbers.is_possible_number(parsed) else 0.0


def _valid(written: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(written, region))
    except phonenumbers.NumberParseException:
        return False
