"""What each slot of a template stands for, and the label that it brings."""

import string
from collections.abc import Callable
from random import Random

from models.tagger.recipe import coinage, organisations, places, values, vocabulary
from models.tagger.recipe.example import Marked
from models.tagger.recipe.grammar import Maker, Scene, Slots
from models.tagger.recipe.lists import templates, words
from models.tagger.recipe.naming import Names, plain_letters
from models.tagger.recipe.people import Person, person

_TITLE_SHARE = 0.07  # whole names with a title, which is no part of the name
_NATIVE_SHARE = 0.012  # names in their own script within an English text


_EPONYMS = (
    "{} Park", "{} Street", "{} Bridge", "{} Square", "{} County", "{} Airport", "{} Stadium", "{} Island", "Lake {}",
    "Mount {}", "Fort {}", "Port {}", "{}ville", "{} Valley", "{} Avenue", "{} Hill", "{} River", "Cape {}", "{} Beach",
)  # fmt: skip


def slots(names: Names, *, packages: bool) -> Slots[Person]:
    """The table of all slots."""
    return {**_people(names), **_about_people(names), **_plain(), **_spoken(packages=packages), **_prose()}


def _people(names: Names) -> dict[str, tuple[str | None, Maker[Person]]]:
    def who(scene: Scene[Person], key: str) -> Person:
        if not key:
            return person(scene.rng, names)
        if key not in scene.cast:
            scene.cast[key] = person(scene.rng, names)
        return scene.cast[key]

    def named(scene: Scene[Person], key: str) -> str:
        return full(scene, key) if scene.rng.random() < 0.65 else who(scene, key).first

    def full(scene: Scene[Person], key: str) -> str:
        if not key and scene.rng.random() < _NATIVE_SHARE:
            return scene.rng.choice(names.native)
        return who(scene, key).full(scene.rng)

    def addressed(scene: Scene[Person], key: str) -> Marked:
        name, title = full(scene, key), ""
        if scene.rng.random() < _TITLE_SHARE:
            title = scene.rng.choice(words("things")["title"]) + " "
        return Marked(title + name, ((len(title), len(title) + len(name), "PERSON"),))

    return {
        "person": (None, addressed),
        "plain": ("PERSON", lambda scene, key: f"{who(scene, key).first} {who(scene, key).last}"),
        "named": ("PERSON", named),
        "first": ("PERSON", lambda scene, key: who(scene, key).first),
        "last": ("PERSON", lambda scene, key: who(scene, key).last),
        "firsts": ("PERSON", lambda scene, key: f"{who(scene, key).first}s"),
        "family": ("PERSON", lambda scene, key: f"{who(scene, key).last}s"),
        "caps": ("PERSON", lambda scene, key: f"{who(scene, key).first} {who(scene, key).last}".upper()),
        "comma": ("PERSON", lambda scene, key: f"{who(scene, key).last}, {who(scene, key).first}"),
        "lower": ("PERSON", lambda scene, key: f"{who(scene, key).first} {who(scene, key).last}".lower()),
        "native": ("PERSON", lambda scene, _: scene.rng.choice(names.native)),
        "eponym": ("LOCATION", lambda scene, _: scene.rng.choice(_EPONYMS).format(person(scene.rng, names).last)),
        "word_name": (None, lambda scene, _: scene.rng.choice(words("names")["plain word"])),
        "slug": ("PERSON", lambda scene, key: _slug(who(scene, key), scene.rng)),
        "handle": (None, lambda scene, key: _handle(who(scene, key), scene.rng)),
        "email": (None, lambda scene, key: _email(who(scene, key), scene.rng)),
    }


def _about_people(names: Names) -> dict[str, tuple[str | None, Maker[Person]]]:
    facts = ("condition", "symptom", "drug", "procedure", "result", "state")
    return {
        "address": ("ADDRESS", lambda scene, _: places.address(scene.rng, names)),
        "oneline": ("ADDRESS", lambda scene, _: places.one_line(scene.rng, names)),
        "street": ("ADDRESS", lambda scene, _: places.street(scene.rng, names)),
        "postcode": ("ADDRESS", lambda scene, _: places.postcode(scene.rng)),
        "dob": ("DATE_OF_BIRTH", lambda scene, _: values.birthday(scene.rng)),
        "iso_dob": ("DATE_OF_BIRTH", lambda scene, _: values.iso_birthday(scene.rng)),
        "salary": ("FINANCES", lambda scene, _: values.salary(scene.rng)),
        "money": ("FINANCES", lambda scene, _: values.amount(scene.rng)),
        "hardship": ("FINANCES", lambda scene, _: scene.rng.choice(words("facts")["hardship"])),
        **{slot: ("HEALTH", _drawn("facts", slot)) for slot in facts},
        "health": ("HEALTH", _any_health),
        "medication": ("HEALTH", _medication),
        "city": ("LOCATION", lambda scene, _: places.city(scene.rng)),
        "country": ("LOCATION", _drawn("places", "country")),
        "region": ("LOCATION", _drawn("places", "region")),
        "landmark": ("LOCATION", _drawn("places", "landmark")),
        "place": ("LOCATION", _place),
        "org": ("ORGANIZATION", lambda scene, _: organisations.organisation(scene.rng, names)),
        "company": ("ORGANIZATION", lambda scene, _: organisations.company(scene.rng, names)),
        "school": ("ORGANIZATION", lambda scene, _: organisations.school(scene.rng, names)),
        "hospital": ("ORGANIZATION", lambda scene, _: organisations.hospital(scene.rng, names)),
        "bank": ("ORGANIZATION", lambda scene, _: organisations.bank(scene.rng, names)),
    }


