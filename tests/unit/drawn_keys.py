"""What the tests of secrets share: keys drawn by chance, and what the detector says of a text."""

import random
import string

from router.signals.sensitivity.secrets import Secrets
from router.signals.sensitivity.views.view import View

SECRETS = Secrets()
RANDOM = "qX7v9LkP2mZ4wT8rB3nY6cD1fG5hJ0sA"


class Draw(random.Random):
    """Chance of its own for each file, so that a file's keys are the same with and without the others."""

    def chars(self, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        """Characters drawn by chance."""
        return "".join(self.choices(alphabet, k=count))

    def hexes(self, count: int) -> str:
        """Hexadecimal digits drawn by chance."""
        return self.chars(count, "0123456789abcdef")


def types(text: str) -> set[str]:
    """The kinds found in a text."""
    return {span.type for span in SECRETS.find(View(text))}
