"""Gates: what a text must hold before a costly recogniser can find anything in it. Necessary conditions only.

A gate may let through what turns out to be nothing; it must never hold back what the recogniser would report.
`test_sensitivity_gate.py` compares both ways on generated texts, `benchmarks/sensitivity.py --gates` on data.
"""

import re
from collections.abc import Mapping

PHONE_MARKS = (
    r"xX ()+./~\[\]\u00a0\u00ad\u200b\u2010-\u2015\u2053\u2060\u2212\u223c\u3000\u30fc\uff08\uff09\uff0b"
    r"\uff0d-\uff0f\uff3b\uff3d\uff5e-"
)
"""What libphonenumber takes for punctuation inside a number; a comma is none, or every list would be one."""

GATES: Mapping[str, re.Pattern[str]] = {
    "CREDIT_CARD": re.compile(r"\d(?:[ -]?\d){12}"),
    "CRYPTO": re.compile(r"(?:[bB][cC]1|[13])[A-Za-z0-9]{25}"),
    "EMAIL_ADDRESS": re.compile("@"),
    "IBAN_CODE": re.compile(r"[A-Za-z]{2}\d\d[ -]?[A-Za-z0-9]{4}"),
    "IP_ADDRESS": re.compile(r"\d\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:"),
    "MAC_ADDRESS": re.compile(r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\."),
    "MEDICAL_LICENSE": re.compile(r"[A-Za-z][A-Za-z9]\d{7}"),
    "PHONE_NUMBER": re.compile(rf"\d(?:[{PHONE_MARKS}]{{0,4}}\d){{6}}"),
    "UK_NHS": re.compile(r"\d{3}[- ]?\d{3}[- ]?\d{4}"),
    "US_BANK_NUMBER": re.compile(r"\d{8}"),
    "US_DRIVER_LICENSE": re.compile(r"\d"),
    "US_ITIN": re.compile(r"9\d\d[- ]?\d\d[- ]?\d{4}"),
    "US_PASSPORT": re.compile(r"\d{8}"),
    "US_SSN": re.compile(r"\d{3}[- .]?\d\d[- .]?\d{4}"),
}
"""Entity type -> what its patterns cannot do without.

Phones: libphonenumber joins digits over at most four marks of punctuation, and no number of the asked regions has
fewer than seven digits, but for a few old local ones in Germany, which look like any year or price.
"""


def may_hold(entity: str, text: str) -> bool:
    """Whether a text can hold an entity. True for an entity without a gate."""
    gate = GATES.get(entity)
    return gate is None or gate.search(text) is not None