def _plain() -> dict[str, tuple[str | None, Maker[Person]]]:
    lists = {section: section for section in words("things") if " " not in section} | {
        "lang": "language", "tongue": "human language", "feast": "holiday", "techs": "tech phrase",
    }  # fmt: skip
    numbers: dict[str, Callable[[Random], str]] = {
        "n": lambda rng: str(rng.randint(2, 99)),
        "big": lambda rng: str(rng.randint(100, 99_999)),
        "id": values.record_id,
        "time": values.clock,
        "date": values.date,
        "iso": values.iso_date,
        "stamp": values.timestamp,
        "phone": values.phone,
        "price": values.price,
        "sum": values.public_sum,
        "hex": lambda rng: "".join(rng.choice("0123456789abcdef") for _ in range(rng.choice((7, 8, 12, 40)))),
        "ip": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
        "age": lambda rng: str(rng.randint(3, 96)),
        "letter": lambda rng: rng.choice(string.ascii_uppercase),
        "host": lambda rng: f"{rng.choice(('web', 'db', 'app', 'node', 'cache', 'prod'))}-{rng.randint(1, 40):02}",
        "dose": lambda rng: rng.choice(words("facts")["dose"]),
    }
    return {
        **{slot: (None, _drawn("things", section)) for slot, section in lists.items()},
        **{slot: (None, _number(make)) for slot, make in numbers.items()},
    }


def _spoken(*, packages: bool) -> dict[str, tuple[str | None, Maker[Person]]]:
    nouns, verbs, adjectives, adverbs = (
        vocabulary.spoken(kind, packages=packages) for kind in ("noun", "verb", "adjective", "adverb")
    )
    jobs, english = vocabulary.jobs(packages=packages), vocabulary.english(packages=packages)
    languages = vocabulary.foreign(packages=packages)
    return {
        slot: (None, _number(make))
        for slot, make in {
            "noun": lambda rng: rng.choice(nouns),
            "nouns": lambda rng: vocabulary.plural(rng.choice(nouns)),
            "verb": lambda rng: rng.choice(verbs),
            "adj": lambda rng: rng.choice(adjectives),
            "adverb": lambda rng: rng.choice(adverbs),
            "job": lambda rng: rng.choice(jobs),
            "past": lambda rng: vocabulary.past(rng.choice(verbs)),
            "thirds": lambda rng: vocabulary.third(rng.choice(verbs)),
            "gerund": lambda rng: vocabulary.gerund(rng.choice(verbs)),
            "cnoun": lambda rng: rng.choice(nouns).capitalize(),
            "cadj": lambda rng: rng.choice(adjectives).capitalize(),
            "coined": lambda rng: coinage.coined(rng, nouns),
            "camel": lambda rng: coinage.camel(rng, (nouns, verbs, adjectives)),
            "identifier": lambda rng: coinage.camel(rng, (nouns, verbs, adjectives)),
            "babble": lambda rng: coinage.babble(rng, rng.choice(languages)),
            "babble_english": lambda rng: coinage.babble(rng, english),
        }.items()
    }


def _prose() -> dict[str, tuple[str | None, Maker[Person]]]:
    """Every section of the prose grammar is a slot."""
    return {section: (None, _line("prose", section)) for section in templates("prose")}


def _line(name: str, section: str) -> Maker[Person]:
    return lambda scene, _: scene.rng.choice(templates(name)[section])


def _drawn(name: str, section: str) -> Maker[Person]:
    return lambda scene, _: scene.rng.choice(words(name)[section])


def _number(make: Callable[[Random], str]) -> Maker[Person]:
    return lambda scene, _: make(scene.rng)


def _any_health(scene: Scene[Person], _: str) -> str:
    kinds = ("condition", "condition", "condition", "symptom", "result", "procedure")
    return scene.rng.choice(words("facts")[scene.rng.choice(kinds)])


def _medication(scene: Scene[Person], _: str) -> str:
    drug = scene.rng.choice(words("facts")["drug"])
    return f"{drug} {scene.rng.choice(words('facts')['dose'])}" if scene.rng.random() < 0.4 else drug


def _place(scene: Scene[Person], _: str) -> str:
    draw = scene.rng.random()
    if draw < 0.6:
        return places.city(scene.rng)
    return scene.rng.choice(words("places")["country" if draw < 0.8 else "region" if draw < 0.92 else "landmark"])


def _slug(who: Person, rng: Random) -> str:
    """A name as it stands in identifiers and file names."""
    first, last = _letters(who.first), _letters(who.last)
    capital = f"{first.title()}{rng.choice(('', '_'))}{last.title()}"
    joined = f"{first}{rng.choice('_-.')}{last}"
    return rng.choice((joined, joined, joined, f"{first}{last}", f"{last}_{first}", capital, capital))


def _handle(who: Person, rng: Random) -> str:
    first, last = _letters(who.first), _letters(who.last)
    return rng.choice(
        (f"{first[:1]}{last}", f"{first}{rng.randint(1, 99)}", f"{last}{first[:1]}", f"{first}_{last[:1]}")
    )


def _email(who: Person, rng: Random) -> str:
    first, last = _letters(who.first), _letters(who.last)
    local = rng.choice(
        (f"{first}.{last}", f"{first[:1]}{last}", f"{first}{rng.randint(1, 99)}", f"{last}.{first}", first)
    )
    return f"{local}@{rng.choice(values.DOMAINS)}"


def _letters(name: str) -> str:
    return "".join(letter for letter in plain_letters(name).lower() if letter.isascii() and letter.isalpha()) or "x"
