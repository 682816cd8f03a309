"""What a case gives: signals in short, or a job's text for the detectors; and the state of the world around it.

Every recorded `Signals` object is a `Given` too, so that one reader serves tests, `explain` and recorded decisions.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from router.policy.grammar import Grammar
from router.signals.sensitivity.levels import SHIPPED, Table, judge
from tidegate.job import Hints, Job, Latency, Message, Params, PromptRef
from tidegate.signals import Band, BudgetLeft, Capability, Complexity, Finding, LaneLoad, Level, Sensitivity, Signals
from tidegate.value import Many, Name, Value, many

Inspect = Callable[[Job], Signals]

DETECTOR = "case"
"""Who found the entity types that a case states."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT = re.compile(rf"({'|'.join(_DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")
_BODIES = frozenset({"text", "messages", "prompt"})
_MEASURED = frozenset({"sensitivity", "entities", "complexity", "tokens", "max_tokens", "needs"})
_OF_JOBS = frozenset({"params", "hints", "conversation_id"})


def _one_moment(written: Any) -> Any:
    """A minute of the week, or `sat 18:30`."""
    if not isinstance(written, str):
        return written
    found = _MOMENT.fullmatch(written)
    if found is None:
        raise ValueError("should be a day and a time, such as 'sat 18:30'")
    return (_DAYS.index(found[1]) * 24 + int(found[2])) * 60 + int(found[3])


def _brackets(written: Any) -> str:
    return "<list>" if isinstance(written, list | tuple) else "<one>"


T = TypeVar("T")
OneOrMore = Annotated[
    Annotated[T, Tag("<one>")] | Annotated[Many[T], Tag("<list>")],
    Discriminator(_brackets),
]
"""A value or a list, which may be empty: what was recorded says `[]` where nothing was found."""


def _shape(written: Any) -> str:
    """In short or in full, by the brackets, so that an error speaks of that branch only."""
    return "<mapping>" if isinstance(written, dict | Value) else "<one>"


Moment = Annotated[
    Annotated[int, Field(ge=0, lt=7 * 24 * 60)],
    BeforeValidator(_one_moment, json_schema_input_type=int | str),
]
"""A minute of the week in UTC, 0 being Monday 00:00; or `sat 18:30`."""


Left = Annotated[
    Annotated[Annotated[float, Field(strict=False)], Tag("<one>")] | Annotated[BudgetLeft, Tag("<mapping>")],
    Discriminator(_shape),
]
"""What is left of a budget: dollars, or dollars and tokens."""


def _left(said: "float | BudgetLeft") -> BudgetLeft:
    return said if isinstance(said, BudgetLeft) else BudgetLeft(usd=said)


class Given(Grammar):
    """What a job and the system look like. What is not said is ordinary: public, no load, nothing special."""

    text: Annotated[str, Field(min_length=1)] | None = None
    """A job's text: the detectors say how sensitive and how hard it is."""
    messages: Annotated[Many[Message], Field(min_length=1)] | None = None
    """The same, as the turns of a conversation."""
    prompt: PromptRef | None = None
    """The same, as a prompt of `prompts.yaml` and its variables."""
    params: Params | None = None
    """With a text: how the model is asked."""
    hints: Hints | None = None
    """With a text: what the producer knows."""
    conversation_id: str | None = None
    """With a text: which conversation it belongs to."""
    sensitivity: (
        Annotated[
            Annotated[Level, Tag("<one>")] | Annotated[Sensitivity, Tag("<mapping>")],
            Discriminator(_shape),
        ]
        | None
    ) = None
    """How sensitive the job is; where not said, what `entities` mean, and `public` without any."""
    entities: OneOrMore[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]] | None = None
    """The entity types that were found: `[EMAIL_ADDRESS]`."""
    complexity: (
        Annotated[
            Annotated[Band, Tag("<one>")] | Annotated[Complexity, Tag("<mapping>")],
            Discriminator(_shape),
        ]
        | None
    ) = None
    """How hard the job is; `unknown` where not said."""
    tokens: Annotated[int, Field(ge=0)] | None = None
    """The length of the prompt in tokens; 100 where not said."""
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    """How long the answer may become, in tokens; 256 where not said."""
    needs: OneOrMore[Capability] | None = None
    """What the job needs of a lane."""
    tenant: Name | None = None
    """Whose job it is; `default` where not said."""
    latency: Latency | None = None
    """Whether somebody waits for the answer."""
    task: Name | None = None
    """What kind of task it is."""
    wait_s: dict[Name, Annotated[float, Field(ge=0, strict=False)]] = {}
    """The estimated wait by lane, in seconds. A lane that is not named was not measured."""
    health: dict[Name, Literal["up", "down"]] = {}
    """Whether anybody serves a lane: a lane that is down waits for ever."""
    load: dict[Name, LaneLoad] = {}
    """The load by lane, in full, as recorded decisions hold it."""
    minute: Moment | None = None
    """When it comes, in UTC: `sat 18:30`, or the minute of the week."""
    draw: Annotated[float, Field(ge=0, lt=1, strict=False)] | None = None
    """The job's number for splits, from 0 to 1."""
    overflowing: OneOrMore[Name] | None = None
    """The rules that are in overflow now."""
    budget_left_usd: dict[Name, Annotated[float, Field(strict=False)]] = {}
    """What is left to spend, by lane or tenant, for conditions that ask."""
    budgets: dict[Name, Left] = {}
    """What is left of a budget of the policy, by its name: dollars, or `{usd: 2, tokens: 5000}`."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        said = self._said
        bodies = sorted(said & _BODIES)
        if len(bodies) > 1:
            raise ValueError(f"give one of {', '.join(bodies)}")
        if bodies and said & _MEASURED:
            raise ValueError(
                f"with {bodies[0]} the detectors say {', '.join(sorted(said & _MEASURED))}: leave that out"
            )
        if not bodies and said & _OF_JOBS:
            raise ValueError(f"{', '.join(sorted(said & _OF_JOBS))} goes with text, messages or prompt")
        return self

    @property
    def needs_detectors(self) -> bool:
        """Whether there is a text to inspect."""
        return bool(self._said & _BODIES)

    @property
    def _said(self) -> set[str]:
        """What is written here; a null says nothing."""
        return {name for name in self.model_fields_set if getattr(self, name) is not None}

    def signals(self, inspect: Inspect, *, table: Table = SHIPPED) -> Signals:
        """The signals that are meant; `inspect` is asked about texts only. Raises what it raises.

        The table says what the types mean that a case states.
        """
        measured = inspect(self._job()) if self.needs_detectors else self._measured(table)
        return measured.model_copy(update=self._around(measured))

    def _job(self) -> Job:
        hints = self.hints or Hints()
        said = {"latency": self.latency, "task": self.task}
        changed = {name: value for name, value in said.items() if value is not None}
        return Job(
            text=self.text,
            messages=self.messages,
            prompt=self.prompt,
            params=self.params or Params(),
            hints=hints.model_copy(update=changed),
            tenant=self.tenant or "default",
            conversation_id=self.conversation_id,
        )

    def _measured(self, table: Table) -> Signals:
        complexity = self.complexity or Band.UNKNOWN
        return Signals(
            sensitivity=self._sensitivity(table),
            complexity=complexity if isinstance(complexity, Complexity) else Complexity(band=complexity),
            tokens=100 if self.tokens is None else self.tokens,
            max_tokens=256 if self.max_tokens is None else self.max_tokens,
            needs=() if self.needs is None else many(self.needs),
            tenant=self.tenant or "default",
            latency=self.latency or "interactive",
        )

    def _sensitivity(self, table: Table) -> Sensitivity:
        if isinstance(self.sensitivity, Sensitivity):
            return self.sensitivity
        types = () if self.entities is None else many(self.entities)
        found = judge((Finding(type=name, score=1.0, detector=DETECTOR) for name in types), table=table)
        stated = {"level": self.sensitivity, "because": None}
        return found if self.sensitivity is None else found.model_copy(update=stated)

    def _around(self, measured: Signals) -> dict[str, Any]:
        """The state of the world, where something is said of it."""
        around = {
            "task": self.task,
            "minute": self.minute,
            "draw": self.draw,
            "overflowing": None if self.overflowing is None else many(self.overflowing),
            "budget_left_usd": self.budget_left_usd or None,
            "budgets": {name: _left(said) for name, said in self.budgets.items()} or None,
        }
        said = {name: value for name, value in around.items() if value is not None}
        return {"load": {**measured.load, **self._loads()}, **said}

    def _loads(self) -> dict[str, LaneLoad]:
        waits = {lane: LaneLoad(wait_s=wait, slots=1) for lane, wait in self.wait_s.items()}
        up = {
            lane: waits.get(lane, LaneLoad(wait_s=0.0, slots=1)) for lane, is_up in self.health.items() if is_up == "up"
        }
        down = {lane: LaneLoad(slots=0) for lane, is_up in self.health.items() if is_up == "down"}
        return {**self.load, **waits, **up, **down}
