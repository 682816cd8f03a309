"""People who do not exist: given and family names of many cultures, and the forms in which people write them."""

from dataclasses import dataclass
from random import Random

from models.tagger.recipe.naming import Culture, Names, invented_word, plain_letters

_SUFFIXES = ("Jr.", "Sr.", "II", "III", "IV", "Jr")
_INVENTED = 0.3
_WORD_NAMES = 0.05
_PARTICLES = {
    "dutch": ("van", "van der", "van den", "de", "ten", "van de", "ter"),
    "german": ("von", "von der", "zu"),
    "romance": ("de", "de la", "del", "da", "dos", "do", "di", "du", "d'", "della", "de los", "le", "la"),
    "arabic": ("al-", "Al-", "el-", "El ", "bin ", "ibn ", "Abu ", "ben "),
    "celtic": ("Mac", "Mc", "O'", "O\N{RIGHT SINGLE QUOTATION MARK}", "Fitz"),
    "none": (),
}


@dataclass(frozen=True, slots=True)
class Person:
    """The parts of a name, and whether the family name comes first at home."""

    first: str
    last: str
    middle: str
    family_first: bool

    def full(self, rng: Random) -> str:
        """The name in one of the forms people write."""
        return rng.choices(_FORMS, _FORM_WEIGHTS)[0](self, rng)


def person(rng: Random, names: Names) -> Person:
    """Somebody of a random culture, one in eight with names of two."""
    culture = names.culture(rng)
    other = names.culture(rng) if rng.random() < 0.12 else culture
    first = _first(rng, culture, names)
    return Person(
        first=first,
        last=_last(rng, other, names),
        middle=rng.choice(culture.middle) if culture.middle else _first(rng, culture, names),
        family_first=other.family_first,
    )


def _first(rng: Random, culture: Culture, names: Names) -> str:
    draw = rng.random()
    if draw < _INVENTED:
        name = culture.invented_first(rng) if draw < _INVENTED * 0.88 else invented_word(rng)
    elif draw < _INVENTED + _WORD_NAMES:
        name = rng.choice(names.word_firsts)
    else:
        name = rng.choice(culture.firsts)
    if rng.random() < 0.03:
        name = f"{name}<joint>{rng.choice(culture.firsts)}".replace("<joint>", rng.choice(("-", " ", "-", " ")))
    return _worn(name, rng)


def _last(rng: Random, culture: Culture, names: Names) -> str:
    draw = rng.random()
    if draw < _INVENTED:
        name = culture.invented_last(rng) if draw < _INVENTED * 0.88 else invented_word(rng)
    elif draw < _INVENTED + _WORD_NAMES:
        name = rng.choice(names.word_lasts)
    else:
        name = rng.choice(culture.lasts)
    name = _worn(name, rng)
    particles = _PARTICLES[culture.particles]
    if particles and rng.random() < 0.2 and name[:1].isupper() and " " not in name:
        particle = rng.choice(particles)
        name = particle + name if particle[-1] in "-'\N{RIGHT SINGLE QUOTATION MARK} cz" else f"{particle} {name}"
    draw = rng.random()
    if draw < (0.35 if culture.doubled else 0.02):
        joint = rng.choice((" ", " ", " ", "-", " y ", " e ")) if culture.doubled else "-"
        name = f"{name}{joint}{_worn(rng.choice(culture.lasts), rng)}"
    return name


def _worn(name: str, rng: Random) -> str:
    """A name as keyboards leave it: three in ten without its accents, one in a hundred misspelt."""
    draw = rng.random()
    if draw < 0.3:
        name = plain_letters(name)
    if draw > 0.99 and len(name) > 4:
        at = rng.randrange(1, len(name) - 1)
        name = rng.choice((name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:]))
    return name


def initial(name: str) -> str:
    """The first letter."""
    return next((letter for letter in name if letter.isalpha()), "A").upper()


def _plain(who: Person, rng: Random) -> str:
    if who.family_first and rng.random() < 0.6:
        return f"{who.last} {who.first}"
    return f"{who.first} {who.last}"


_TABLE = (
    (66, _plain),
    (6, lambda who, _: f"{who.first} {initial(who.middle)}. {who.last}"),
    (2, lambda who, _: f"{who.first} {initial(who.middle)} {who.last}"),
    (6, lambda who, _: f"{who.first} {who.middle} {who.last}"),
    (3, lambda who, _: f"{initial(who.first)}. {who.last}"),
    (1, lambda who, _: f"{initial(who.first)} {who.last}"),
    (1, lambda who, _: f"{initial(who.first)}. {initial(who.middle)}. {who.last}"),
    (1, lambda who, _: f"{initial(who.first)}.{initial(who.middle)}. {who.last}"),
    (3, lambda who, _: f"{who.last}, {who.first}"),
    (1, lambda who, _: f"{who.last}, {initial(who.first)}."),
    (1, lambda who, _: f"{who.last} {initial(who.first)}"),
    (1, lambda who, rng: f"{who.last}/{who.first}".upper() + rng.choice((" MR", " MRS", " MS", ""))),
    (1, lambda who, _: f"{who.last}, {who.first} {initial(who.middle)}."),
    (1, lambda who, rng: f'{who.first} "{rng.choice((who.middle[:4], who.middle))}" {who.last}'),
    (1, lambda who, _: f"{who.first} ({who.middle}) {who.last}"),
    (1, lambda who, rng: f"{who.first} {who.last} {rng.choice(_SUFFIXES)}"),
    (2, lambda who, _: f"{who.first} {who.last.upper()}"),
    (2, lambda who, _: f"{who.first} {who.last}".upper()),
    (2, lambda who, _: f"{who.first} {who.last}".lower()),
    (1, lambda who, _: f"{who.first} {initial(who.last)}."),
)
_FORMS = tuple(form for _, form in _TABLE)
_FORM_WEIGHTS = tuple(weight for weight, _ in _TABLE)
