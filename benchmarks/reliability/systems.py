"""The systems that are compared: how each is started, how it takes a job, and what it still has to do."""

import base64
import secrets
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import oracle
import redis
import servers
from processes import Process, Supervisor

from tidegate.client import Client
from tidegate.job import Job
from tidegate.settings import Settings, load

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent

WORKERS = 2
SLOTS = 2
"""Jobs that a worker runs at a time."""

JOB_MS = 20
LAPSE_S = 10
"""After this long a worker that says nothing counts as gone: lease, visibility timeout, heartbeat."""

POLICY = f"""\
version: 1
name: reliability
lanes:
  bench: {{zone: inside, backend: noop, model: noop-{JOB_MS}ms, context_tokens: 4096, concurrency: {SLOTS}}}
rules: []
default: {{send: bench, why: there is no other lane}}
"""


class System(ABC):
    """One system under test, with its servers and its workers."""

    label: str
    patience_s: float
    """How long it may be still before what is missing counts as lost: longer than its own slowest recovery."""

    def __init__(self, folder: Path, oracle_url: str) -> None:
        self.folder = folder
        self.supervisor = Supervisor()
        self.env = {oracle.URL: oracle_url, "PYTHONPATH": str(CHECKOUT)}
        self.workers: list[Process] = []
        self.brokers: list[Process] = []

    @abstractmethod
    def start(self) -> None:
        """Start all of it."""

    @abstractmethod
    def submit(self, number: int) -> str:
        """Have a job accepted; returns the name under which the oracle counts it. Raises where it was not."""

    @abstractmethod
    def left(self, jobs: set[str]) -> int:
        """How many of these jobs, or of its messages, it still means to run."""

    @abstractmethod
    def prepare(self) -> None:
        """What a producer's process does once it can reach the servers."""

    def counted_twice(self, ran_twice: set[str]) -> int:
        """How many of the jobs that ran twice had two results: all, where nothing refuses the second."""
        return len(ran_twice)

    def close(self) -> None:
        """End all of it."""
        self.supervisor.close()

    def serve(self, name: str, *command: str, env: Mapping[str, str] | None = None) -> Process:
        """A process of the system that is started again where it dies."""
        process = Process(
            name,
            [sys.executable, *command],
            env={**self.env, **(env or {})},
            folder=HERE,
            log=self.folder / f"{name}.log",
        )
        return self.supervisor.add(process)

    def _valkey(self) -> str:
        server, url = servers.valkey(self.folder, name="valkey")
        self.supervisor.add(server)
        self.brokers.append(server)
        servers.await_valkey(url)
        return url


class Tidegate(System):
    """Ours with Redis as broker and store."""

    label = "tidegate on Redis"
    patience_s = 45.0

    def start(self) -> None:
        """Servers, router, janitor, workers."""
        store = self._valkey()
        self._start(broker=f"{store}/0", store=f"{store}/1")

    def _start(self, *, broker: str, store: str) -> None:
        policy = self.folder / "policy.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        keys = {
            "INSIDE_KEY": "in:" + _key(),
            "OUTSIDE_KEY": "out:" + _key(),
            "CLEARANCE_KEY": _key(),
            "BROKER_URL": broker,
            "STORE_URL": store,
            "DATA": str(self.folder / "data"),
            "POLICY": str(policy),
            "LEASE_S": str(LAPSE_S),
            "NUDGE_S": "5",
            "MAX_CRASHES": "20",
            "HOME": str(CHECKOUT),
        }
        env = {f"TIDEGATE_{name}": value for name, value in keys.items()}
        self._settings: Settings = load(
            **{name.lower(): value for name, value in keys.items()},
        )
        for name in ("router", "janitor"):
            self.serve(name, "-m", "tidegate", name, env=env)
        self.workers = [
            self.serve(f"worker{number}", str(HERE / "marked_worker.py"), env=env) for number in range(WORKERS)
        ]

    def prepare(self) -> None:
        """Connect."""
        self._client = Client(self._settings)

    def submit(self, number: int) -> str:
        """By its idempotency key: to try again is the same job."""
        return self._client.submit(Job(text="Say nothing.", idempotency_key=f"job-{number}"))

    def left(self, jobs: set[str]) -> int:
        """Records that have not ended."""
        names = sorted(jobs)
        found = (
            record for at in range(0, len(names), 500) for record in self._client.ledger.get_many(names[at : at + 500])
        )
        return sum(not record.state.ended for record in found)

    def counted_twice(self, ran_twice: set[str]) -> int:
        """By the history of the job: an end that was entered twice."""
        moves = ([event.move for event in self._client.ledger.history(job)] for job in ran_twice)
        return sum(found.count("succeeded") > 1 for found in moves)


