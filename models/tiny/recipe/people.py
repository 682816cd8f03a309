"""Invented people: names, e-mail addresses and phone numbers, varied so widely that a model must copy, not remember."""

import string
from dataclasses import dataclass
from random import Random

from models.tiny.recipe.grammar import capitalised, chance

FIRST_NAMES = tuple(
    "Anna Ben Carla David Elena Felix Greta Hugo Ines Jonas Karin Leo Marta Nils Olga Paul Rita Samuel Tina Ugo Vera "
    "Walter Yara Zoe Maria Jane John Sarah Peter Laura Tom Emma Lukas Nina Omar Fatima Wei Mei Priya Arjun Kofi Amara "
    "Diego Lucia Ivan Katya Sven Ingrid Pierre Chloe Marco Giulia Yusuf Leila Akira Yuki Tomas Eva Adam Alice Robert "
    "Susan Michael Linda James Mary Daniel Julia Martin Sofia Simon Hannah Oliver Grace Noah Ella Max Clara Frank "
    "Ruth".split()
)
LAST_NAMES = tuple(
    "Lopez Miller Novak Kowalska Berg Schmidt Rossi Dubois Tanaka Okafor Singh Chen Haddad Silva Jensen Larsen Weber "
    "Fischer Martin Moreau Costa Petrov Horvat Nagy Virtanen Doyle Murphy Brown Smith Jones Taylor Wilson Clark Lewis "
    "Walker Hall Young King Wright Green Baker Adams Nelson Carter Meyer Keller Brandt Vogel Winter Sommer Garcia "
    "Perez Romano Greco Kaya Demir Ali Khan Park Kim Nguyen Tran Ito Sato Osei Mensah Byrne Quinn Fox Stone Wood Hill "
    "Reed".split()
)
ACCENTED_NAMES = (
    "José",
    "Zoë",
    "André",
    "Jürgen",
    "Łukasz",
    "Sørensen",
    "Müller",
    "Peña",
    "Renée",
    "Björn",
    "Čech",
)
TOP_LEVELS = (
    "com",
    "com",
    "com",
    "org",
    "net",
    "de",
    "io",
    "eu",
    "fr",
    "it",
    "co.uk",
    "info",
    "test",
    "example",
    "dev",
)
RESERVED_DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example",
    "clinic.example",
    "bank.example",
    "shop.example",
    "mail.example.com",
    "corp.example.org",
)
PLAIN_WORDS = tuple(
    "now open gate river stone refund return order parcel market garden office doctor nurse bank card loan shop cloud "
    "server window paper summer winter morning night silver golden green black white north south east west harbour "
    "bridge tower forest meadow island castle kitchen pocket button thunder shadow candle mirror engine signal branch "
    "orange lemon cherry pepper ginger honey butter coffee spring autumn sunday friday random simple quick happy lucky "
    "quiet brave clever gentle modern ancient royal public private central global local future digital electric magic "
    "service account billing booking support invoice payment delivery ticket report meeting project student teacher "
    "parent family friend partner member client patient customer manager director secretary driver pilot sailor baker "
    "butcher farmer hunter fisher miller weaver potter mason carpenter painter singer dancer writer reader "
    "thinker".split()
)
MAILBOXES = (
    "info", "support", "billing", "hello", "office", "sales", "contact", "team", "admin", "help", "orders", "refunds",
    "returns", "accounts", "jobs", "press", "noreply", "service", "reception", "booking", "it", "hr", "mail", "me",
)  # fmt: skip

