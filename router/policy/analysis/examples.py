"""A box of jobs as signals of one job: what the engine can be asked."""

from collections.abc import Iterator
from typing import Any

from router.policy.analysis.formula import Box
from router.policy.analysis.harmless import ANOTHER, ASKED, STRONG
from router.policy.analysis.space import Space
from tidegate.signals import Capability, Complexity, Finding, Level, Sensitivity, Signals

DETECTOR = "example"
"""Who found what an example is said to hold."""


def example(space: Space, box: Box) -> Signals:
    """One job of the box, as unsurprising as the box allows."""
    values = space.values(box)
    level = values["sensitivity",]
    return Signals(
        sensitivity=Sensitivity(
            level=level,
            findings=tuple(_findings(values)),
            cause="an example" if level is Level.UNKNOWN else None,
            least=level if level.sensitive and values.get((ASKED,)) else None,
        ),
        complexity=Complexity(band=values["complexity",]),
        tokens=values["tokens",],
        max_tokens=values["max_tokens",],
        needs=tuple(Capability(need) for need in _named(values, "needs")),
        tenant=values["tenant",],
        latency=values["latency",],
        task=values.get(("task",)),
        load=_given(values, "load"),
        minute=values.get(("minute",)),
        draw=values.get(("draw",), 0.0),
        overflowing=_named(values, "overflowing"),
        budget_left_usd=_given(values, "budget"),
    )


def _findings(values: dict[tuple[str, ...], Any]) -> Iterator[Finding]:
    for key, value in values.items():
        if key[0] == "entity" and value is not None:
            yield Finding(type=key[1], score=value, detector=DETECTOR)
    if values.get((ANOTHER,)):
        yield Finding(type=values[ANOTHER,], score=STRONG, detector=DETECTOR)


def _named(values: dict[tuple[str, ...], Any], kind: str) -> tuple[str, ...]:
    return tuple(key[1] for key, value in values.items() if key[0] == kind and value)


def _given(values: dict[tuple[str, ...], Any], kind: str) -> dict[str, Any]:
    return {key[1]: value for key, value in values.items() if key[0] == kind and value is not None}