class TidegateOnRabbitMQ(Tidegate):
    """Ours with RabbitMQ as broker; the store is Redis."""

    label = "tidegate on RabbitMQ"

    def start(self) -> None:
        """Servers, router, janitor, workers. The broker is what is killed."""
        store = self._valkey()
        rabbit = servers.RabbitMQ(self.folder)
        self.brokers = [rabbit.process]
        self.supervisor.add(rabbit.process)
        rabbit.await_ready()
        self._start(broker=rabbit.url, store=f"{store}/1")


class LateCelery(System):
    """Celery as it is commonly configured to be safe: late acknowledgement, reject on a lost worker, prefetch 1."""

    label = "Celery, late ack, Redis"
    patience_s = 130.0
    """kombu looks for what was not acknowledged every hundred seconds or so."""

    def start(self) -> None:
        """Server and workers."""
        self.url = self._valkey()
        self.env["RELIABILITY_BROKER"] = self.url
        words = ("-m", "celery", "-A", "late_celery", "worker", "--loglevel", "WARNING", "--without-mingle")
        self.workers = [
            self.serve(f"worker{number}", *words, "-c", str(SLOTS), "-n", f"w{number}@bench")
            for number in range(WORKERS)
        ]

    def prepare(self) -> None:
        """The task, with this server's address."""
        import os  # noqa: PLC0415 - the module reads its server's address where it is imported

        os.environ["RELIABILITY_BROKER"] = self.url
        os.environ.update({oracle.URL: self.env[oracle.URL]})
        import late_celery  # noqa: PLC0415

        self._task = late_celery.made(self.url).tasks["job"]
        self._redis = redis.Redis.from_url(self.url)

    def submit(self, number: int) -> str:
        """One message."""
        self._task.apply_async((str(number),), task_id=f"job-{number}", retry=False)
        return str(number)

    def left(self, _jobs: set[str]) -> int:
        """What is queued and what is not acknowledged."""
        return int(self._redis.llen("celery")) + int(self._redis.hlen("unacked"))


class LateDramatiq(System):
    """Dramatiq, which acknowledges late by design."""

    label = "Dramatiq, Redis"
    patience_s = 130.0

    def start(self) -> None:
        """Server and workers."""
        self.url = self._valkey()
        self.env["RELIABILITY_BROKER"] = self.url
        words = ("-m", "dramatiq", "late_dramatiq", "--processes", "1", "--threads", str(SLOTS))
        self.workers = [self.serve(f"worker{number}", *words) for number in range(WORKERS)]

    def prepare(self) -> None:
        """The actor, with this server's address."""
        import late_dramatiq  # noqa: PLC0415 - as above

        self._actor = late_dramatiq.made(self.url)
        self._redis = redis.Redis.from_url(self.url)

    def submit(self, number: int) -> str:
        """One message."""
        self._actor.send(str(number))
        return str(number)

    def left(self, _jobs: set[str]) -> int:
        """What is queued, delayed, or taken by a worker that has not acknowledged it."""
        names = [key.decode() for key in self._redis.scan_iter("dramatiq:*")]
        taken = sum(int(self._redis.scard(name)) for name in names if "__acks__" in name)
        return taken + sum(int(self._redis.llen(f"dramatiq:{queue}")) for queue in ("default", "default.DQ"))


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


SYSTEMS: Mapping[str, Callable[[Path, str], System]] = {
    "tidegate-redis": Tidegate,
    "tidegate-rabbitmq": TidegateOnRabbitMQ,
    "celery": LateCelery,
    "dramatiq": LateDramatiq,
}
