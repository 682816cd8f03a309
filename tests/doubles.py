"""Doubles: small real things that stand in for large ones, and values with everything filled in."""

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tidegate.decision import Decision
from tidegate.doorbell import Doorbell
from tidegate.errors import BrokerUnavailable
from tidegate.lane import Lane, Retry, Zone
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from tidegate.result import Answer, Usage
from tidegate.signals import Band, Complexity, Level, Sensitivity, Signals
from workers.backend import Run

KEYS = {
    "inside_key": "in1:" + base64.b64encode(b"i" * 32).decode(),
    "outside_key": "out1:" + base64.b64encode(b"o" * 32).decode(),
    "clearance_key": base64.b64encode(b"c" * 32).decode(),
}
"""Fixed keys, so that no test waits for a disk to make some."""

SECRET = "Mrs Quillfeather's iban is 12-34-56"
"""A text that must never be found outside the vault. Invented."""


class RecordingDoorbell(Doorbell):
    """Notes each ring instead of sending a message; or fails, as a broker does that is away."""

    def __init__(self, *, broken: bool = False) -> None:
        self.rings: list[tuple[str, str]] = []
        self.priorities: list[int] = []
        self.broken = broken

    def ring_router(self, job_id: str, *, priority: int) -> None:
        """Note a wake-up for the router."""
        self._note("router", job_id, priority)

    def ring_lane(self, lane: str, job_id: str, *, priority: int) -> None:
        """Note a wake-up for a lane."""
        self._note(lane, job_id, priority)

    def close(self) -> None:
        """Nothing was opened."""

    def _note(self, whom: str, job_id: str, priority: int) -> None:
        if self.broken:
            raise BrokerUnavailable("the wake-up was not sent")
        self.rings.append((whom, job_id))
        self.priorities.append(priority)


@dataclass
class ScriptedBackend:
    """Answers with what the test says, and remembers what it was asked."""

    said: Callable[[Run, threading.Event], Answer]
    runs: list[Run] = field(default_factory=list)

    def answer(self, run: Run, *, stop: threading.Event) -> Answer:
        """What the test says."""
        self.runs.append(run)
        return self.said(run, stop)

    def close(self) -> None:
        """Nothing to let go of."""


def answer(text: str = "positive", **changes: Any) -> Answer:
    """An answer of a small model."""
    return Answer(
        **{
            "text": text,
            "usage": Usage(prompt_tokens=9, completion_tokens=3),
            "model": "small-1",
            **changes,
        }
    )


def lane(name: str = "local", *, zone: Zone = Zone.INSIDE, **changes: Any) -> Lane:
    """A lane with short waits."""
    return Lane(
        **{
            "name": name,
            "zone": zone,
            "backend": "llama_cpp" if zone is Zone.INSIDE else "openai",
            "model": f"{name}-model",
            "context_tokens": 4096,
            "retry": Retry(attempts=2, base_s=0.01, cap_s=0.02),
            **changes,
        }
    )


def signals(level: Level = Level.PUBLIC) -> Signals:
    """What a short, simple job measures."""
    return Signals(
        sensitivity=Sensitivity(level=level),
        complexity=Complexity(band=Band.SIMPLE, score=0.1),
        tokens=12,
        max_tokens=64,
    )


def decision(*lanes: str, cleared: tuple[str, ...] = ()) -> Decision:
    """A decision for these lanes."""
    return Decision(
        lanes=lanes,
        zone=Zone.OUTSIDE if cleared else Zone.INSIDE,
        cleared=cleared,
        rule="a-rule",
        policy="default@0123456789ab",
        signals=signals(),
    )


def record(**changes: Any) -> Record:
    """A record of a job that was just placed."""
    return Record(
        **{
            "id": "a" * 32,
            "state": State.PLACED,
            "rev": 2,
            "accepted_at": 1000.0,
            "updated_at": 1000.0,
            "deadline_at": 2000.0,
            "look_at": 1010.0,
            "lane": "local",
            "zone": "inside",
            "payload": "slot",
            **changes,
        }
    )
