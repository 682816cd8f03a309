"""The jobs that the model can do. `example(seed, index)` is the whole interface: same numbers, same example.

A job is an instruction, a text and an answer. `layout.py` puts the three into messages.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from models.tiny.recipe import contacts, foreign, layout, people, phrases, replies, reviews, tickets, world
from models.tiny.recipe.chat import Message
from models.tiny.recipe.grammar import capitalised, chance, expand

FOREIGN = "foreign"


@dataclass(frozen=True)
class Example:
    """A conversation and what the model should answer; no answer means that it should be unsure."""

    task: str
    messages: tuple[Message, ...]
    answer: str | None


_Maker: TypeAlias = Callable[[Random], layout.Job]


def example(seed: int, index: int) -> Example:
    """The example with this number: tasks come by their share, not in turn."""
    rng = Random(f"{seed}:{index}")
    task = rng.choices(tuple(_SHARES), weights=tuple(_SHARES.values()))[0]
    return example_of(task, rng)


def example_of(task: str, rng: Random) -> Example:
    """A random example of one task."""
    if task == FOREIGN:
        return Example(
            task=task, messages=layout.with_system((Message("user", foreign.request(rng)),), rng), answer=None
        )
    if task == "reply" and chance(rng, 0.15):
        message, answer = replies.small_talk(rng)
        return Example(task=task, messages=layout.with_system((Message("user", message),), rng), answer=answer)
    job = _MAKERS[task](rng)
    return Example(task=task, messages=layout.messages_of(job, rng), answer=job.answer)


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


def _sentiment(rng: Random) -> layout.Job:
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
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng, labels=_labels(reviews.LABELS, rng)),
        text=reviews.review(rng, label=label),
        answer=json.dumps({"sentiment": label}) if as_json else label,
        nouns=("Review", "Text", "Comment", "Feedback", "Customer review"),
    )


def _triage(rng: Random) -> layout.Job:
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
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng, labels=_labels(tickets.CATEGORIES, rng)),
        text=found.text,
        answer=answer,
        nouns=("Ticket", "Message", "Request", "Customer", "Text"),
    )


def _urgency(rng: Random) -> layout.Job:
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
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=found.text,
        answer=json.dumps({"urgent": found.urgent}) if as_json else ("yes" if found.urgent else "no"),
        nouns=("Ticket", "Message", "Request", "Customer", "Text"),
    )


def _contact(rng: Random) -> layout.Job:
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
    text = contacts.sentence_about(someone, keys, rng)
    found = {key: contacts.value(someone, key, text) for key in keys}
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng, keys=(world.join_labels(keys, last_word="and"),)),
        text=text,
        answer=json.dumps(found, ensure_ascii=False),
        nouns=("Text", "Message", "Note", "Signature", "Customer", "E-mail"),
    )


def _email(rng: Random) -> layout.Job:
    someone = people.person(rng)
    text = contacts.sentence_about(someone, ("email",), rng)
    found = contacts.value(someone, "email", text)
    as_json = chance(rng, 0.5)
    shapes = (
        ("{extract} the {mail} {json} with the key email.",
         "{extract} the {mail} from {this} text {json} with the key email.",
         "{extract} the {mail} {json} with the key email.{only_json}")
        if as_json else
        ("{extract} the {mail}.", "{extract} the {mail} from {this} {ticket}.", "what is the {mail} in {this} text?",
         "return only the {mail}.", "{extract} the {mail} and return nothing else.", "which {mail} is mentioned?")
    )  # fmt: skip
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=text,
        answer=json.dumps({"email": found}) if as_json else found or "none",
        nouns=("Text", "Message", "Note", "Signature", "Customer"),
    )


def _upper(rng: Random) -> layout.Job:
    text = " ".join(phrases.words_in_a_row(rng, how_many=rng.choice((1, 1, 2, 2, 3, 4))))
    shapes = ("{convert} {this} text to {upper}.", "{convert} to {upper}.", "{convert} this to {upper}.",
              "write {this} text in {upper}.",
              "write this in {upper}.", "uppercase this.", "uppercase the text.", "make {this} text {upper}.",
              "{upper}",
              "return {this} text in {upper}.", "{convert} {this} word to {upper}.")  # fmt: skip
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng),
        text=text,
        answer=text.upper(),
        nouns=("Text", "Word", "Input", "Phrase"),
    )


def _echo(rng: Random) -> layout.Job:
    text = phrases.phrase(rng)
    shapes = ("repeat{exactly}.", "repeat this{exactly}.", "repeat {this} text{exactly}.", "echo this.",
              "echo {this} text.", "echo.",
              "say this{exactly}.", "{answer} with this text{exactly}.", "repeat after me.",
              "return {this} text{exactly}.",
              "reply with exactly this text.", "{answer} with exactly.", "{answer} exactly.", "reply with exactly.",
              "copy {this} text{exactly}.", "say.", "echo back.", "repeat {this} message{exactly}.")  # fmt: skip
    return layout.Job(
        instruction=_instruction(rng.choice(shapes), rng), text=text, answer=text, nouns=("Text", "Input", "Message")
    )


def _reply(rng: Random) -> layout.Job:
    message, answer = replies.correspondence(rng)
    shapes = ("write a short polite reply to {this} {ticket}.", "write a short, polite reply.",
              "{answer} politely to {this} {ticket}.",
              "write a polite answer to {this} {ticket}.", "answer {this} {ticket} in one or two polite sentences.",
              "write a short reply to {this} {ticket}.", "draft a short polite answer to {this} {ticket}.",
              "write a friendly reply to {this} {ticket}.",
              "how would you politely answer {this} {ticket}?")  # fmt: skip
    return layout.Job(
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
_LABEL_JOINS = ("or", "or", "or", "and")
_SENTENCE_START = re.compile(r"(?<=[.?!] )[a-z]")


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
