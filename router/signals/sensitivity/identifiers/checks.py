"""Checks of identifiers: python-stdnum's by name, and those that it does not have."""

import re
from collections.abc import Callable
from importlib import import_module

from stdnum import luhn

Check = Callable[[str], bool]


def stdnum(name: str) -> Check:
    """The check of a module of python-stdnum, such as `nl.bsn`. One that breaks over a number has not said no to it."""
    valid: Check = import_module(f"stdnum.{name}").is_valid

    def check(value: str) -> bool:
        try:
            return valid(value)
        except Exception:  # noqa: BLE001 - cn.ric does, over a county that its table lacks: the digits before it held
            return True

    return check


def any_of(*checks: Check) -> Check:
    """Whether one of several holds."""
    return lambda value: any(check(value) for check in checks)


def bare(value: str) -> str:
    """Without separators, in capitals."""
    return re.sub(r"[^0-9A-Za-z]", "", value).upper()


def year_first(value: str) -> bool:
    """Six digits that can be a day of birth, its year first: `990531`; months of some countries add 20, 50 or 70."""
    digits = re.sub(r"\D", "", value)
    return int(digits[2:4]) % 10 <= 9 and 1 <= _month(int(digits[2:4])) <= 12 and 1 <= int(digits[4:6]) % 40 <= 31  # noqa: PLR2004


def _month(month: int) -> int:
    return next((month - more for more in (70, 50, 20) if month > more), month)


def singapore(value: str) -> bool:
    """NRIC and FIN."""
    number = bare(value)
    total = sum(weight * int(digit) for weight, digit in zip((2, 7, 6, 5, 4, 3, 2), number[1:8], strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    if number[0] == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == number[8]
    return ("JZIHGFEDCBA" if number[0] in "ST" else "XWUTRQPNMLK")[total % 11] == number[8]


def hong_kong(value: str) -> bool:
    """HKID."""
    number = bare(value).rjust(9)
    values = [36 if char == " " else int(char, 36) for char in number[:8]]
    total = sum(weight * digit for weight, digit in zip(range(9, 1, -1), values, strict=True))
    return (total + int(number[8], 11)) % 11 == 0 if number[8] in "0123456789A" else False


def taiwan(value: str) -> bool:
    """National identification number."""
    number = bare(value)
    region = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    digits = [region // 10, region % 10, *map(int, number[1:])]
    return sum(w * d for w, d in zip((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), digits, strict=True)) % 10 == 0


def medicare_australia(value: str) -> bool:
    """The ninth digit checks the first eight."""
    digits = [int(char) for char in bare(value)]
    return sum(w * d for w, d in zip((1, 3, 7, 9, 1, 3, 7, 9), digits, strict=False)) % 10 == digits[8]


def vin(value: str) -> bool:
    """The ninth character of a vehicle's number checks the others, in North America and China."""
    letters = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    values = [letters.get(char, 0) if char.isalpha() else int(char) for char in bare(value)]
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    remainder = sum(w * v for w, v in zip(weights, values, strict=True)) % 11
    return "0123456789X"[remainder] == bare(value)[8]


def npi(value: str) -> bool:
    """A provider's number passes Luhn's check after its prefix."""
    return luhn.is_valid("80840" + bare(value))


def luhn_valid(value: str) -> bool:
    """Luhn's check."""
    return luhn.is_valid(bare(value))


def snils(value: str) -> bool:
    """Russia's insurance number."""
    digits = [int(char) for char in bare(value)]
    return sum(w * d for w, d in zip(range(9, 0, -1), digits, strict=False)) % 101 % 100 == digits[9] * 10 + digits[10]


def pension_germany(value: str) -> bool:
    """Area, birthday, initial, serial number, check digit."""
    number = bare(value)
    digits = "".join(f"{ord(char) - 64:02d}" if char.isalpha() else char for char in number[:11])
    total = sum(sum(divmod(w * int(d), 10)) for w, d in zip((2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), digits, strict=True))
    return total % 10 == int(number[11])


def has_digit(value: str) -> bool:
    """Plates and numbers of papers hold one."""
    return any(char.isdigit() for char in value)
