"""A provider's batches in memory, which can be told to fail or to take the process with it at any step; and a bench."""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from doubles import RecordingDoorbell, answer, decision, lane

from router.placement import Placement
from tidegate.budget import Budget
from tidegate.client import Client
from tidegate.errors import ModelMissing, NetworkFailed, RunError, StoreUnavailable
from tidegate.job import Hints, Job
from tidegate.keys import keyring, signer
from tidegate.lane import Batch, Lane, Price, Zone
from tidegate.ledger.accounts import Account, Accounts
from tidegate.ledger.permits import accounts_of, gate_of
from tidegate.ledger.store import Ledger
from tidegate.result import Answer
from tidegate.settings import Settings
from tidegate.vault import Seals, Vault
from workers.backend import Run
from workers.gates import Gates
from workers.lease import Leases
from workers.managed.batches.api import Answered, Line, Mark, Phase, Progress
from workers.managed.batches.batcher import Batcher, OpenApi
from workers.managed.batches.desk import Pace
from workers.outcomes import Outcomes
from workers.tasks import Running

T = TypeVar("T")

AT_ONCE = Pace(tick_s=0.0, sure_s=0.0, first_s=0.0, most_s=0.0, pause_s=0.0)
"""Everything is due at once."""


class Killed(BaseException):
    """The process died here."""


@dataclass
class Trouble:
    """What befalls at the so-many-th step, before it is done or after."""

    at: dict[int, Callable[[], BaseException]] = field(default_factory=dict)
    steps: int = 0

    def around(self, deed: Callable[[], T], *, at_store: bool = False) -> T:
        """Do it, with a step before and one after."""
        self._step(at_store=at_store)
        done = deed()
        self._step(at_store=at_store)
        return done

    def _step(self, *, at_store: bool) -> None:
        self.steps += 1
        if (made := self.at.pop(self.steps, None)) is not None:
            error = made()
            if not isinstance(error, NetworkFailed if at_store else StoreUnavailable):  # each fails in its own way
                raise error


TROUBLES: dict[str, Callable[[], BaseException]] = {
    "killed": Killed,
    "network": lambda: NetworkFailed("the connection broke"),
    "store": lambda: StoreUnavailable("the store does not answer"),
}


@dataclass
class FakeBatch:
    """One batch at the provider."""

    id: str
    ours: str
    lines: list[str]
    looks: int = 0
    cancelled: bool = False
    untried: bool = False
    """Whether none of its lines is answered."""


