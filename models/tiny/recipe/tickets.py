"""Support tickets with a known category and urgency, as a clinic, a bank, a shop and a software team receive them."""

from dataclasses import dataclass
from random import Random

from models.tiny.recipe import people, world
from models.tiny.recipe.grammar import capitalised, chance, expand

BILLING, TECHNICAL, SHIPPING, ACCOUNT, APPOINTMENT = CATEGORIES = (
    "billing", "technical", "shipping", "account", "appointment",
)  # fmt: skip

_SLOTS = {
    **world.SLOTS,
    "bill": ("invoice", "bill", "receipt", "payment", "invoice {number}", "bill {code}", "last invoice"),
    "fee": ("fee", "monthly fee", "service fee", "late fee", "subscription fee", "overdraft fee", "interest", "tax",
            "transfer fee", "card fee", "account maintenance charge", "premium", "deductible", "co-payment"),
    "plan": ("subscription", "premium plan", "yearly plan", "membership", "licence", "team plan", "insurance plan"),
    "system": ("app", "website", "banking app", "dashboard", "API", "server", "printer", "export", "mobile app",
               "patient portal", "checkout page", "search", "database", "software", "scanner", "video call", "router",
               "card reader", "cash machine", "report generator", "update", "plugin", "login page", "web shop"),
    "fails": ("crashes", "freezes", "does not load", "shows an error", "is very slow", "does not work",
              "stopped working",
              "shows a blank page", "returns error {number}", "does not respond", "keeps restarting", "doesn't start",
              "hangs", "times out", "does not sync", "shows error code {code}", "throws an exception", "is offline",
              "returns a 500", "loses data", "displays the wrong data", "is not responding"),
    "action": ("I click save", "I open it", "I upload a file", "the last update", "I print a report", "I press start",
               "logging in on my phone", "I export the data", "installing version {number}", "we deployed",
               "I search"),
    "parcel": ("parcel", "package", "order", "order {number}", "delivery", "shipment", "parcel {code}", "{goods}",
               "shipment {code}", "letter with my new card", "medicine delivery", "replacement card", "order {code}"),
    "visit": ("appointment", "check-up", "consultation", "visit", "blood test", "vaccination", "dental cleaning",
              "meeting with an adviser", "mortgage consultation", "X-ray", "therapy session", "surgery", "demo call",
              "fitting", "follow-up", "eye exam", "physiotherapy session", "appointment with Dr. {name}"),
    "staff": ("the doctor", "the dentist", "an adviser", "Dr. {name}", "the nurse", "a specialist", "your team",
              "the bank manager", "a consultant", "the paediatrician", "the dermatologist"),
    "profile": ("password", "e-mail address", "phone number", "postal address", "user name", "last name", "PIN",
                "security question", "profile picture", "two-factor login", "contact details", "language setting"),
}  # fmt: skip

