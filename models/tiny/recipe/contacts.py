"""Sentences with somebody's contact details in them, and what a reader finds there."""

from random import Random

from models.tiny.recipe import people, tickets
from models.tiny.recipe.grammar import capitalised, chance, expand

_SENTENCES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("name", "email", "phone"): (
        "{name} called, {their} number is {phone} and {their} e-mail is {email}",
        "the patient {name} called, {their} number is {phone} and {their} e-mail is {email}",
        "kind regards\n{name}\n{email}\n{phone}",
        "{their} name is {name}, {their} phone is {phone}, mail goes to {email}",
        "my name is {name}, you can reach me at {email} or {phone}",
        "{name} left {their} number {phone} and e-mail {email}",
        "please call {name} at {phone} or write to {email}", "{name} ({email}) asked us to call back on {phone}",
        "{name}, {email}, {phone}", "{name}\n{email}\n{phone}", "contact {name}, {phone}, {email}",
        "my name is {name}, my e-mail is {email} and my phone is {phone}",
        "you can reach {name} under {phone} or {email}", "regards,\n{name}\n{phone}\n{email}",
        "{name} | {email} | {phone}",
        "I am {name}. Call me on {phone} or send an e-mail to {email}",
        "write to {email} or call {phone} and ask for {name}",
        "this is {name}, phone {phone}, e-mail {email}", "name: {name}, email: {email}, phone: {phone}",
        "kind regards, {name} {phone} {email}",
        "the new customer is {name}, {email}, tel. {phone}",
        "the patient {name} has the number {phone} and the address {email}",
        "best,\n{name}\ntel. {phone}\nmail {email}", "{name} <{email}> {phone}",
        "please send the report to {name} at {email}, phone {phone}",
    ),
    ("name", "email"): (
        "this is {name} ({email})", "{their} name is {name} and {their} e-mail is {email}", "best,\n{name} ({email})",
        "please write to {name} at {email}", "{name} <{email}>", "contact {name} ({email})",
        "my name is {name} and my e-mail is {email}",
        "{name} can be reached at {email}", "regards,\n{name}\n{email}", "send the invoice to {name}, {email}",
        "from: {name} <{email}>",
        "I am {name}, please answer to {email}", "{email} belongs to {name}", "name: {name}, email: {email}",
        "{name}, {email}",
    ),
    ("name", "phone"): (
        "please call {name} at {phone}", "{name} has the number {phone}", "{name}, {phone}",
        "ask for {name} under {phone}",
        "my name is {name} and my phone number is {phone}", "regards,\n{name}\n{phone}",
        "call {phone} and ask for {name}",
        "{name} asked for a call on {phone}", "name: {name}, phone: {phone}", "I am {name}, my number is {phone}",
    ),
    ("email",): (
        "for help contact {email}", "for orders write to {email}", "send the report to {email}, please",
        "{their} e-mail is {email}",
        "you can write to me at {email}", "for questions mail {email}", "please copy {email} on it",
        "{email} is my new address",
        "please write to {email}", "my address is {email}", "{email}", "send it to {email}, please",
        "contact us at {email}",
        "the e-mail is {email}", "{name} wrote from {email}", "you can reach {name} at {email}",
        "please send the invoice to {email}",
        "my old mail is gone, use {email} from now on", "from: {email}", "{name} <{email}>",
        "{name}, {phone}, {email}",
        "is {email} the right address for {name}", "I never got your mail to {email}",
        "reply to {email} or call {phone}",
    ),
    ("name",): ("please contact {name}", "this is {name}", "I am {name}", "regards,\n{name}",
     "{name} asked for a call back"),
    (): ("nobody left any contact details", "please call me back", "there was no signature",
    "he did not say who he was"),
}  # fmt: skip


def sentence_about(someone: people.Person, keys: tuple[str, ...], rng: Random) -> str:
    """A text that mentions what was asked for; one time in eight something is missing, and then its value is null."""
    mentioned = keys
    if chance(rng, 0.12):
        mentioned = rng.choice(((), ("email",), ("name",), ("name", "email"), ("name", "phone")))
    slots = {
        "name": (someone.name,),
        "email": (someone.email,),
        "phone": (someone.phone,),
        "their": (rng.choice(("his", "her", "their", "the")),),
    }
    text = _filled(rng.choice(_SENTENCES[mentioned]), rng, slots)
    if chance(rng, 0.25):
        text = f"{tickets.remark(rng)} {text}"
    if chance(rng, 0.15):
        text = f"{text} {tickets.remark(rng)}" if text.endswith((".", "!", "?")) else f"{text}\n{tickets.remark(rng)}"
    return text


def _filled(shape: str, rng: Random, slots: dict[str, tuple[str]]) -> str:
    """The sentence with a raised first letter, but never inside a value, which must be copied as it stands."""
    raised = shape if shape.startswith("{") else capitalised(shape)
    ends_in_value = shape.endswith(("}", ">", ")"))
    return expand(raised, rng, slots) + ("" if ends_in_value and chance(rng, 0.5) else rng.choice((".", ".", "!", "")))


def value(someone: people.Person, key: str, text: str) -> str | None:
    """What the text says about this key, or nothing."""
    stated: str = getattr(someone, key)
    return stated if stated in text else None
