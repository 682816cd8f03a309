"""Secrets: what opens doors. Issuers' keys, private keys, JWTs, connection strings, passwords, random strings.

Own tables. detect-secrets was judged: it is made to audit repositories, scans files line by line and keeps its settings
in process-wide globals, while a router scans texts in several threads and must say where in a text a secret stands.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import partial

from router.signals.sensitivity.detector import Span, one_a_type
from router.signals.sensitivity.secrets import assigned, columns, randomness
from router.signals.sensitivity.secrets.commands import COMMANDS
from router.signals.sensitivity.secrets.form import Form
from router.signals.sensitivity.secrets.issuers import ISSUERS
from router.signals.sensitivity.secrets.keys import KEYS
from router.signals.sensitivity.secrets.phrases import PHRASES
from router.signals.sensitivity.views.view import View

FORMS: tuple[Form, ...] = (*KEYS, *ISSUERS, *PHRASES, *COMMANDS)

HINTS = {**{form.hint: form.hints for form in FORMS}, **assigned.HINTS, **columns.HINTS, **randomness.HINTS}
"""For the gate: hint -> what a text must hold."""


class Secrets:
    """Finds what opens doors."""

    name = "secrets"
    hints = HINTS

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """One span a kind, or all of them."""
        if view.hints is None or not HINTS.keys().isdisjoint(view.hints):
            yield from one_a_type(partial(_spans, view), every=every)


def _spans(view: View, seen: AbstractSet[str]) -> Iterator[Span]:
    """Everything, but for the forms of types that were seen."""
    found = False
    for form in FORMS:
        for span in form.spans(view) if form.type not in seen else ():
            found = True
            yield span
    for find in (assigned.spans, columns.spans):
        for span in find(view):
            found = True
            yield span
    if not found:
        yield from randomness.spans(view)