_CALM_CORES = {
    BILLING: (
        "I was charged twice for {goods}", "I was charged {amount} instead of {amount}",
        "please send me the {bill} again",
        "the amount on my {bill} is wrong", "I do not understand the {fee} on my {bill}",
        "I want a refund of {amount}",
        "why did you charge me a {fee} of {amount}", "when will I get my refund for {number}",
        "you took {amount} from my card twice", "my {bill} shows {amount} but I agreed to {amount}",
        "can I pay the {bill} in {few} instalments", "which payment methods do you accept",
        "please cancel my {plan} and refund the rest", "how much does the {plan} cost",
        "I already paid the {bill} {when}",
        "the discount code {code} was not applied to my {bill}", "I need a receipt for my tax return",
        "I got a reminder although I paid {when}", "the {fee} was billed twice",
        "can you explain the {fee} of {amount}",
        "my credit card was declined when paying the {bill}", "the direct debit of {amount} is not mine",
        "please correct the company name on the {bill}", "I was billed for {few} users but we have only one",
        "does my insurance cover the cost of the {visit}", "I would like to dispute a charge of {amount}",
        "there is a double charge on my statement", "the refund of {amount} has not arrived in my bank account",
        "I would like to pay by invoice", "what does it cost to upgrade to the {plan}",
        "the price on the {bill} is too high",
        "you charged me after I cancelled my {plan}", "please change my billing cycle to yearly",
    ),
    TECHNICAL: (
        "the {system} {fails}", "the {system} {fails} since {when}", "the {system} {fails} after {action}",
        "the {system} {fails} when I open the {system}", "I get an error when {action}",
        "I cannot upload my documents",
        "the {system} and the {system} do not work together", "how do I install the {system}",
        "we found a bug in the {system}",
        "after {action} the {system} {fails}", "the button on the {system} does nothing", "the page does not load",
        "I see error {code} in the {system}", "the {system} is not compatible with my tablet",
        "the build fails with error {code}",
        "the web page stays blank on my phone", "the connection to the {system} drops every {few} minutes",
        "my {goods} does not turn on", "the {goods} does not connect to wifi", "the screen flickers",
        "the sound is missing",
        "our tests fail after the last release", "the {system} eats all the memory", "the file I exported is empty",
        "the webhook is not called", "the {system} has a bug", "the microphone does not work in the {system}",
        "the notifications of the {system} arrive late", "how can I connect the {system} with our {system}",
        "the latest version of the {system} {fails}", "the integration with the {system} is broken",
        "the {system} keeps crashing",
    ),
    SHIPPING: (
        "where is my {parcel}", "my {parcel} has not arrived", "the {parcel} was sent to the wrong address",
        "when will my {parcel} arrive", "the tracking number {code} does not show anything",
        "my {parcel} arrived damaged",
        "I received the wrong {goods}", "the courier did not ring the bell",
        "can I change the delivery address of my {parcel}",
        "the {parcel} was due {when}", "do you ship to {city}", "how long does delivery to {city} take",
        "my {parcel} is late",
        "part of my {parcel} is missing", "the {parcel} is stuck in customs", "the box was empty when it arrived",
        "I want to return the {goods}, where do I send it", "tracking says delivered but I have no {parcel}",
        "please ship the {goods} to my office in {city}", "the parcel was left with a neighbour I do not know",
        "can you deliver my {parcel} {later}", "I have been waiting for my {parcel} for {few} weeks",
        "the driver left my {parcel} in the rain", "the {parcel} was returned to the sender",
        "is express shipping possible",
        "I need a return label for the {goods}", "has my {parcel} been shipped yet",
        "the {goods} came in {colour}, not {colour}",
        "my {parcel} was delivered to the wrong house", "please track my {parcel}",
        "I got only {few} of the items in my {parcel}",
    ),
    ACCOUNT: (
        "I forgot my {profile}", "how do I change my {profile}", "please update my {profile}",
        "I want to delete my account",
        "I cannot log in to my account", "my account is locked", "please close my account",
        "I did not get the activation e-mail",
        "how do I reset my {profile}", "my new e-mail address is {email}", "please change my {profile} to {coined}",
        "I would like to open a second account", "my login does not accept my {profile}",
        "please merge my {few} accounts",
        "please remove my data from your system", "add my colleague {name} to our account",
        "I want to change my {profile}",
        "how can I add a user to our account", "who has access to my account", "please unlock my account",
        "my account says that the {profile} is invalid", "I need to verify my account",
        "my user name is {coined}, but I cannot sign in",
        "the reset link for my {profile} has expired", "how do I turn on two-factor login",
        "my profile shows the wrong {profile}",
        "I moved and need to change my {profile}", "please give {name} admin rights",
        "I would like to register a new account",
        "my account was blocked after {few} wrong attempts", "I lost access to my account",
        "please deactivate the user {coined}",
    ),
    APPOINTMENT: (
        "I would like to book a {visit} {later}", "can I move my {visit} to {later}",
        "please cancel my {visit} {later}",
        "I need a {visit} with {staff}", "is {staff} free {later}", "I want to reschedule my {visit}",
        "when is my next {visit}",
        "do you have a free slot {later}", "I cannot come to my {visit} {later}", "please confirm my {visit} {later}",
        "what time is my {visit} {later}", "I missed my {visit} {when}, can I get a new date",
        "can I see {staff} {later}",
        "I am {few} minutes late for my {visit}", "I would like to meet {staff} {later}",
        "do I need to fast before my {visit}",
        "please book me in for a {visit}", "is there an earlier date for the {visit}",
        "can we postpone the {visit} to {later}",
        "how long does the {visit} take", "I would like to arrange a {visit} for my son",
        "which days is {staff} available",
        "please put me on the waiting list for a {visit}", "my {visit} was confirmed for {hour}, is that right",
        "could you schedule a {visit} with {staff}", "I have to call off the {visit} {later}",
        "can my {visit} be online",
        "I need a new date for my {visit}", "are you open {later} for a {visit}", "can I come in {later}",
    ),
}  # fmt: skip
_URGENT_CORES = {
    BILLING: (
        "you took {amount} from my account and now I cannot pay my rent",
        "somebody is using my credit card right now",
        "a stranger just paid {amount} with my card", "you are about to cut off our service over a paid {bill}",
    ),
    TECHNICAL: (
        "our production {system} is down", "all our users see an error and we are losing orders",
        "the {system} is down for everyone",
        "we lost all data after {action}", "the {system} is down and patients are waiting",
        "there is a security hole in the {system}",
        "the whole {system} is down", "smoke is coming out of the {goods}",
        "nobody can work because the {system} {fails}",
    ),
    SHIPPING: (
        "my insulin delivery has not arrived and I have none left", "the {parcel} must be here by tomorrow morning",
        "I fly out tonight and my {parcel} is not here",
        "you sent my medicine to the wrong address and I need it today",
    ),
    ACCOUNT: (
        "my account was hacked", "somebody else is logged in to my account",
        "somebody changed my {profile}, please block my account now",
        "my account was stolen and money is being moved", "I am locked out of my account and must pay a bill today",
    ),
    APPOINTMENT: (
        "I have chest pain and need to see {staff} today", "my child has a high fever, can we see {staff} now",
        "I am in severe pain and need a {visit} today", "the wound is bleeding again, can {staff} see me now",
        "my {visit} is in one hour and I cannot find the entrance", "I cannot breathe well, is {staff} free now",
    ),
}  # fmt: skip

