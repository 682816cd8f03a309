"""Recorded decisions: each decision with its signals, kept for a while, to be exported, replayed and simulated.

Signals, never text. The store keeps them as a stream, in the order of the decisions; a file of them is JSON lines.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError

from tidegate.connections import StoreClient
from tidegate.decision import Decision
from tidegate.errors import InvalidDocument, StorageFull, StoreUnavailable
from tidegate.lane import Zone
from tidegate.ledger.store import store_errors
from tidegate.logs import logger
from tidegate.names import STORE_PREFIX
from tidegate.settings import Settings
from tidegate.signals import Signals
from tidegate.value import Many, Name, Value, problems

_FIELD = b"d"
_PAGE = 1000

log = logger(__name__)


class Recorded(Value):
    """One decision as it was made. Fields of a later release are passed over."""

    model_config = ConfigDict(extra="ignore")

    v: Literal[1] = 1
    at: Annotated[float, Field(ge=0)]
    """Unix time in seconds, by the store's clock."""
    job: str
    policy: str
    rule: str
    lanes: Many[Name] = ()
    zone: Zone
    cleared: Many[Name] = ()
    redacted: bool = False
    cause: str | None = None
    signals: Signals


class Decisions:
    """The recorded decisions in the store."""

    def __init__(self, client: StoreClient, *, keep_s: float, most: int, prefix: str = STORE_PREFIX) -> None:
        self._redis = client
        self._key = f"{prefix}:decisions"
        self._keep_s = keep_s
        self._most = most

    @classmethod
    def opened(cls, client: StoreClient, settings: Settings) -> "Decisions":
        """With the retention that the settings name."""
        return cls(client, keep_s=settings.decisions_keep_s, most=settings.decisions_max)

    def add(self, job_id: str, decision: Decision) -> None:
        """Record one; see `add_all`."""
        self.add_all([(job_id, decision)])

    def add_all(self, decisions: Sequence[tuple[str, Decision]]) -> None:
        """Record some, in one round trip. A store that cannot take them costs the recording, never a job."""
        if not self._keep_s or not decisions:
            return
        try:
            with store_errors(), self._redis.pipeline(transaction=False) as pipe:
                for job_id, decision in decisions:
                    entry = _recorded(job_id, decision).to_json()
                    pipe.xadd(self._key, {_FIELD: entry}, maxlen=self._most, approximate=True)
                pipe.execute()
        except (StoreUnavailable, StorageFull) as exc:
            jobs = ",".join(job_id for job_id, _ in decisions)
            log.warning("decision.unrecorded", job=jobs, error=type(exc).__name__)

    def trim(self) -> int:
        """Remove what is past its time. Returns how many. Raises StoreUnavailable."""
        with store_errors():
            return int(self._redis.xtrim(self._key, minid=_stream_id(self._oldest()), approximate=False))

    def since(self, start: float = 0.0, *, until: float | None = None) -> Iterator[Recorded]:
        """Those made in a time (Unix seconds), the oldest first. Raises StoreUnavailable."""
        with store_errors():
            first = _stream_id(max(start, self._oldest()))
        last = "+" if until is None else _stream_id(until)
        while True:
            with store_errors():
                page = self._redis.xrange(self._key, min=first, max=last, count=_PAGE)
            for entry_id, fields in page:
                yield Recorded.from_json(fields[_FIELD]).model_copy(update={"at": _time_of(entry_id)})
            if len(page) < _PAGE:
                return
            first = f"({page[-1][0].decode()}"

    def _oldest(self) -> float:
        seconds, micros = self._redis.time()
        return max(0.0, float(seconds) + float(micros) / 1e6 - self._keep_s)


def read_recorded(path: Path, *, limit: int | None = None) -> Iterator[Recorded]:
    """The decisions of an exported file, one a line. Raises InvalidDocument with the line that is none."""
    try:
        with path.open("rb") as file:
            yield from itertools.islice(_from_lines(file, name=str(path)), limit)
    except OSError as exc:
        raise InvalidDocument((f"{path}:1:1: cannot be read: {exc.strerror}",)) from None


def _recorded(job_id: str, decision: Decision) -> Recorded:
    return Recorded(
        at=0.0,  # the store's clock says when; see `since`
        job=job_id,
        policy=decision.policy,
        rule=decision.rule,
        lanes=decision.lanes,
        zone=decision.zone,
        cleared=decision.cleared,
        redacted=decision.redacted,
        cause=decision.cause,
        signals=decision.signals,
    )


def _from_lines(lines: Iterable[bytes], *, name: str) -> Iterator[Recorded]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Recorded.from_json(line)
        except ValidationError as exc:
            # One is enough: a file that is no export would tell a thousand.
            raise InvalidDocument((f"{name}:{number}:1: no recorded decision: {problems(exc)[0]}",)) from None


def _stream_id(at: float) -> str:
    return f"{int(at * 1000)}-0"


def _time_of(entry_id: bytes) -> float:
    return int(entry_id.partition(b"-")[0]) / 1000
