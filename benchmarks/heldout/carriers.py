"""Sentences that carry a value, in the style of what people send to a model."""

from collections.abc import Iterator
from random import Random

_NAMED = {
    "EMAIL": ("e-mail", "email", "mail address", "contact address"),
    "PHONE": ("phone", "phone number", "mobile", "callback number"),
    "CARD": ("card", "credit card", "card number", "payment card"),
    "IBAN": ("IBAN", "account (IBAN)", "bank account", "iban"),
    "SSN": ("SSN", "social security number", "social", "ssn"),
    "IP": ("IP", "IP address", "client address", "source ip"),
    "API_KEY": ("API key", "token", "access key", "secret"),
}

_SAID = (
    "Summarize this ticket for the weekly report. The customer's {k} is {v} and she wants a refund.",
    "Please draft a polite follow-up. Their {k}: {v}",
    "{k}: {v}\n\nIs that in the right form?",
    "hey can u update the {k} to {v} thx",
    "Turn these notes into bullet points: spoke to the client, will pay on Friday, {k} {v}, wants an invoice.",
    "Here is what the applicant filled in. {k} = {v}; status = pending. Write the next letter.",
    "i typed my {k} wrong before, it should be {v}, can you fix the form text",
    'Translate to French: "My {k} is {v}."',
    "Rewrite this more formally:\nyo my {k} is {v} hit me up",
    "Agent: and your {k}?\nCaller: {v}\nAgent: thank you, one moment.\n\nSummarise the call.",
    "Check the following record for errors and list them. name: (hidden), {k}: {v}, plan: gold",
    'The note on the parcel says "{k} {v}". What should the driver do?',
    "Extract all fields as JSON from: order 2 mugs, gift wrap, {k} {v}",
    "When I log in the portal shows {k} {v} next to my profile. How do I hide it?",
    "We got this through the form last night: {v} ({k}). Draft an answer.",
)
_BARE = (
    "Please add {v} to the record and confirm.",
    "Use {v} for the next step.",
    "Write a short reply that repeats {v} back to the sender.",
    "What should I do with {v}?",
)


def carrier(rng: Random, kind: str, *, bare: float = 0.05) -> tuple[str, str]:
    """A sentence with `{v}` for the value, and its name. A few say nothing about what the value is."""
    if rng.random() < bare:
        number = rng.randrange(len(_BARE))
        return _BARE[number], f"bare-{number}"
    number = rng.randrange(len(_SAID))
    return _SAID[number].replace("{k}", rng.choice(_NAMED[kind])), f"said-{number}"


def without(missing: str = "(not given)") -> Iterator[tuple[str, str]]:
    """Every sentence with nothing in the value's place, and its name."""
    for number, said in enumerate(_SAID):
        for kind, (name, *_) in _NAMED.items():
            yield said.replace("{k}", name).replace("{v}", missing), f"said-{number} {kind}"
    for number, bare in enumerate(_BARE):
        yield bare.replace("{v}", missing), f"bare-{number}"
