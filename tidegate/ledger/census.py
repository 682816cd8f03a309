"""Census: who is where. Depth, jobs in flight and age of each lane, live workers, and what has ended."""

import time
from collections.abc import Callable, Iterable

from tidegate.connections import StoreClient
from tidegate.ledger.faults import store_errors
from tidegate.ledger.queued import Queued, queued
from tidegate.ledger.states import ENDS, State
from tidegate.names import STORE_PREFIX
from tidegate.signals import LaneLoad
from tidegate.value import Value

PRESENCE_S = 15
"""A worker that has not reported for this long counts as gone: three missed beats of five seconds."""

UNMEASURED_SERVICE_S = 1.0
"""The service time assumed for a lane that has not finished a job yet."""

STALLED = 2.0
"""Where every slot has been busy with the same jobs for so many service times, jobs take as long as that by now."""

_COUNTED = (State.ACCEPTED, State.PLACED, State.RUNNING, State.WAITING, State.BATCHED)


class Presence(Value):
    """A live worker, as it reports itself."""

    name: str
    role: str
    zone: str | None = None
    lanes: dict[str, int] = {}
    """The lanes that it serves, and how many jobs of each it runs at a time."""
    pid: int = 0
    since: float = 0.0
    version: str = ""

    @property
    def host(self) -> str:
        """Where it runs. A name is `router@host.pid`; the host may have dots of its own."""
        return self.name.partition("@")[2].rpartition(".")[0]

    @property
    def slots(self) -> int:
        """How many jobs it runs at a time, over all lanes."""
        return sum(self.lanes.values())


class Census:
    """Counts over the ledger. Reads only, but for `report` and `leave`."""

    def __init__(self, client: StoreClient, *, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._prefix = prefix

    def report(self, presence: Presence) -> None:
        """Say that a worker is alive; to be repeated every few seconds."""
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(f"{self._prefix}:worker:{presence.name}", presence.to_json(), ex=PRESENCE_S)
            pipe.zadd(f"{self._prefix}:workers", {presence.name: time.time()})
            pipe.execute()

    def leave(self, name: str) -> None:
        """Say that a worker goes."""
        with store_errors():
            self._redis.unlink(f"{self._prefix}:worker:{name}")
            self._redis.zrem(f"{self._prefix}:workers", name)

    def bury(self, host: str, *, alive: Callable[[int], bool]) -> list[str]:
        """Forget a host's workers whose process is gone: killed ones would count with their slots until they lapse."""
        gone = [one.name for one in self.workers() if one.host == host and one.pid and not alive(one.pid)]
        for name in gone:
            self.leave(name)
        return gone

    def workers(self) -> list[Presence]:
        """The live workers, by name."""
        with store_errors():
            names = [name.decode() for name in self._redis.zrange(f"{self._prefix}:workers", 0, -1)]
            if not names:
                return []
            found = dict(zip(names, self._redis.mget(f"{self._prefix}:worker:{name}" for name in names), strict=True))
            gone = [name for name, report in found.items() if report is None]
            if gone:
                self._redis.zrem(f"{self._prefix}:workers", *gone)
        return sorted((Presence.from_json(report) for report in found.values() if report), key=lambda one: one.name)

    def loads(self, lanes: Iterable[str]) -> dict[str, LaneLoad]:
        """The load of each lane; `intake` stands for jobs that no router has placed yet."""
        names = list(lanes)
        workers = self.workers()
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(f"{self._prefix}:pace")
            for lane in names:
                for state in _COUNTED:
                    pipe.zcard(self._room(state, lane))
                pipe.zrange(
                    self._room(State.ACCEPTED if lane == "intake" else State.PLACED, lane),
                    0,
                    0,
                    withscores=True,
                )
                pipe.zrange(self._room(State.RUNNING, lane), -1, -1, withscores=True)
            (seconds, micros), pace, *rows = pipe.execute()
        now = float(seconds) + float(micros) / 1e6
        found = {}
        for index, lane in enumerate(names):
            accepted, placed, running, waiting, batched, oldest, youngest = rows[index * 7 : index * 7 + 7]
            slots = sum(worker.lanes.get(lane, 0) for worker in workers)
            service = float(pace[lane.encode()]) if lane.encode() in pace else None
            if youngest and running >= slots > 0:
                service = _held_against(service, since_s=now - youngest[0][1])
            found[lane] = LaneLoad(
                queued=accepted + placed,
                running=running,
                waiting=waiting,
                batched=batched,
                slots=slots,
                service_s=service,
                oldest_s=max(0.0, now - oldest[0][1]) if oldest else 0.0,
                wait_s=estimated_wait_s(queued=placed, running=running, slots=slots, service_s=service),
            )
        return found

    def lines(self, lanes: Iterable[str]) -> dict[str, Queued]:
        """Who waits in each lane's line, by class and tenant; left out are lines with too many tenants."""
        return queued(self._redis, lanes, prefix=self._prefix)

    def totals(self) -> dict[str, int]:
        """How many jobs have ended, by end."""
        with store_errors():
            counts = self._redis.hgetall(f"{self._prefix}:ended")
        return {state.value: int(counts.get(state.value.encode(), 0)) for state in sorted(ENDS)}

    def succeeded_at(self) -> dict[str, float]:
        """When each lane last ended a job well, by the store's clock."""
        with store_errors():
            found = self._redis.hgetall(f"{self._prefix}:succeeded_at")
        return {lane.decode(): float(at) for lane, at in found.items()}

    def _room(self, state: State, lane: str) -> str:
        return f"{self._prefix}:in:{state.value}:{lane}"


def _held_against(service_s: float | None, *, since_s: float) -> float | None:
    """The service time where all slots are busy and none has begun a job for a while: the model got slow, or hangs."""
    return since_s if since_s > STALLED * (service_s or UNMEASURED_SERVICE_S) else service_s


def estimated_wait_s(*, queued: int, running: int, slots: int, service_s: float | None) -> float | None:
    """Seconds until a new job would start: what is ahead of it, over the slots that work on it.

    A free slot means no wait; a running job is half done on average. None where nobody serves the lane.
    """
    if slots == 0:
        return None
    if queued + running < slots:
        return 0.0
    return (queued + running / 2) * (service_s or UNMEASURED_SERVICE_S) / slots