_OPENERS = ("Hello,", "Hi,", "Hello", "Dear team,", "Good morning,", "Dear Sir or Madam,", "Hi there,", "Hey,",
            "Good day.",
            "Hello, my name is {name}.", "This is {name}.", "Hi, {first} here.",
            "I am {name}, customer number {number}.",
            "I have a question.", "I need some help.", "Subject: question.", "Ticket {number}:")  # fmt: skip
_CLOSERS = ("Thank you.", "Thanks!", "Kind regards, {name}", "Best regards\n{name}", "Please help.", "Can you help?",
            "My customer number is {number}.", "You can reach me at {phone}.", "My e-mail is {email}.",
            "Regards, {first}",
            "Please write to {email}.", "Thanks in advance, {name}", "My order number is {code}.",
            "What should I do?",
            "Please call me at {phone}.", "I look forward to your answer.", "{name}, {email}",
            "Yours, {name}")  # fmt: skip
_PRESSING = ("This is urgent.", "Please help as soon as possible!", "I need an answer today.", "It is an emergency.",
             "URGENT!",
             "Please react immediately.", "I need this right now.", "We cannot wait any longer.", "ASAP please.",
             "It is very urgent.",
             "Please hurry!", "This cannot wait.", "I need it within the hour.", "Please fix this at once.",
             "Urgent!",
             "Every minute counts.", "This is critical for us.", "Please call me back right away.",
             "The deadline is in one hour.", "We need a solution immediately.")  # fmt: skip
_RELAXED = ("There is no rush.", "Take your time.", "It is not urgent.", "No hurry.", "Whenever you have time.",
            "This can wait until {later}.", "An answer next week is fine.", "Just curious.", "It is not important.",
            "I am in no hurry.", "This is not an emergency.", "Any time this month is fine.")  # fmt: skip


@dataclass(frozen=True)
class Ticket:
    """A message to a support desk, with what a careful reader would say about it."""

    text: str
    category: str
    urgent: bool


def ticket(rng: Random, *, pressing_share: float = 0.15) -> Ticket:
    """A ticket of a random category; this share of them is urgent, by what it says or by what has happened."""
    category = rng.choice(CATEGORIES)
    urgent = chance(rng, pressing_share)
    grave = urgent and chance(rng, 0.5)
    core = rng.choice((_URGENT_CORES if grave else _CALM_CORES)[category])
    parts = [_sentence(core, rng)]
    if chance(rng, 0.45):
        parts.insert(0, expand(rng.choice(_OPENERS), rng, _SLOTS))
    if urgent and (not grave or chance(rng, 0.3)):
        parts.insert(rng.choice((0, len(parts), len(parts))), rng.choice(_PRESSING))
    if not urgent and chance(rng, 0.2):
        parts.append(expand(rng.choice(_RELAXED), rng, _SLOTS))
    if chance(rng, 0.45):
        parts.append(expand(rng.choice(_CLOSERS), rng, _SLOTS))
    text = " ".join(parts)
    return Ticket(text=text.lower() if chance(rng, 0.1) else text, category=category, urgent=urgent)


def remark(rng: Random) -> str:
    """A calm sentence for the surroundings of something else."""
    return _sentence(rng.choice(_CALM_CORES[rng.choice(CATEGORIES)]), rng)


def signed_off(rng: Random, *, someone: people.Person) -> str:
    """The end of a message, with all that is needed to answer it."""
    return rng.choice(
        (
            f"{someone.name}\n{someone.email}\n{someone.phone}",
            f"{someone.name}, {someone.phone}, {someone.email}",
        )
    )


def _sentence(core: str, rng: Random) -> str:
    return capitalised(expand(core, rng, _SLOTS)) + rng.choice((".", ".", ".", "!", "?", "", "?"))