@dataclass
class FakeProvider:
    """What outlives our processes."""

    fates: dict[str, str] = field(default_factory=dict)
    """What comes of a job's line: `error`, `expired` or `missing`; an answer where nothing is said."""
    looks: int = 1
    """How often a batch is looked at before it has ended."""
    failed: bool = False
    """Whether batches are found wrong as a whole."""
    batches: dict[str, FakeBatch] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    deaf: bool = False
    """Whether it goes on with what was cancelled."""
    refuse: RunError | None = None
    unreadable: RunError | None = None
    """What is wrong with its answers, where anything is."""
    answered: Counter[str] = field(default_factory=Counter)
    stops: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Where the next process that comes by is stopped, and what others do meanwhile."""

    @property
    def lines(self) -> Counter[str]:
        """How often each job is in a batch that was not cancelled."""
        live = (batch for batch in self.batches.values() if not batch.cancelled)
        return Counter(line.partition("-")[0] for batch in live for line in batch.lines)


class FakeApi:
    """One process's way to it."""

    def __init__(self, provider: FakeProvider, trouble: Trouble) -> None:
        self._provider = provider
        self._trouble = trouble

    def line(self, custom_id: str, run: Run) -> Line:
        """Endpoints by what is asked for."""
        return Line(custom_id=custom_id, endpoint="/vectors" if run.input else "/chat", body=b"{}")

    async def submit(self, mark: Mark, lines: Sequence[Line], *, check: Callable[[], None]) -> Progress:
        """Upload, then make."""
        self._trouble.around(lambda: self._provider.uploads.append(mark.batch_id))
        self._stopped("before the check")
        check()
        self._stopped("after the check")
        return self._trouble.around(lambda: self._made(mark, lines))

    async def find(self, mark: Mark) -> Progress | None:
        """By our id."""
        found = self._trouble.around(
            lambda: next((one for one in self._provider.batches.values() if one.ours == mark.batch_id), None)
        )
        return self._told(found) if found else None

    async def twins(self, mark: Mark, provider_id: str) -> list[str]:
        """By our id."""
        ours = [one.id for one in self._provider.batches.values() if one.ours == mark.batch_id]
        return self._trouble.around(lambda: [one for one in ours if one != provider_id])

    async def status(self, provider_id: str) -> Progress:
        """Each look counts."""
        return self._trouble.around(lambda: self._looked(provider_id))

    async def results(self, provider_id: str) -> AsyncIterator[Answered]:
        """In another order than it was asked."""
        batch = self._provider.batches[provider_id]
        for custom_id in reversed(batch.lines):
            told = None if batch.untried else self._fate(custom_id)
            if told is not None:
                yield self._trouble.around(lambda told=told: told)

    async def cancel(self, provider_id: str) -> None:
        """What is not answered never will be."""
        self._trouble.around(lambda: setattr(self._provider.batches[provider_id], "cancelled", not self._provider.deaf))

    async def clean(self, mark: Mark, provider_id: str | None) -> None:
        """Forget the uploads."""

        def forget() -> None:
            self._provider.uploads = [one for one in self._provider.uploads if one != mark.batch_id]

        self._trouble.around(forget)

    def read(self, content: bytes, run: Run) -> Answer:
        """Each answer that was looked into counts."""
        self._provider.answered[run.job_id] += 1
        if self._provider.unreadable is not None:
            raise self._provider.unreadable
        return answer(content.decode())

    def failure(self, error: Exception) -> RunError:
        """Ours pass as they are."""
        return error if isinstance(error, RunError) else NetworkFailed(type(error).__name__)

    async def close(self) -> None:
        """Nothing is open."""

    def _stopped(self, where: str) -> None:
        if (meanwhile := self._provider.stops.pop(where, None)) is not None:
            thread = threading.Thread(target=meanwhile)  # the process sleeps, and others do not
            thread.start()
            thread.join()

    def _made(self, mark: Mark, lines: Sequence[Line]) -> Progress:
        if self._provider.refuse is not None:
            raise self._provider.refuse
        batch = FakeBatch(f"p{len(self._provider.batches)}", mark.batch_id, [line.custom_id for line in lines])
        self._provider.batches[batch.id] = batch
        return self._told(batch)

    def _looked(self, provider_id: str) -> Progress:
        if provider_id not in self._provider.batches:
            raise ModelMissing("status 404")
        batch = self._provider.batches[provider_id]
        batch.looks += 1
        return self._told(batch)

    def _told(self, batch: FakeBatch) -> Progress:
        ended = batch.cancelled or batch.looks >= self._provider.looks
        phase = Phase.WORKING if not ended else Phase.FAILED if self._provider.failed else Phase.ENDED
        return Progress(provider_id=batch.id, phase=phase, answered=len(batch.lines) if ended else 0)

    def _fate(self, custom_id: str) -> Answered | None:
        fate = self._provider.fates.get(custom_id.partition("-")[0], "answered")
        if fate == "error":
            return Answered(custom_id=custom_id, error=NetworkFailed("the line failed"))
        if fate in ("expired", "missing") or self._provider.failed:
            return Answered(custom_id=custom_id) if fate == "expired" else None
        return Answered(custom_id=custom_id, content=b"from a batch")


def batch_lane(*, of_lane: dict[str, Any] | None = None, **changes: Any) -> Lane:
    """A lane outside with batches that go at once."""
    batch = Batch(**{"window_s": 3600.0, "collect_s": 0.001, **changes})
    return lane("api", zone=Zone.OUTSIDE, price=Price(input_usd=1, output_usd=2), batch=batch, **(of_lane or {}))


