"""Words and phrases to copy or to raise to upper case, drawn so widely that each piece of the vocabulary is met."""

import re
from random import Random

from models.tiny.recipe import people, replies, reviews, tickets, world
from models.tiny.recipe.grammar import chance, expand

_ANY_WORD = re.compile(r"[A-Za-z]{2,}")
_ECHO_WORDS = ("hello world", "ping", "pong", "health check", "test", "ok", "ready", "all systems go",
               "the queue is empty",
               "job done", "one two three", "good morning", "tide is high", "to be or not", "service is up",
               "hello")  # fmt: skip
_COMMON_WORDS = tuple(
    "hello world good morning thank you please open close start stop red green blue house river tide gate water queue "
    "job message worker router policy local remote alert warning notice important attention sale new free today "
    "tomorrow apple summer winter north south east west big small one two three yes no ready done error success "
    "welcome urgent note".split()
)


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


def phrase(rng: Random) -> str:
    """Something to repeat: words, a code, a number, an address, a name, a sentence or a part of one."""
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
    return " ".join(words_in_a_row(rng, how_many=rng.randint(1, 6)))


def words_in_a_row(rng: Random, *, how_many: int) -> list[str]:
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
