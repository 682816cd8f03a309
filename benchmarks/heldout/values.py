"""Invented values of each type, by a seeded random source: right in form and check digits, and nobody's."""

from random import Random

TYPES = ("EMAIL", "PHONE", "CARD", "IBAN", "SSN", "IP", "API_KEY")

_FIRST = (
    "oyelaran", "marit", "jolanta", "dinesh", "siobhan", "tomasz", "keala", "yusra", "bram", "chidi", "ingrid", "rohan",
    "lucja", "mateus", "nokuthula", "arvid", "zeynep", "paulo", "hana", "viktor", "amara", "soren", "leilani", "omar",
)  # fmt: skip
_LAST = (
    "adeyemi", "visser", "kowalczyk", "raghavan", "gallagher", "zielinski", "kahale", "haddad", "dekker", "okonkwo",
    "lindqvist", "deshmukh", "nowicka", "teixeira", "mthembu", "bergstrom", "yildiz", "figueira", "dvorak", "petrov",
)  # fmt: skip
_DOMAINS = (
    "gmail.com", "outlook.com", "yahoo.co.uk", "proton.me", "gmx.de", "fastmail.com", "northquay.com", "harborlight.org",
    "brightfold.io", "kestrelworks.net", "ollerton.edu", "icloud.com", "web.de", "mail.ru", "greyheron.co",
)  # fmt: skip
_AREAS = (206, 212, 214, 303, 312, 404, 415, 503, 512, 602, 617, 702, 713, 718, 813, 816, 901, 916, 937, 971)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def value(rng: Random, kind: str) -> str:
    """One value of a type, as people usually write it."""
    return _MAKERS[kind](rng)


def _email(rng: Random) -> str:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    local = rng.choice((f"{first}.{last}", f"{first[0]}{last}", f"{first}{rng.randint(2, 99)}", f"{first}_{last}"))
    return f"{local}@{rng.choice(_DOMAINS)}"


def _phone(rng: Random) -> str:
    area, prefix, line = rng.choice(_AREAS), rng.choice([*range(220, 911), *range(912, 990)]), rng.randint(1000, 9999)
    form = rng.choice(("{}-{}-{}", "({}) {}-{}", "+1 {} {} {}", "+1-{}-{}-{}", "{}.{}.{}"))
    if rng.random() < 0.3:
        return rng.choice(
            (
                f"+44 7{rng.randint(100, 999)} {rng.randint(100000, 999999)}",
                f"+49 15{rng.choice('1279')} {rng.randint(10000000, 99999999)}",
                f"+33 6 {rng.randint(10, 99)} {rng.randint(10, 99)} {rng.randint(10, 99)} {rng.randint(10, 99)}",
                f"+91 9{rng.randint(1000, 9999)} {rng.randint(10000, 99999)}",
            )
        )
    return form.format(area, prefix, line)


def _card(rng: Random) -> str:
    prefix = rng.choice(("4", "51", "52", "53", "54", "55"))
    digits = prefix + "".join(str(rng.randint(0, 9)) for _ in range(15 - len(prefix)))
    number = digits + _luhn(digits)
    glue = rng.choice((" ", "-", ""))
    return glue.join(number[at : at + 4] for at in range(0, 16, 4))


def _luhn(digits: str) -> str:
    total = 0
    for place, char in enumerate(reversed(digits)):
        number = int(char) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def _iban(rng: Random) -> str:
    country, form = rng.choice((
        ("DE", "d" * 18), ("NL", "a" * 4 + "d" * 10), ("GB", "a" * 4 + "d" * 14), ("FR", "d" * 23), ("ES", "d" * 20),
        ("AT", "d" * 16), ("BE", "d" * 12), ("CH", "d" * 17), ("PL", "d" * 24), ("IT", "a" + "d" * 22),
    ))  # fmt: skip
    rest = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") if char == "a" else str(rng.randint(0, 9)) for char in form)
    number = int("".join(str(int(char, 36)) for char in f"{rest}{country}00"))
    iban = f"{country}{98 - number % 97:02}{rest}"
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4)) if rng.random() < 0.6 else iban


def _ssn(rng: Random) -> str:
    return f"{rng.choice((*range(101, 665), *range(667, 772)))}-{rng.randint(10, 99)}-{rng.randint(1001, 9999)}"


def _ip(rng: Random) -> str:
    first = rng.choice([number for number in range(11, 223) if number not in (100, 127, 169, 172, 192, 198, 203)])
    return f"{first}.{rng.randint(1, 254)}.{rng.randint(1, 254)}.{rng.randint(1, 254)}"


def _api_key(rng: Random) -> str:
    def some(count: int, of: str = _LETTERS) -> str:
        return "".join(rng.choice(of) for _ in range(count))

    return rng.choice((
        f"sk-{some(48)}",
        f"sk-proj-{some(40)}",
        f"AKIA{some(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}",
        f"ghp_{some(36)}",
        f"glpat-{some(20)}",
        f"xoxb-{rng.randint(10**11, 10**12 - 1)}-{rng.randint(10**11, 10**12 - 1)}-{some(24)}",
        f"AIza{some(35)}",
        f"sk_live_{some(24)}",
        f"hf_{some(34)}",
    ))  # fmt: skip


_MAKERS = {
    "EMAIL": _email, "PHONE": _phone, "CARD": _card, "IBAN": _iban, "SSN": _ssn, "IP": _ip, "API_KEY": _api_key,
}  # fmt: skip