@dataclass
class Bench:
    """A client, a router's placement, and processes of the outside that come and go."""

    client: Client
    settings: Settings
    doorbell: RecordingDoorbell
    provider: FakeProvider = field(default_factory=FakeProvider)
    calls: Counter[str] = field(default_factory=Counter)
    """How often each job was called alone."""
    lane: Lane = field(default_factory=batch_lane)
    budgets: tuple[Budget, ...] = ()
    decided: dict[str, Any] = field(default_factory=dict)
    """What else the decisions say."""
    _batchers: list[tuple[Batcher, Trouble]] = field(default_factory=list)
    _placed: int = 0

    def close(self) -> None:
        """Let go of what dead processes would have let go of."""
        for batcher, trouble in self._batchers:
            trouble.at.clear()
            batcher.close()

    @property
    def ledger(self) -> Ledger:
        """The tests' own, in which nothing goes wrong."""
        return self.client.ledger

    def place(self, job: Job | None = None, **hints: Any) -> str:
        """Put a batch job on the lane, as the router does; one that asks what no other asks, where none is given."""
        self._placed += 1
        text = f"thing{self._placed:03}"
        job = job or Job(text=text, hints=Hints(**{"latency": "batch", "deadline_s": 7200.0, **hints}))
        job_id = self.client.submit(job)
        placement = Placement(
            self.ledger, self.client.vault, self.doorbell, signer(self.settings), nudge_s=self.settings.nudge_s
        )
        chosen = decision(self.lane.name, cleared=(self.lane.name,)).model_copy(update=self.decided)
        placement.place(self.client.record(job_id), job, chosen, rewritten=False)
        return job_id

    def running(self, ledger: Ledger | None = None) -> Running:
        """A worker process that holds the outside's keys only."""
        ledger = ledger or self.ledger
        return Running(
            name="w1",
            ledger=ledger,
            vault=Vault(ledger.redis, Seals({Zone.OUTSIDE: keyring(self.settings, Zone.OUTSIDE)})),
            outcomes=Outcomes(ledger, self.doorbell, nudge_s=self.settings.nudge_s),
            leases=Leases(ledger, lease_s=30.0),
            verifier=lambda: signer(self.settings).verifier,
            lanes={self.lane.name: self.lane},
            backend=lambda _lane: _Alone(self.calls),
            result_keep_s=600,
            gates=Gates(make=lambda one: gate_of(one, accounts=accounts_of(one, self.budgets))),
        )

    @property
    def account(self) -> Account:
        """What the store holds of the first budget."""
        return Accounts(self.ledger.redis).of([(self.budgets[0], "*")])[0]

    def batcher(
        self, trouble: Trouble | None = None, *, pace: Pace = AT_ONCE, open_api: OpenApi | None = None
    ) -> Batcher:
        """The batcher of another such process; whoever had the turn before is dead."""
        trouble = trouble or Trouble()
        self.ledger.redis.delete(f"tg:batcher:{self.lane.name}")
        ledger = Ledger(self.ledger.redis)
        scripts: Any = ledger._scripts
        run, run_all = scripts.run, scripts.run_all
        scripts.run = lambda *args, **kwargs: trouble.around(lambda: run(*args, **kwargs), at_store=True)
        scripts.run_all = lambda *args: trouble.around(lambda: run_all(*args), at_store=True)
        made = Batcher(
            running=self.running(ledger),
            lane=self.lane.name,
            open_api=open_api or (lambda _lane, _deployment: FakeApi(self.provider, trouble)),
            lease_s=30.0,
            pace=pace,
        )
        self._batchers.append((made, trouble))
        return made

    def work_alone(self) -> None:
        """What an ordinary worker of the lane takes now, it runs."""
        running = self.running()
        while True:
            head = self.ledger.redis.zrange(f"tg:in:placed:{self.lane.name}", 0, 0)
            if not head:
                return
            running.run(head[0].decode(), lane=self.lane.name)


@dataclass
class _Alone:
    """Answers each call, and counts it."""

    calls: Counter[str]

    def answer(self, run: Run, *, stop: threading.Event) -> Answer:
        """An answer of a call of its own."""
        self.calls[run.job_id] += 1
        return answer("from a call")

    def close(self) -> None:
        """Nothing is open."""
