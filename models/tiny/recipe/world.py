"""Small facts of a world with a clinic, a bank, a shop and a software team: things, days, numbers, cities."""

from collections.abc import Sequence
from random import Random

from models.tiny.recipe import people
from models.tiny.recipe.grammar import Slots

CLINIC = ("nurse", "doctor", "dentist", "waiting room", "receptionist", "clinic", "treatment", "check-up", "surgeon",
          "physiotherapist", "pharmacy", "ward", "blood test", "consultation", "therapist", "hospital")  # fmt: skip
BANK = ("bank", "branch", "adviser", "banking app", "credit card", "loan offer", "transfer", "cashier", "mortgage",
        "savings plan", "hotline", "exchange rate", "insurance", "statement", "cash machine")  # fmt: skip
SHOP = ("jacket", "lamp", "kettle", "chair", "keyboard", "parcel", "delivery", "pair of shoes", "phone case", "bag",
        "blender", "coffee machine", "toaster", "headset", "mattress", "shirt", "watch", "desk", "order", "book",
        "toy",
        "camera", "bike", "laptop", "printer", "charger", "monitor", "backpack", "vacuum cleaner", "dress", "tablet",
        "courier", "packaging", "product", "item", "gift", "battery", "cable", "screen", "sofa")  # fmt: skip
SOFTWARE = ("app", "dashboard", "update", "website", "documentation", "support team", "new release", "interface",
            "API",
            "login page", "search", "installer", "plugin", "tutorial", "mobile app", "editor", "platform", "software",
            "export", "checkout", "calendar", "setup", "newsletter", "chat", "service", "tool", "design")  # fmt: skip
PLACES = ("hotel", "room", "food", "staff", "restaurant", "meal", "coffee", "pizza", "waiter", "breakfast", "film",
          "concert", "course", "teacher", "trip", "flight", "train", "taxi", "gym", "view", "location", "garden",
          "manager", "store", "team", "experience", "visit", "price", "quality", "driver", "seller")  # fmt: skip

SLOTS: Slots = {
    "thing": lambda rng: rng.choice(rng.choice((CLINIC, BANK, SHOP, SOFTWARE, PLACES))),
    "goods": SHOP,
    "program": SOFTWARE,
    "first": people.first_name,
    "name": people.full_name,
    "email": people.email,
    "phone": people.phone,
    "coined": lambda rng: people.coined_word(rng, syllables=2),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
              "November", "December"),
    "when": ("yesterday", "today", "last week", "on {day}", "this morning", "last month", "two days ago",
             "in {month}",
             "last night", "on {month} {day_number}", "a week ago", "this week", "last {day}"),
    "later": ("tomorrow", "next week", "on {day}", "next month", "next {day}", "on {month} {day_number}",
              "in {month}",
              "this afternoon", "at {hour}", "after {hour}"),
    "hour": ("8 am", "9 am", "9:30", "10 o'clock", "11:15", "noon", "2 pm", "3:30 pm", "4 pm", "16:00", "5 pm"),
    "day_number": lambda rng: str(rng.randint(1, 28)),
    "few": ("two", "three", "four", "five", "six", "ten", "a few", "several"),
    "unit": ("hours", "days", "weeks"),
    "number": lambda rng: number(rng),
    "code": lambda rng: code(rng),
    "amount": lambda rng: amount(rng),
    "city": ("Berlin", "Paris", "Madrid", "Rome", "Oslo", "London", "Vienna", "Dublin", "Lisbon", "Prague", "Boston"),
    "colour": ("red", "blue", "green", "black", "white", "grey", "yellow", "brown"),
    "size": ("small", "medium", "large", "size 42", "XL"),
}  # fmt: skip


_WORDY_CODES = 0.35


def number(rng: Random) -> str:
    """Two to six digits, as in an order or invoice number."""
    return str(rng.randint(1, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(rng.randint(1, 5)))


def code(rng: Random) -> str:
    """A reference such as AB-1234."""
    letters = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(rng.randint(1, 4)))
    if rng.random() < _WORDY_CODES:
        letters = rng.choice(
            ("JOB", "INV", "ORDER", "ID", "TICKET", "REF", "CASE", "PO", "BUG", "job", "task", "run", "order")
        )
    return f"{letters}{rng.choice(('-', '-', '', '_', '#'))}{number(rng)}"


def amount(rng: Random) -> str:
    """A price in some currency."""
    whole = str(rng.randint(2, 999))
    cents = rng.choice(("", "", ".50", ".99", f".{rng.randint(10, 99)}"))
    return rng.choice(
        (
            f"{whole}{cents} euros",
            f"${whole}{cents}",
            f"€{whole}{cents}",
            f"{whole}{cents} EUR",
            f"£{whole}{cents}",
        )
    )


def join_labels(labels: Sequence[str], *, last_word: str) -> str:
    """`a, b or c`, as a sentence lists choices."""
    return f"{', '.join(labels[:-1])} {last_word} {labels[-1]}"
