"""Assembly: pieces that stand in cells of their own -> the value that they make together, if they make one.

A value must prove itself: by check digits, an issuer's prefix, or a word nearby that says what it is.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from router.signals.sensitivity.views.addresses import SURE_TLD, TLD
from router.signals.sensitivity.views.digits import is_card

MAX_PIECES = 64
"""More pieces are a column of many values."""

MAX_VALUE_CHARS = 96

LONGEST_PIECE = 8
"""A longer one is a number of its own."""


def assembled(pieces: Sequence[str], words: str) -> str | None:
    """What the pieces make, written as usual; `words` is the text around them."""
    if not 1 <= len(pieces) <= MAX_PIECES or sum(map(len, pieces)) > MAX_VALUE_CHARS:
        return None
    if not _MAY.search("".join(pieces)):
        return None
    said = _said(words)
    for make in _MAKERS:
        made = make(pieces, said)
        if made is not None:
            return made
    return None


@lru_cache(maxsize=64)
def _said(words: str) -> str:
    return _NOISE.sub(" ", words).lower()


_MAY = re.compile(r"(?:\d[^\d]{0,3}){4}|[@.]|[A-Za-z_-]{3}.{12}")
_NOISE = re.compile(r"[_\W]+|(?<=[A-Za-z])(?=\d)|(?<=[a-z])(?=[A-Z])")


def _internet(pieces: Sequence[str], said: str) -> str | None:
    whole = "".join(pieces)
    if not (_IP.search(said) or (_ADDRESS.fullmatch(whole) and _PUT_TOGETHER.search(said))):
        return None
    parts = list(pieces) if len(pieces) == 4 else whole.split(".") if "." in whole else _split(whole)  # noqa: PLR2004
    if len(parts) == 4 and sum(map(len, parts)) > 5 and all(_OCTET.fullmatch(part) for part in parts):  # noqa: PLR2004
        return f"ip {'.'.join(parts)}"
    if _ADDRESS.fullmatch(whole):
        return f"ip {whole}"
    return None


_IP = re.compile(r"\bip\b|\bipv?4\b|\bo 1\b|octet|\binternet address|\bclient address|\bhost\b|\bserver\b|\bip ?addr")
_OCTET = re.compile(r"25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d")
_ADDRESS = re.compile(rf"(?:(?:{_OCTET.pattern})\.){{3}}(?:{_OCTET.pattern})")
_UNDOTTED = re.compile(rf"({_OCTET.pattern})({_OCTET.pattern})({_OCTET.pattern})({_OCTET.pattern})")


def _split(digits: str) -> list[str]:
    """Some four octets that the digits may be, where no sign stands between them."""
    found = _UNDOTTED.fullmatch(digits) if 8 <= len(digits) <= 12 else None  # noqa: PLR2004
    return list(found.groups()) if found else []


def _mail(pieces: Sequence[str], said: str) -> str | None:
    whole = "".join(pieces).strip("'\"")
    if "@" in whole:
        return whole if _MAIL.fullmatch(whole) else None
    if not _MAILED.search(said) or len(pieces) == 1:
        return None
    for sides in (1, 2):
        local, domain = ".".join(pieces[:-sides]), ".".join(pieces[-sides:])
        if local and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain):
            return f"{local}@{domain}"
    return None


_MAILED = re.compile(r"mail|contact address|correo|adres|handle")
_LOCAL = re.compile(r"[A-Za-z0-9][\w.+-]{1,40}")
_DOMAIN = re.compile(rf"(?i:[a-z0-9-]{{2,40}}(?:\.[a-z0-9-]{{1,20}}){{0,2}}\.(?:{TLD}|{SURE_TLD}))")
_MAIL = re.compile(rf"{_LOCAL.pattern}@(?:{_DOMAIN.pattern})")


def _account(pieces: Sequence[str], _: str) -> str | None:
    whole = _BETWEEN.sub("", "".join(pieces))
    return whole if is_account(whole) else None


def is_account(whole: str) -> bool:
    """An IBAN, by its check digits."""
    if not _IBAN.fullmatch(whole):
        return False
    return int("".join(str(int(char, 36)) for char in whole[4:] + whole[:4])) % 97 == 1


_BETWEEN = re.compile(r"[ .()/-]+")
_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}")


def _key(pieces: Sequence[str], _: str) -> str | None:
    whole = "".join(pieces)
    return whole if KEY.fullmatch(whole) else None


KEY = re.compile(
    r"(?:sk-(?:proj-|ant-)?|gh[opsur]_|github_pat_|glpat-|AKIA|ASIA|AIza|hf_|xox[abeprs]-|[rs]k_(?:live|test)_|npm_|pypi-"
    r"|SG\.|ya29\.|dop_v1_|shpat_)[\w.=-]{12,90}"
)


def _digits(pieces: Sequence[str]) -> str:
    whole = "".join(pieces)
    return re.sub(r"\D", "", whole) if _NUMBER.fullmatch(whole) else ""


_NUMBER = re.compile(r"\+?[\d ().-]{8,40}")
_CARD_GROUPS = 5
_CARD_GROUP_DIGITS = 4


def _card(pieces: Sequence[str], said: str) -> str | None:
    digits = _digits(pieces)
    even = len(set(map(len, pieces[:-1]))) == 1 and len(pieces) <= _CARD_GROUPS
    grouped = even and pieces[0].isdigit() and len(pieces[0]) == _CARD_GROUP_DIGITS
    told = _CARD.search(said) or _PUT_TOGETHER.search(said)
    return digits if is_card(digits) and (told or grouped) else None


_PUT_TOGETHER = re.compile(r"concat|strcat|\bjoin\b|paste ?0|format\b|sprintf|implode")
"""What programs call it."""

_CARD = re.compile(r"card\b|cards\b|visa|master|amex|credit|debit|\bcc\b|\bpan\b|payment|charge|karte|tarjeta|carte")


def _social(pieces: Sequence[str], said: str) -> str | None:
    digits = _digits(pieces) if len(pieces) == 1 or max(map(len, pieces)) <= LONGEST_PIECE else ""
    if len(digits) == 9 and _SOCIAL.search(said) and digits[:3] not in ("000", "666"):  # noqa: PLR2004
        return f"ssn {digits[:3]}-{digits[3:5]}-{digits[5:]}"
    return None


_SOCIAL = re.compile(r"\bssn\b|social")


def _phone(pieces: Sequence[str], said: str) -> str | None:
    digits = _digits(pieces) if len(pieces) == 1 or max(map(len, pieces)) <= LONGEST_PIECE else ""
    if not (9 <= len(digits) <= 13 and _PHONE.search(said)):  # noqa: PLR2004
        return None
    if len(digits) == 10:  # noqa: PLR2004
        return f"phone ({digits[:3]}) {digits[3:6]}-{digits[6:]}" if digits[0] not in "01" else f"phone {digits}"
    return f"phone +{digits.lstrip('0')}"


_PHONE = re.compile(
    r"phone|mobile|\bcell|\btel\b|telefon|tel[eé]f|callback|call (?:me|him|her|us|them|back)|\bfax\b|whats ?app|handy"
    r"|\barea\b.{0,80}exchange"
)

_MAKERS: tuple[Callable[[Sequence[str], str], str | None], ...] = (
    _mail, _key, _account, _card, _internet, _social, _phone,
)  # fmt: skip
