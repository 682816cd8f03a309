"""Dates, amounts, numbers: the values around a name."""

import string
from random import Random

from models.tagger.recipe.lists import words

DOMAINS = ("example.com", "example.org", "mail.example", "gmail.com", "yahoo.com", "outlook.com", "corp.example",
           "company.test", "uni.example", "web.de", "hotmail.co.uk", "icloud.com")  # fmt: skip
_PHONES = ("+1 ### ### ####", "(###) ###-####", "###-###-####", "+44 20 #### ####", "07### ######",
           "+49 30 #######", "+91 ##### #####", "0# ## ## ## ##", "##########", "+34 ### ### ###",
           "555-01##", "###.###.####")  # fmt: skip
_IDS = (
    "#######",
    "@@-####",
    "@@@###",
    "INV-#####",
    "#####-##",
    "ORD-######",
    "TKT#####",
    "#########",
    "@#######",
    "##-#####",
)
_CURRENCIES = ("$", "$", "$", "$", "£", "€", "₹", "¥", "R", "₦", "CHF ", "USD ", "EUR ", "A$", "C$", "Rs. ", "KES ")
_AFTER = (" dollars", " euros", " EUR", " USD", "k", " pounds", " bucks", "€", " kr", " zł", " SEK", " lakh", " reais")
_PERIODS = (
    " a year",
    " per year",
    "/yr",
    " per month",
    " a month",
    "/month",
    " p.a.",
    " annually",
    " an hour",
    "/hr",
    "",
)


def birthday(rng: Random) -> str:
    """A day of birth as people write it."""
    year, month, day = rng.randint(1928, 2022), rng.randint(1, 12), rng.randint(1, 28)
    name = words("things")["month"][month - 1]
    suffix = "th" if 3 < day < 21 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return rng.choice((
        f"{month:02}/{day:02}/{year}", f"{day:02}/{month:02}/{year}", f"{day}.{month}.{year}",
        f"{day:02}.{month:02}.{year}", f"{year}-{month:02}-{day:02}", f"{name} {day}, {year}", f"{day} {name} {year}",
        f"{day} {name[:3]} {year}", f"{name[:3]} {day}, {year}", f"{day}{suffix} {name} {year}",
        f"{name} {day}{suffix}, {year}", f"{day}{suffix} of {name} {year}", f"{month}/{day}/{year % 100:02}",
        f"{day:02}-{month:02}-{year}", f"{day}-{name[:3]}-{year}", f"{year}/{month:02}/{day:02}",
        f"{day:02}{month:02}{year}", f"{name} {day} {year}", f"{day:02} {name[:3].upper()} {year}",
    ))  # fmt: skip


def iso_birthday(rng: Random) -> str:
    """A day of birth as programs write it."""
    return f"{rng.randint(1928, 2022)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def date(rng: Random) -> str:
    """Any other day."""
    month = words("things")["month"][rng.randrange(12)]
    day, year = rng.randint(1, 28), rng.randint(2015, 2027)
    return rng.choice((
        f"{month} {day}", f"{day} {month}", f"{month} {day}, {year}", f"{day}/{rng.randint(1, 12)}/{year}",
        iso_date(rng), f"{rng.randint(1, 12)}/{day}", f"{month} {year}", str(year),
        f"{day:02}.{rng.randint(1, 12):02}.{year}",
    ))  # fmt: skip


def iso_date(rng: Random) -> str:
    """A day as programs write it."""
    return f"{rng.randint(2012, 2027)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def timestamp(rng: Random) -> str:
    """A time as logs write it."""
    end = rng.choice(("", "Z", f".{rng.randint(100, 999)}", ",042"))
    hour, minute, second = rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59)
    return f"{iso_date(rng)}{rng.choice(' T')}{hour:02}:{minute:02}:{second:02}{end}"


def clock(rng: Random) -> str:
    """A time of day."""
    hour, minute = rng.randint(1, 12), rng.choice((0, 15, 30, 45))
    return rng.choice(
        (f"{hour}pm", f"{hour} am", f"{hour}:{minute:02}", f"{hour}:{minute:02} PM", f"{hour + 8}:{minute:02}", "noon")
    )


def phone(rng: Random) -> str:
    """A number in one of the shapes that people type."""
    return _drawn(rng.choice(_PHONES), rng)


def record_id(rng: Random) -> str:
    """An order, a ticket, an invoice."""
    return _drawn(rng.choice(_IDS), rng)


def price(rng: Random) -> str:
    """What something costs."""
    number = rng.choice((rng.randint(2, 99), rng.randint(100, 4000)))
    return f"{rng.choice(_CURRENCIES)}{number}{rng.choice(('', '', '.50', '.99', '.00'))}"


def amount(rng: Random) -> str:
    """A balance, a debt, a transfer."""
    number = rng.choice((rng.randint(20, 999), rng.randint(1000, 9999), rng.randint(10_000, 900_000)))
    written = rng.choice(
        (f"{number:,}", f"{number:,}", str(number), f"{number:,}.{rng.randint(0, 99):02}", f"{number // 1000 + 1}k")
    )
    if rng.random() < 0.2:
        return written.removesuffix("k") + rng.choice(_AFTER)
    return rng.choice(_CURRENCIES) + written


def public_sum(rng: Random) -> str:
    """A sum that is nobody's: a budget, a turnover, a price."""
    if rng.random() < 0.4:
        return amount(rng)
    number = rng.choice((rng.randint(1, 999), rng.randint(10, 99) / 10, rng.randint(1_000_000, 2_000_000_000)))
    scale = "" if number > 1_000_000 else rng.choice((" million", " billion", "M", "bn", " trillion", "k"))
    return f"{rng.choice(_CURRENCIES[:8])}{number:,}{scale}"


def salary(rng: Random) -> str:
    """What somebody earns."""
    number = rng.choice(
        (rng.randint(9, 60), rng.randint(1_400, 9_900), rng.randint(18, 320) * 1000, rng.randint(18, 320) * 500)
    )
    written = rng.choice((f"{number:,}", f"{number:,}", str(number), f"{number // 1000 or number}k"))
    return rng.choice(_CURRENCIES[:12]) + written + rng.choice(_PERIODS)


def _drawn(shape: str, rng: Random) -> str:
    drawn = {"#": string.digits, "@": string.ascii_uppercase}
    return "".join(rng.choice(drawn[mark]) if mark in drawn else mark for mark in shape)
