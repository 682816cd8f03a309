"""Openings: when a lane's gate lets one more call begin, and how many may follow it. For who decides where a job waits.

A gate that is shut does not show in a lane's counts: nothing runs there, so it looks idle.
"""

from collections.abc import Iterable, Mapping

from tidegate.lane import Lane
from tidegate.ledger.census import estimated_wait_s
from tidegate.ledger.permits import gate_of
from tidegate.ledger.scripts import Scripts
from tidegate.signals import LaneLoad
from tidegate.value import Value


class Opening(Value):
    """One lane's, as the gate would judge it now. What is None is not limited."""

    after_s: float = 0.0
    """Nothing begins before: its breakers are open, a provider asked to be left alone, or a limit is used up."""
    requests_per_s: float | None = None
    tokens_per_s: float | None = None
    tokens_each: float | None = None
    """Held for a call of the last minute, on average; None: there was none, so nobody knows."""
    at_once: int | None = None
    """Calls in flight."""

    def wait_s(self, load: LaneLoad, *, ahead: int) -> float | None:
        """Seconds until a job begins that has so many of the lane's line before it; None where nobody serves it."""
        slots = load.slots if self.at_once is None else min(load.slots, self.at_once)
        in_line = estimated_wait_s(queued=ahead, running=load.running, slots=slots, service_s=load.service_s)
        if in_line is None:
            return None
        by_requests = ahead / self.requests_per_s if self.requests_per_s else 0.0
        by_tokens = ahead * (self.tokens_each or 0.0) / self.tokens_per_s if self.tokens_per_s else 0.0
        return self.after_s + max(in_line, by_requests, by_tokens)


ALWAYS = Opening()
"""Of a lane without a gate."""


class Openings:
    """The reader. Raises StoreUnavailable."""

    def __init__(self, scripts: Scripts, *, prefix: str) -> None:
        self._scripts = scripts
        self._prefix = prefix
        self._gates: dict[str, tuple[Lane, str]] = {}
        """Of lanes that were asked for before: prices, which are among what a gate is told, take a while to look up."""

    def of(self, lanes: Iterable[Lane]) -> Mapping[str, Opening]:
        """Those of the lanes that have a gate, in one round trip."""
        gates = {lane.name: gate for lane in lanes if (gate := self._gate(lane))}
        if not gates:
            return {}
        calls = [((), (self._prefix, name, gate)) for name, gate in gates.items()]
        told = self._scripts.run_all("opening", calls)
        return {name: Opening.from_json(one) for name, one in zip(gates, told, strict=True)}

    def _gate(self, lane: Lane) -> str:
        known = self._gates.get(lane.name)
        if known is None or known[0] is not lane:
            known = self._gates[lane.name] = lane, gate_of(lane)
        return known[1]
