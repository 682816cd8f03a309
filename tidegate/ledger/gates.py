"""Gates, for who looks on: what each lane and each of its deployments lets through, and how they have been doing.

Reads only, without a script: a figure may be a moment older than its neighbour.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.connections import StoreClient
from tidegate.deployment import Deployment, Limits
from tidegate.lane import Lane
from tidegate.ledger.faults import store_errors
from tidegate.ledger.permits import gate_of
from tidegate.limiting import counted
from tidegate.names import STORE_PREFIX
from tidegate.value import Many, Value

BreakerState = Literal["closed", "open", "half_open"]

MINUTE_S = 60.6
"""As limits.lua counts a minute."""
DAY_STEP_S, DAY_STEPS = 300, 288
GROWS_A_MINUTE, TOLD_S = 0.5, 600.0
"""As adapt.lua has them."""
RETRIES_KEPT = 10.0
"""As limits.lua has it."""


class Use(Value):
    """One limit, and how much of it is used."""

    configured: float | None = None
    """By the policy; None: not limited."""
    effective: float | None = None
    """What counts now: less where the provider says so, or has refused calls."""
    used: float = 0.0


class BreakerView(Value):
    """Whether a deployment is left alone."""

    state: BreakerState = "closed"
    since: float | None = None
    """When it last opened or closed; None: it never did."""
    next_probe_at: float | None = None
    """Where it is open: when one call will try it."""
    open_s: float | None = None
    why: str | None = None
    """The class of the error that opened it."""


class DeploymentView(Value):
    """One deployment. Times are Unix seconds by the store's clock."""

    name: str
    region: str | None = None
    weight: float = 1.0
    shared: str | None = None
    """The name under which its limits, and their use, are others' as well."""
    requests_per_minute: Use = Use()
    tokens_per_minute: Use = Use()
    requests_per_day: Use = Use()
    tokens_per_day: Use = Use()
    in_flight: Use = Use()
    closed_until: float | None = None
    """The provider asked to be left alone until then."""
    share: float = 1.0
    """Of its limit that is used since it refused calls; 1 is all."""
    breaker: BreakerView = BreakerView()
    calls: int = 0
    """Of the last calls, those that ended: what the next four are about."""
    error_rate: float | None = None
    errors: dict[str, int] = {}
    """By class of error."""
    p50_s: float | None = None
    """Of those that were answered."""
    p95_s: float | None = None
    calls_today: int = 0
    """Since midnight, UTC."""
    tokens_today: int = 0
    usd_today: float = 0.0


class GateView(Value):
    """One lane: its own limits, and its deployments in the policy's order."""

    lane: str
    gated: bool
    """Whether it has a gate at all: a lane inside without limits has none."""
    shared: str | None = None
    """The name under which its own limits, and their use, are others' as well."""
    requests_per_minute: Use = Use()
    tokens_per_minute: Use = Use()
    requests_per_day: Use = Use()
    tokens_per_day: Use = Use()
    in_flight: Use = Use()
    retries_left: float | None = None
    """What the retry budget allows now."""
    deployments: Many[DeploymentView] = ()

    @property
    def open(self) -> bool:
        """Whether every deployment is left alone."""
        return bool(self.deployments) and all(one.breaker.state == "open" for one in self.deployments)


class Gates:
    """The reader. Raises StoreUnavailable."""

    def __init__(
        self, client: StoreClient, *, prefix: str = STORE_PREFIX, clock: Callable[[], float] | None = None
    ) -> None:
        self._redis = client
        self._prefix = prefix
        self._clock = clock
        """A test's; None: the store's."""

    def view(self, lanes: Iterable[Lane]) -> list[GateView]:
        """How these lanes are doing now, in one round trip."""
        wanted = list(lanes)
        places = list(dict.fromkeys(place for lane in wanted for pair in self._places(lane) for place in pair))
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            for place in places:
                pipe.hgetall(place)
                pipe.zrange(f"{place}/minute", 0, -1, withscores=True)
                pipe.hgetall(f"{place}/day")
                pipe.zrange(f"{place}/flight", 0, -1, withscores=True)
                pipe.lrange(f"{place}/recent", 0, -1)
            (seconds, micros), *rows = pipe.execute()
        now = self._clock() if self._clock else float(seconds) + float(micros) / 1e6
        found = {place: _Place.read(rows[index * 5 : index * 5 + 5], now=now) for index, place in enumerate(places)}
        return [self._lane(lane, found, now) for lane in wanted]

    def _places(self, lane: Lane) -> list[tuple[str, str]]:
        """Of the lane and of each deployment: its own place, and where its calls count."""
        whole, each = counted(lane)
        own = f"{self._prefix}:gate:{lane.name}"
        places = [own, *(f"{own}@{one.name}" for one in lane.every_deployment)]
        return [
            (place, f"{self._prefix}:gate:={limits.shared}" if limits.shared else place)
            for place, limits in zip(places, (whole, *each), strict=True)
        ]

    def _lane(self, lane: Lane, found: Mapping[str, "_Place"], now: float) -> GateView:
        (whole, counts), *places = self._places(lane)
        own, each = counted(lane)
        deployments = tuple(
            _deployment(one, found[place], limits=limits, counts=found[count], now=now)
            for one, limits, (place, count) in zip(lane.every_deployment, each, places, strict=True)
        )
        gated = bool(gate_of(lane))
        # With one deployment the lane's limits may be counted there: see limiting.counted.
        alone = len(places) == 1 and own == Limits()
        return GateView(
            lane=lane.name,
            gated=gated,
            retries_left=found[whole].number("retries", RETRIES_KEPT) if gated else None,
            deployments=deployments,
            shared=lane.limits.shared,
            **found[places[0][1] if alone else counts].uses(lane.limits, now=now),
        )


