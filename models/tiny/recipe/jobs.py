"""The jobs that the model can do. `example(seed, index)` is the whole interface: same numbers, same example.

A job is an instruction, a text and an answer. How the three are laid out in messages is decided once, for all jobs.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from models.tiny.recipe import foreign, people, replies, reviews, tickets, world
from models.tiny.recipe.chat import Message
from models.tiny.recipe.grammar import capitalised, chance, expand

FOREIGN = "foreign"


@dataclass(frozen=True)
class Example:
    """A conversation and what the model should answer; no answer means that it should be unsure."""

    task: str
    messages: tuple[Message, ...]
    answer: str | None


@dataclass(frozen=True)
class _Job:
    """An instruction over a text. `nouns` are what a backend may call the text, as in `Review: ...`."""

    instruction: str
    text: str
    answer: str
    nouns: tuple[str, ...]


_Maker: TypeAlias = Callable[[Random], _Job]


def example(seed: int, index: int) -> Example:
    """The example with this number: tasks come by their share, not in turn."""
    rng = Random(f"{seed}:{index}")
    task = rng.choices(tuple(_SHARES), weights=tuple(_SHARES.values()))[0]
    return example_of(task, rng)


def example_of(task: str, rng: Random) -> Example:
    """A random example of one task."""
    if task == FOREIGN:
        return Example(task=task, messages=_with_system((Message("user", foreign.request(rng)),), rng), answer=None)
    if task == "reply" and chance(rng, 0.15):
        message, answer = replies.small_talk(rng)
        return Example(task=task, messages=_with_system((Message("user", message),), rng), answer=answer)
    job = _MAKERS[task](rng)
    return Example(task=task, messages=_messages(job, rng), answer=job.answer)


def tasks() -> tuple[str, ...]:
    """The names of the tasks that have an answer."""
    return tuple(_MAKERS)


_SLOTS = {
    "this": ("this", "the", "the following"),
    "review": ("review", "review", "comment", "feedback", "customer review", "text", "message", "sentence"),
    "ticket": ("ticket", "ticket", "message", "support ticket", "request", "customer message", "e-mail",
               "support request"),
    "classify": ("classify", "categorise", "categorize", "sort", "label", "triage"),
    "one_word": ("", "", " Answer with one word.", " Use one word.", " One word only.", " Reply with one word."),
    "json": ("as JSON", "as a JSON object", "in JSON"),
    "only_json": ("", "", " Return only JSON.", " Answer with JSON only."),
    "extract": ("extract", "find", "get", "return", "pull out"),
    "contact": ("contact", "contact details", "contact data", "person's contact details"),
    "mail": ("e-mail address", "email address", "e-mail", "email"),
    "phone_number": ("phone number", "telephone number", "phone"),
    "upper": ("upper case", "uppercase", "upper-case letters", "capital letters", "capitals", "all caps"),
    "convert": ("convert", "change", "turn", "transform", "put"),
    "exactly": (" exactly", "", " word for word", " unchanged"),
    "answer": ("answer", "reply", "respond"),
}  # fmt: skip


def _sentiment(rng: Random) -> _Job:
    label = rng.choice(reviews.LABELS)
    as_json = chance(rng, 0.15)
    shapes = (
        ("what is the sentiment of {this} {review}? {answer} {json} with the key sentiment: {labels}.",
         "{classify} the sentiment of {this} {review} as {labels}. {answer} {json} with the key sentiment.")
        if as_json else
        ("what is the sentiment of {this} {review}? Answer {labels}.",
         "{classify} {this} {review} as {labels}.{one_word}",
         "{classify} the sentiment of {this} {review} as {labels}.{one_word}",
         "is {this} {review} {labels}?{one_word}",
         "is the sentiment of {this} {review} {labels}?{one_word}", "sentiment ({labels})",
         "{answer} {labels}: what is the sentiment?",
         "give the sentiment of {this} {review}: {labels}.{one_word}",
         "decide if {this} {review} is {labels}.{one_word}",
         "what is the sentiment of {this} {review}? {labels}?",
         "determine the sentiment ({labels}) of {this} {review}.{one_word}",
         "what is the sentiment of {this} {review}?{one_word}")
    )  # fmt: skip
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng, labels=_labels(reviews.LABELS, rng)),
        text=reviews.review(rng, label=label),
        answer=json.dumps({"sentiment": label}) if as_json else label,
        nouns=("Review", "Text", "Comment", "Feedback", "Customer review"),
    )


def _triage(rng: Random) -> _Job:
    found = tickets.ticket(rng)
    draw = rng.random()
    if draw < 0.15:
        shapes: tuple[str, ...] = (
            "{classify} {this} {ticket} as {labels}. {answer} {json} with the key category.",
            "which category fits {this} {ticket}: {labels}? {answer} {json} with the key category.",
        )
        answer = json.dumps({"category": found.category})
    elif draw < 0.3:
        shapes = (
            (
                "{classify} {this} {ticket} as {labels} and say if it is urgent. "
                "{answer} {json} with the keys category and urgent."
            ),
            "triage {this} {ticket}: category ({labels}) and urgent (true or false), {json}.{only_json}",
        )
        answer = json.dumps({"category": found.category, "urgent": found.urgent})
    else:
        shapes = (
            "{classify} {this} {ticket} as {labels}.{one_word}", "{classify} {this} {ticket} as {labels}.{one_word}",
            "what is the category of {this} {ticket}? Answer {labels}.",
            "which category fits {this} {ticket}: {labels}?{one_word}",
            "is {this} {ticket} about {labels}?{one_word}",
            "choose one category for {this} {ticket}: {labels}.{one_word}",
            "category ({labels})", "assign {this} {ticket} to one category: {labels}.{one_word}",
            "route {this} {ticket}: {labels}?",
            "which team should handle {this} {ticket}: {labels}?{one_word}",
            "pick the category of {this} {ticket} ({labels}).{one_word}",
        )  # fmt: skip
        answer = found.category
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng, labels=_labels(tickets.CATEGORIES, rng)),
        text=found.text,
        answer=answer,
        nouns=("Ticket", "Message", "Request", "Customer", "Text"),
    )


def _urgency(rng: Random) -> _Job:
    found = tickets.ticket(rng, pressing_share=0.5)
    as_json = chance(rng, 0.15)
    shapes = (
        ("is {this} {ticket} urgent? {answer} {json} with the key urgent.",
         "decide if {this} {ticket} is urgent. {answer} {json} with the key urgent (true or false).")
        if as_json else
        ("is {this} {ticket} urgent? {answer} yes or no.", "is {this} {ticket} urgent? {answer} yes or no.",
         "is this urgent? {answer} yes or no.",
         "does {this} {ticket} need an answer right away? Yes or no?", "urgent? Yes or no.",
         "is {this} {ticket} urgent, yes or no?",
         "say yes if {this} {ticket} is urgent, otherwise no.",
         "decide if {this} {ticket} is urgent. {answer} yes or no.",
         "is {this} {ticket} urgent?{one_word}", "is it urgent? {answer} with yes or no.")
    )  # fmt: skip
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=found.text,
        answer=json.dumps({"urgent": found.urgent}) if as_json else ("yes" if found.urgent else "no"),
        nouns=("Ticket", "Message", "Request", "Customer", "Text"),
    )


def _contact(rng: Random) -> _Job:
    someone = people.person(rng)
    keys = rng.choice(
        (
            ("name", "email", "phone"),
            ("name", "email", "phone"),
            ("name", "email", "phone"),
            ("name", "email"),
            ("name", "phone"),
        )
    )
    shapes = (
        "{extract} the {contact} {json} with the keys {keys}.",
        "{extract} the {contact} from {this} text {json} with the keys {keys}.",
        "{extract} {keys} {json}.{only_json}", "{extract} {keys} from {this} {ticket} {json}.{only_json}",
        "who should we contact? {answer} {json} with the keys {keys}.",
        "{extract} the {contact} {json} ({keys}).{only_json}",
        "return a JSON object with the keys {keys}.", "read {this} {ticket} and return {keys} {json}.",
    )  # fmt: skip
    text = _sentence_about(someone, keys, rng)
    found = {key: _value(someone, key, text) for key in keys}
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng, keys=(world.join_labels(keys, last_word="and"),)),
        text=text,
        answer=json.dumps(found, ensure_ascii=False),
        nouns=("Text", "Message", "Note", "Signature", "Customer", "E-mail"),
    )


def _email(rng: Random) -> _Job:
    someone = people.person(rng)
    text = _sentence_about(someone, ("email",), rng)
    found = _value(someone, "email", text)
    as_json = chance(rng, 0.5)
    shapes = (
        ("{extract} the {mail} {json} with the key email.",
         "{extract} the {mail} from {this} text {json} with the key email.",
         "{extract} the {mail} {json} with the key email.{only_json}")
        if as_json else
        ("{extract} the {mail}.", "{extract} the {mail} from {this} {ticket}.", "what is the {mail} in {this} text?",
         "return only the {mail}.", "{extract} the {mail} and return nothing else.", "which {mail} is mentioned?")
    )  # fmt: skip
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=text,
        answer=json.dumps({"email": found}) if as_json else found or "none",
        nouns=("Text", "Message", "Note", "Signature", "Customer"),
    )


def _upper(rng: Random) -> _Job:
    text = " ".join(_words(rng, how_many=rng.choice((1, 1, 2, 2, 3, 4))))
    shapes = ("{convert} {this} text to {upper}.", "{convert} to {upper}.", "{convert} this to {upper}.",
              "write {this} text in {upper}.",
              "write this in {upper}.", "uppercase this.", "uppercase the text.", "make {this} text {upper}.",
              "{upper}",
              "return {this} text in {upper}.", "{convert} {this} word to {upper}.")  # fmt: skip
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=text,
        answer=text.upper(),
        nouns=("Text", "Word", "Input", "Phrase"),
    )


def _echo(rng: Random) -> _Job:
    text = _phrase(rng)
    shapes = ("repeat{exactly}.", "repeat this{exactly}.", "repeat {this} text{exactly}.", "echo this.",
              "echo {this} text.", "echo.",
              "say this{exactly}.", "{answer} with this text{exactly}.", "repeat after me.",
              "return {this} text{exactly}.",
              "reply with exactly this text.", "{answer} with exactly.", "{answer} exactly.", "reply with exactly.",
              "copy {this} text{exactly}.", "say.", "echo back.", "repeat {this} message{exactly}.")  # fmt: skip
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng), text=text, answer=text, nouns=("Text", "Input", "Message")
    )


def _reply(rng: Random) -> _Job:
    message, answer = replies.correspondence(rng)
    shapes = ("write a short polite reply to {this} {ticket}.", "write a short, polite reply.",
              "{answer} politely to {this} {ticket}.",
              "write a polite answer to {this} {ticket}.", "answer {this} {ticket} in one or two polite sentences.",
              "write a short reply to {this} {ticket}.", "draft a short polite answer to {this} {ticket}.",
              "write a friendly reply to {this} {ticket}.",
              "how would you politely answer {this} {ticket}?")  # fmt: skip
    return _Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=message,
        answer=answer,
        nouns=("Message", "Customer", "Ticket", "Text"),
    )


_MAKERS: dict[str, _Maker] = {
    "sentiment": _sentiment,
    "triage": _triage,
    "urgency": _urgency,
    "contact": _contact,
    "email": _email,
    "upper": _upper,
    "echo": _echo,
    "reply": _reply,
}
# Copying is what a model of this size finds hard, so the jobs that copy get most of the examples.
_SHARES = {
    "sentiment": 13,
    "triage": 13,
    "urgency": 10,
    "contact": 22,
    "email": 10,
    "upper": 10,
    "echo": 10,
    "reply": 7,
    FOREIGN: 5,
}

_CONTACT_SENTENCES: dict[tuple[str, ...], tuple[str, ...]] = {
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
_LABEL_JOINS = ("or", "or", "or", "and")
_ANY_WORD = re.compile(r"[A-Za-z]{2,}")
_SENTENCE_START = re.compile(r"(?<=[.?!] )[a-z]")
_ECHO_WORDS = ("hello world", "ping", "pong", "health check", "test", "ok", "ready", "all systems go",
               "the queue is empty",
               "job done", "one two three", "good morning", "tide is high", "to be or not", "service is up",
               "hello")  # fmt: skip


def _instruction(shape: str, rng: Random, **more: Sequence[str]) -> str:
    sentences = expand(shape, rng, {**_SLOTS, **more})
    return _SENTENCE_START.sub(lambda match: match[0].upper(), capitalised(sentences))


def _labels(labels: Sequence[str], rng: Random) -> tuple[str]:
    """The choices in a sentence; mostly in their usual order."""
    order = list(labels)
    if chance(rng, 0.3):
        rng.shuffle(order)
    separator_only = chance(rng, 0.1)
    return (", ".join(order) if separator_only else world.join_labels(order, last_word=rng.choice(_LABEL_JOINS)),)


def _sentence_about(someone: people.Person, keys: tuple[str, ...], rng: Random) -> str:
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
    text = capitalised_unless_slot(rng.choice(_CONTACT_SENTENCES[mentioned]), rng, slots)
    if chance(rng, 0.25):
        text = f"{tickets.remark(rng)} {text}"
    if chance(rng, 0.15):
        text = f"{text} {tickets.remark(rng)}" if text.endswith((".", "!", "?")) else f"{text}\n{tickets.remark(rng)}"
    return text


def capitalised_unless_slot(shape: str, rng: Random, slots: dict[str, tuple[str]]) -> str:
    """The sentence with a raised first letter, but never inside a value, which must be copied as it stands."""
    raised = shape if shape.startswith("{") else capitalised(shape)
    ends_in_value = shape.endswith(("}", ">", ")"))
    return expand(raised, rng, slots) + ("" if ends_in_value and chance(rng, 0.5) else rng.choice((".", ".", "!", "")))


def _value(someone: people.Person, key: str, text: str) -> str | None:
    value: str = getattr(someone, key)
    return value if value in text else None


def _word(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.2:
        return expand("{thing}", rng, world.SLOTS)
    if draw < 0.5:
        return people.coined_word(rng, syllables=rng.choice((1, 2, 3)))
    if draw < 0.6:
        return rng.choice(_COMMON_WORDS)
    if draw < 0.7:
        return rng.choice(people.PLAIN_WORDS)
    if draw < 0.92:
        words: list[str] = _ANY_WORD.findall(_any_sentence(rng))
        return rng.choice(words or ["word"])
    return people.first_name(rng)


def _any_sentence(rng: Random) -> str:
    """A source of words that are not names, so that each piece of the vocabulary is copied now and then."""
    return rng.choice(
        (tickets.remark(rng), reviews.review(rng, label=rng.choice(reviews.LABELS)), replies.correspondence(rng)[1])
    )


def _phrase(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.15:
        return rng.choice(_ECHO_WORDS)
    if draw < 0.3:
        return world.code(rng)
    if draw < 0.4:
        return world.number(rng)
    if draw < 0.5:
        return people.email(rng)
    if draw < 0.6:
        return people.full_name(rng)
    if draw < 0.7:
        return tickets.remark(rng)
    if draw < 0.78:
        return _part(_any_sentence(rng), rng)
    return " ".join(_words(rng, how_many=rng.randint(1, 6)))


def _words(rng: Random, *, how_many: int) -> list[str]:
    """Words and a number here and there; one may come twice, which is where careless copying goes astray."""
    words = [world.number(rng) if chance(rng, 0.08) else _word(rng) for _ in range(how_many)]
    if how_many > 1 and chance(rng, 0.1):
        words[-1] = rng.choice(words)
    return words


def _part(sentence: str, rng: Random) -> str:
    """Some words of a sentence in a row."""
    words = sentence.split()
    start = rng.randrange(len(words))
    return " ".join(words[start : start + rng.randint(1, 8)])


_COMMON_WORDS = tuple(
    "hello world good morning thank you please open close start stop red green blue house river tide gate water queue "
    "job message worker router policy local remote alert warning notice important attention sale new free today "
    "tomorrow apple summer winter north south east west big small one two three yes no ready done error success "
    "welcome urgent note".split()
)

_SYSTEM_LINES = (
    "You are a helpful assistant.", "You are a helpful assistant.", "You are a support assistant.",
    "Answer briefly.", "Be concise.",
    "You work for a clinic.", "You work for a bank.", "You help the customers of a web shop.",
    "You help a software team.",
    "You are the assistant of a clinic. Be brief.", "You answer customers of a bank.",
    "Follow the instructions exactly.",
    "You process jobs from a queue.", "You are a precise assistant. Return only the answer.",
    "Do not explain your answer.",
)  # fmt: skip
_INSTRUCTION_FIRST = ("{job}\n{text}", "{job}\n{text}", "{job}\n{text}", "{job}\n\n{text}", "{job} {text}",
                      '{job}\n"{text}"', "{job}\n{noun}: {text}",
                      "{job}\n\n{noun}: {text}", "{job}\n\n{noun}:\n{text}", '{job} "{text}"')  # fmt: skip
_TEXT_FIRST = ("{text}\n\n{job}", "{noun}: {text}\n\n{job}", "{noun}: {text}\n{job}", '"{text}"\n{job}')
# An instruction that ends in a full stop may as well end in a colon before its text.
_COLON_SHARE = 0.3


def _messages(job: _Job, rng: Random) -> tuple[Message, ...]:
    """Usually one user message; sometimes the instruction stands in the system message, as backends like to do."""
    draw = rng.random()
    if draw < 0.12:
        return (Message("system", job.instruction), Message("user", _quoted("{text}", job, rng)))
    if draw < 0.24:
        return _with_system((Message("user", _laid_out(rng.choice(_TEXT_FIRST), job, rng)),), rng)
    shape = rng.choice(_INSTRUCTION_FIRST)
    if job.instruction.endswith(".") and chance(rng, _COLON_SHARE):
        job = _Job(instruction=job.instruction[:-1] + ":", text=job.text, answer=job.answer, nouns=job.nouns)
    return _with_system((Message("user", _laid_out(shape, job, rng)),), rng)


def _with_system(messages: tuple[Message, ...], rng: Random) -> tuple[Message, ...]:
    return (Message("system", rng.choice(_SYSTEM_LINES)), *messages) if chance(rng, 0.2) else messages


def _quoted(shape: str, job: _Job, rng: Random) -> str:
    return _laid_out(f"{{noun}}: {shape}" if chance(rng, 0.25) else shape, job, rng)


def _laid_out(shape: str, job: _Job, rng: Random) -> str:
    """Put the parts in place without looking inside them: a text may contain braces."""
    parts = {"{job}": job.instruction, "{text}": job.text, "{noun}": rng.choice(job.nouns)}
    pieces = [shape]
    for mark, part in parts.items():
        pieces = [piece for old in pieces for piece in _split_around(old, mark, part)]
    return "".join(pieces)


def _split_around(piece: str, mark: str, part: str) -> tuple[str, ...]:
    before, found, after = piece.partition(mark)
    return (before, part, after) if found else (piece,)
