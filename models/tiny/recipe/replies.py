"""Messages of a few kinds and the one polite reply that each kind gets; who signs is greeted by name."""

from dataclasses import dataclass
from random import Random

from models.tiny.recipe import people, world
from models.tiny.recipe.grammar import capitalised, chance, expand


@dataclass(frozen=True)
class Kind:
    """One kind of message: how people write it, and our reply."""

    messages: tuple[str, ...]
    reply: str


KINDS = (
    Kind(("thank you for the {quick} help", "thanks for your help {when}", "many thanks for the {goods}",
          "thank you so much",
          "thanks a lot for the {quick} answer", "I just want to say thank you", "thanks for everything",
          "thank you for your support",
          "thanks to you the {program} works again", "thank you, that solved my problem", "thanks, that was {quick}"),
         "You are very welcome. We are glad that we could help."),
    Kind(("where is my order {number}", "my parcel {code} is late", "when will my {goods} arrive",
          "my {goods} has not arrived yet",
          "I am still waiting for my {goods}", "the delivery of my {goods} is late",
          "has my order {code} been shipped",
          "my order {number} has not arrived", "I ordered a {goods} {when} and nothing came"),
         "We are sorry for the delay. We will check your delivery and write to you today."),
    Kind(("the {program} does not work", "the {program} crashes when I open it", "I get an error in the {program}",
          "the {program} is very slow",
          "the {program} shows error {number}", "the {program} stopped working {when}", "I cannot open the {program}",
          "something is broken in the {program}", "the {program} does not load"),
         "We are sorry for the trouble. Our technicians will look into it right away."),
    Kind(("I was charged twice", "my invoice {number} is wrong", "I want a refund for the {goods}",
          "why did I pay {amount}",
          "the amount on my bill is wrong", "please refund {amount}", "you charged me {amount} too much",
          "I do not understand my bill"),
         "We are sorry for the mix-up. We will check the payment and get back to you."),
    Kind(("I would like to book an appointment {later}", "do you have time {later}", "can I come {later}",
          "can I see the doctor {later}",
          "I would like to meet an adviser {later}", "is there a free slot {later}",
          "I need an appointment with the dentist"),
         "Thank you for your request. We will send you a free time shortly."),
    Kind(("I have to cancel my appointment {later}", "I cannot come {later}", "please cancel my visit {later}",
          "I will not make it {later}",
          "I must cancel our meeting {later}", "sorry, I cannot keep my appointment"),
         "Thank you for letting us know. Your appointment is cancelled."),
    Kind(("I am very unhappy with your service", "the {goods} is broken, I am disappointed",
          "your service was terrible", "I am angry",
          "I have a complaint", "I am not satisfied with the {goods}", "this is the worst service ever",
          "I am disappointed by the {goods}"),
         "We are sorry to hear that. We will do our best to make it right."),
    Kind(("I love the {goods}", "the {program} is great", "your service was excellent",
          "I am very happy with the {goods}", "great work",
          "you have a wonderful team", "I am so happy with the {program}", "you did a great job",
          "the {goods} is fantastic"),
         "Thank you for your kind words. We are happy that you like it."),
    Kind(("I forgot my password", "I cannot log in", "my account is locked", "how do I reset my password",
          "my login does not work",
          "please unlock my account", "I need a new password"),
         "No problem. We will send you a link to reset your password."),
    Kind(("what are your opening hours", "when do you open {later}", "are you open on {day}",
          "how long are you open {later}", "when do you close"),
         "Thank you for asking. We are open from 9 am to 5 pm, Monday to Friday."),
)  # fmt: skip
SMALL_TALK = (
    Kind(("hello", "hi", "hello there", "hi there", "hey", "good morning", "good afternoon", "good evening",
          "good day"),
         "Hello! How can I help you?"),
    Kind(("thanks", "thank you", "thanks a lot", "many thanks", "thank you very much", "cheers"), "You are welcome."),
    Kind(("bye", "goodbye", "see you", "see you later", "bye bye", "have a nice day", "good night"),
          "Goodbye and have a nice day!"),
    Kind(("how are you", "how are you today", "how is it going"), "I am fine, thank you. How can I help you?"),
)  # fmt: skip

_SLOTS = {**world.SLOTS, "quick": ("quick", "fast", "friendly", "kind", "great", "speedy", "prompt")}
_ENDS = (".", ".", "!", "?", "")


def correspondence(rng: Random) -> tuple[str, str]:
    """A customer's message and its reply."""
    kind = rng.choice(KINDS)
    message = capitalised(expand(rng.choice(kind.messages), rng, _SLOTS)) + rng.choice(_ENDS)
    if chance(rng, 0.2):
        message = f"{rng.choice(('Hello', 'Hi', 'Dear team', 'Good morning'))}, {message[:1].lower()}{message[1:]}"
    if not chance(rng, 0.4):
        return message, kind.reply
    signer = people.first_name(rng)
    return (
        f"{message}{rng.choice((' ', chr(10)))}{_sign_off(signer, rng)}",
        f"Dear {signer}, {_mid_sentence(kind.reply)}",
    )


def small_talk(rng: Random) -> tuple[str, str]:
    """A greeting or the like, as a person types it into a chat, and the answer."""
    kind = rng.choice(SMALL_TALK)
    message = rng.choice(kind.messages)
    message = capitalised(message) if chance(rng, 0.7) else message
    return message + rng.choice(_ENDS), kind.reply


def _sign_off(signer: str, rng: Random) -> str:
    closing = rng.choice(
        (
            "Regards,",
            "Kind regards,",
            "Best regards,",
            "Best,",
            "Yours,",
            "Thanks,",
            "Greetings,",
            "Sincerely,",
        )
    )
    return f"{closing}{rng.choice((' ', chr(10)))}{signer}"


def _mid_sentence(reply: str) -> str:
    return reply[:1].lower() + reply[1:]
