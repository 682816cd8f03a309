"""Documents with a name or an address, and documents with a hard identifier: `text`, `types`, `template`, `source`."""

from collections.abc import Iterator
from random import Random
from typing import Any

from carriers import carrier
from people import address, person
from templates import templates
from values import TYPES, value

_COMPANIES = ("Brightfold Ltd", "Northquay Logistics", "Greyheron GmbH", "Ollerton & Sons", "Kestrel Works", "Saltmarsh Foods",
              "Harborlight Clinic", "Pemberton Tools", "Larkspur Bank", "Quarryside Press")  # fmt: skip
_CITIES = (
    "Leeds",
    "Porto",
    "Nairobi",
    "Osaka",
    "Tulsa",
    "Bremen",
    "Lima",
    "Cork",
    "Pune",
    "Tampere",
    "Izmir",
    "Halifax",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "March", "May", "June", "September", "November")

PERSONAL_SLOTS = {"{p}": "PERSON", "{q}": "PERSON", "{g}": "PERSON", "{f}": "PERSON", "{a}": "ADDRESS"}


def named(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Documents with a name or an address, each template as often as any other."""
    forms = templates()
    for number in range(count):
        name, form = forms[number % len(forms)]
        rng = Random(f"{seed} {name} {number}")
        one, other = person(rng), person(rng)
        types = sorted({kind for slot, kind in PERSONAL_SLOTS.items() if slot in form})
        place, country = address(rng)
        text = form.format(
            p=one.full, q=other.full, g=one.given, f=one.family, a=place, o=rng.choice(_COMPANIES), c=rng.choice(_CITIES),
            d=f"{rng.randint(1, 28)} {rng.choice(_MONTHS)}", n=rng.randint(12, 9876), w=rng.choice(_DAYS),
        )  # fmt: skip
        text, style = _styled(rng, text, form)
        source = one.culture if "PERSON" in types else f"address {country}"
        yield {"text": text, "types": types, "template": name, "source": source, "transform": style}


def _styled(rng: Random, text: str, form: str) -> tuple[str, str]:
    """As written; a fifth in lower case, a few in capitals or without punctuation."""
    roll = rng.random()
    if form.startswith("Uppercase"):
        return text, "as written"
    if roll < 0.2:
        return text.lower(), "lower case"
    if roll < 0.25:
        return text.upper(), "capitals"
    if roll < 0.3:
        return "".join(char for char in text if char not in ",;:!?").replace(". ", " "), "no punctuation"
    return text, "as written"


_HARD = (
    '{{"id": {n}, "{k}": "{v}", "plan": "gold"}}\nAdd a comment to each field.',
    "date,{k},status\n12 May,{v},open\nCount the open rows.",
    "INFO request from=web {k}={v} took=31ms\nWARN retry\nWhat happened here?",
    "{s}\n\nAlso tell me what the weather in Porto is usually like in May.",
    'Explain this function:\n\ndef notify():\n    send("{v}")\n',
    '<row {k}="{v}"/> as YAML please',
    "1. oil change\n2. tyres\n3. {k} {v}\n4. receipt\nSort by urgency.",
    "UPDATE clients SET {k} = '{v}' WHERE id = {n}; is this safe?",
    "{s}",
    "{s}",
    "{s}",
    "> On Tuesday they wrote:\n> {k} {v}\n> regards\nAnswer kindly.",
    "#!/bin/sh\n{K}={v}\necho done\nreview",
    "{long}\n\n{s}\n\n{long}",
)
_FIELDS = {
    "EMAIL": "email",
    "PHONE": "phone",
    "CARD": "card_no",
    "IBAN": "iban",
    "SSN": "ssn",
    "IP": "client_ip",
    "API_KEY": "api_key",
}
_LONG = (
    "The harbour wall was built in stages, and each stage used a different stone. Visitors notice the change in colour first. "
    "Masons point out the joints instead: narrow where money was plentiful, wide where it was not. A storm tore out the middle "
    "third, which is why the newest part sits between two old ones. Repairs follow the tides, four hours at a time. "
)


def hard(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Documents with a hard identifier as people, programs and logs write it."""
    for number in range(count):
        kind = TYPES[number % len(TYPES)]
        rng = Random(f"{seed} hard {number}")
        at = rng.randrange(len(_HARD))
        given = value(rng, kind)
        sentence, name = carrier(rng, kind)
        key = _FIELDS[kind]
        text = _HARD[at].format(n=rng.randint(1, 999), k=key, K=key.upper(), v=given, s=sentence.replace("{v}", given),
                                long=_LONG * rng.randint(1, 12))  # fmt: skip
        yield {"text": text, "type": kind, "template": f"hard-{at} {name}", "source": "hard"}