@dataclass(frozen=True)
class _Place:
    """What the store has of one place."""

    fields: Mapping[str, str]
    minute: Sequence[int]
    """The tokens of each call of the last minute."""
    day: Mapping[str, int]
    in_flight: int
    recent: Sequence[Sequence[str]]

    @classmethod
    def read(cls, rows: Sequence[Any], *, now: float) -> "_Place":
        fields, minute, day, flight, recent = rows
        first = math.floor(now / DAY_STEP_S) - DAY_STEPS
        counts = Counter[str]()
        for key, count in day.items():
            kind, _, step = key.decode().partition(":")
            if int(step) >= first:
                counts[kind] += int(count)
        return cls(
            fields={key.decode(): value.decode() for key, value in fields.items()},
            minute=[int(call.rpartition(b":")[2]) for call, at in minute if at > now - MINUTE_S],
            day=counts,
            in_flight=sum(1 for _, lost_at in flight if lost_at > now),
            recent=[line.decode().split(" ") for line in recent],
        )

    def number(self, name: str, otherwise: float = 0.0) -> float:
        return float(self.fields.get(name, otherwise))

    def uses(self, limits: Limits, *, now: float) -> dict[str, Use]:
        """Each limit and its use."""
        told = now - self.number("told_at") < TOLD_S
        share = self.share(now)
        return {
            "requests_per_minute": _use(
                limits.requests_per_minute,
                told=self.number("told_requests") if told else 0.0,
                share=share,
                used=len(self.minute),
                otherwise=self.number("base"),
            ),
            "tokens_per_minute": _use(
                limits.tokens_per_minute,
                told=self.number("told_tokens") if told else 0.0,
                share=share,
                used=sum(self.minute),
            ),
            "requests_per_day": _use(limits.requests_per_day, used=self.day.get("requests", 0)),
            "tokens_per_day": _use(limits.tokens_per_day, used=self.day.get("tokens", 0)),
            "in_flight": _use(limits.concurrent, used=self.in_flight),
        }

    def share(self, now: float) -> float:
        """Of the limit that is used."""
        if "factor" not in self.fields:
            return 1.0
        return min(1.0, self.number("factor") + GROWS_A_MINUTE * (now - self.number("factor_at")) / 60)

    def breaker(self, now: float) -> BreakerView:
        since = self.number("since") or None
        if "open_until" not in self.fields:
            return BreakerView(since=since)
        until = self.number("open_until")
        return BreakerView(
            state="open" if now < until else "half_open",
            since=since,
            next_probe_at=until,
            open_s=self.number("open_s"),
            why=self.fields.get("why") or None,
        )


def _use(
    configured: float | None, *, used: float, told: float = 0.0, share: float = 1.0, otherwise: float = 0.0
) -> Use:
    named = [most for most in (configured, told or None) if most is not None]
    base = min(named) if named else (otherwise or None if share < 1 else None)
    return Use(configured=configured, effective=None if base is None else max(1.0, base * share), used=used)


def _deployment(one: Deployment, place: _Place, *, limits: Limits, counts: _Place, now: float) -> DeploymentView:
    ended = [call for call in place.recent if call[1] != "-"]
    answered = sorted(float(call[2]) for call in ended if call[1] == "ok" and call[2] != "-")
    uses = counts.uses(limits, now=now)
    if limits.concurrent is None:
        uses["in_flight"] = Use(used=place.in_flight)
    today = place.number("today", -1) == math.floor(now / 86_400)
    closed = counts.number("closed_until")
    return DeploymentView(
        name=one.name,
        region=one.region,
        weight=one.weight,
        closed_until=closed if closed > now else None,
        share=round(counts.share(now), 4),
        breaker=place.breaker(now),
        calls=len(ended),
        error_rate=sum(call[1] in ("failed", "down", "limited") for call in ended) / len(ended) if ended else None,
        errors=dict(Counter(call[3] for call in ended if call[3] != "-")),
        p50_s=_quantile(answered, 0.5),
        p95_s=_quantile(answered, 0.95),
        calls_today=int(place.number("today_calls")) if today else 0,
        tokens_today=int(place.number("today_tokens")) if today else 0,
        usd_today=place.number("today_usd") if today else 0.0,
        shared=limits.shared,
        **uses,
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    return values[min(len(values) - 1, int(len(values) * share))] if values else None