_ONSETS = (
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "qu",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "y",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou", "y")
_CODAS = ("", "", "", "l", "n", "r", "s", "t", "m", "ck", "nd", "x", "rt", "lf", "sk", "d", "w")
_PHONE_SHAPES = (
    "+## ## #######", "+## ### ######", "+# ### ### ####", "+# (###) ###-####", "(###) ###-####", "###-####",
    "###-###-####", "### ### ####", "#### #######", "0## #### ####", "0### ######", "+## #### ######", "##########",
    "555-01##", "+1 555 01# ####", "+44 20 #### ####", "+49 30 ########", "0### / #######",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist."""

    name: str
    email: str
    phone: str


def person(rng: Random) -> Person:
    """A person; the address follows the name about half of the time, so that it cannot be guessed from it."""
    first, last = first_name(rng), last_name(rng)
    name = first if chance(rng, 0.06) else _full_name(first, last, rng)
    return Person(name=name, email=email(rng, first=first, last=last), phone=phone(rng))


def first_name(rng: Random) -> str:
    """A given name: known, built from syllables, or with an accent."""
    return _name(rng, known=FIRST_NAMES, syllables=2)


def last_name(rng: Random) -> str:
    """A family name: known, built from syllables, or with an accent."""
    return _name(rng, known=LAST_NAMES, syllables=rng.choice((1, 2, 2, 3)))


def full_name(rng: Random) -> str:
    """A given and a family name."""
    return _full_name(first_name(rng), last_name(rng), rng)


def email(rng: Random, *, first: str = "", last: str = "") -> str:
    """An address whose local part follows the name, is a role, or is noise."""
    draw = rng.random()
    if draw < 0.5:
        local = _local_from_name(_plain(first or first_name(rng)), _plain(last or last_name(rng)), rng)
    elif draw < 0.62:
        local = rng.choice(MAILBOXES) if chance(rng, 0.5) else plural_or_not(rng.choice(PLAIN_WORDS), rng)
    else:
        local = _noise(rng)
    return f"{local}@{_domain(rng)}"


def phone(rng: Random) -> str:
    """A number in one of the shapes people type."""
    return "".join(rng.choice(string.digits) if mark == "#" else mark for mark in rng.choice(_PHONE_SHAPES))


def coined_word(rng: Random, *, syllables: int) -> str:
    """A pronounceable lower-case word that means nothing."""
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables))


def plural_or_not(word: str, rng: Random) -> str:
    """The word, with an s half of the time."""
    return word + "s" * chance(rng, 0.5)


def _clipped_word(rng: Random) -> str:
    """The beginning of a plain word with a syllable behind it: it looks like a name and has a word's pieces."""
    stem = rng.choice(PLAIN_WORDS)[: rng.randint(2, 5)]
    return stem + rng.choice(("", "ak", "er", "son", "ini", "ek", "a", "o", "sen"))


def _name(rng: Random, *, known: tuple[str, ...], syllables: int) -> str:
    draw = rng.random()
    if draw < 0.45:
        return rng.choice(known)
    if draw < 0.6:
        return capitalised(_clipped_word(rng))
    if draw < 0.95:
        return capitalised(coined_word(rng, syllables=syllables))
    return rng.choice(ACCENTED_NAMES)


def _full_name(first: str, last: str, rng: Random) -> str:
    draw = rng.random()
    if draw < 0.88:
        return f"{first} {last}"
    if draw < 0.92:
        return f"{first} {rng.choice(string.ascii_uppercase)}. {last}"
    if draw < 0.96:
        return f"{first} {last}-{rng.choice(LAST_NAMES)}"
    return f"{first[:1]}. {last}"


def _local_from_name(first: str, last: str, rng: Random) -> str:
    shapes = (f"{first}.{last}", f"{first}.{last}", f"{first[:1]}.{last}", f"{first[:1]}{last}", f"{first}_{last}",
              f"{first}-{last}", f"{last}.{first}", f"{first}{last}", first, last)  # fmt: skip
    return rng.choice(shapes) + _digits(rng, at_most=4) * chance(rng, 0.35)


def _noise(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.5:
        return coined_word(rng, syllables=rng.choice((1, 2, 2))) + _digits(rng, at_most=4) * chance(rng, 0.5)
    letters = string.ascii_lowercase + (string.digits if draw < 0.85 else "._-")
    body = "".join(rng.choice(letters) for _ in range(rng.randint(2, 7)))
    return rng.choice(string.ascii_lowercase) + body + rng.choice(string.ascii_lowercase)


def _domain(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(RESERVED_DOMAINS)
    stem = rng.choice(PLAIN_WORDS) if chance(rng, 0.2) else coined_word(rng, syllables=rng.choice((1, 2, 2)))
    if draw < 0.65:
        stem += rng.choice(("mail", "post", "soft", "shop", "clinic", "bank", "-group", "-online", "24", "web"))
    return f"{stem}.{rng.choice(TOP_LEVELS)}"


def _digits(rng: Random, *, at_most: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(rng.randint(1, at_most)))


def _plain(name: str) -> str:
    """The name as an address writes it: lower case, ASCII letters only."""
    return "".join(letter for letter in name.lower() if letter in string.ascii_lowercase) or "x"
