"""Wiring of a worker process: its lanes, its keys, its backends.

A process that serves lanes outside is given the outside keyring and nothing else: it could not open an inside payload
if it tried.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from celery.signals import worker_shutting_down

from tidegate import __version__, connections, keychecks, storecheck
from tidegate.budgets import read_budgets
from tidegate.doorbell import Doorbell
from tidegate.errors import InvalidSettings, Misuse, RunError, Unavailable
from tidegate.keychecks import Held
from tidegate.keys import Verifier
from tidegate.lane import Lane, Zone
from tidegate.lanes import lane_files, read_lanes
from tidegate.ledger.census import Census, Presence
from tidegate.ledger.permits import UNGATED
from tidegate.ledger.store import Keep, Ledger
from tidegate.livekeys import live_verifier, rings
from tidegate.logs import logger
from tidegate.messaging import celery_app, queues
from tidegate.prices import unpriced
from tidegate.service import Service
from tidegate.settings import Settings
from tidegate.value import dotted
from tidegate.vault import Seals, Vault
from workers import ear
from workers.allowances import Allowances
from workers.backend import open_backend
from workers.follow import Follower
from workers.lease import Leases
from workers.managed.batches.service import Batchers
from workers.models import catalogue
from workers.outcomes import Outcomes
from workers.roster import Roster
from workers.tasks import Running, register

log = logger(__name__)

GRACE_S = 8.0
"""After a polite signal: what is running by then is handed back to its lane. Less than the supervisor's patience."""

STORE_CONNECTIONS = 64
"""However many slots there are: a job asks the store twice, for less than a millisecond each."""


def open_service(settings: Settings, *, zone: Zone, only: Sequence[str] = ()) -> Service:
    """A worker of one zone's lanes (or of some of them), ready to run. Raises Misuse where it cannot serve them."""
    lanes = lanes_of(settings, zone=zone, only=only)
    where = connections.addresses(settings)
    redis = connections.connect(where.store, timeout_s=settings.store_timeout_s, most=STORE_CONNECTIONS)
    storecheck.check_at_start(redis)
    ring = rings(settings, zone)
    try:
        keychecks.check(redis, ring.values())
    except Unavailable:
        log.warning("keys.unchecked")  # a store that is down is waited for, not a reason to go
    app = celery_app(settings, where, role=zone.value)
    verifier = _verifier(settings)
    name = f"{zone}@{socket.gethostname()}.{os.getpid()}"
    ledger = Ledger(redis, keep=Keep(result_s=settings.result_keep_s, dead_s=settings.dead_keep_s))
    roster = Roster(lanes, lambda lane: open_backend(lane, settings))
    allowances = Allowances(lambda: read_budgets(settings.policy_file))
    running = Running(
        name=name,
        ledger=ledger,
        vault=Vault(redis, Seals(ring)),
        outcomes=Outcomes(ledger, Doorbell(app), nudge_s=settings.nudge_s),
        leases=Leases(ledger, lease_s=settings.lease_s),
        verifier=verifier,
        lanes=roster.lanes,
        backend=roster.backend,
        result_keep_s=settings.result_keep_s,
        gates=allowances.gates,
    )
    outside = zone is Zone.OUTSIDE
    keychecks.report(redis, name, lambda: Held.now(ring, **({"clearance": verifier()} if outside else {})))
    register(app, running)
    _open_early(running)
    follower = Follower(
        roster,
        read=lambda: lanes_of(settings, zone=zone, only=only),
        policy_files=lambda: lane_files(settings.policy_file),
        changed=allowances.look,
        model_file=lambda lane: catalogue.entry_of(lane.model, settings).path if lane.backend == "llama_cpp" else None,
    )
    listening = connections.connect(where.store, timeout_s=settings.store_timeout_s)
    ear.listen(listening, name, running.leases.lose)
    threading.Thread(target=follower.follow, args=(threading.Event(),), name="follow", daemon=True).start()
    if outside:
        batchers = Batchers(running=running, settings=settings)
        threading.Thread(target=batchers.run, args=(running.leases.leaving,), name="batchers", daemon=True).start()
    _leave_in_order(running)
    return Service(
        app=app,
        queues=queues(where, [lane.queue for lane in lanes.values()]),
        slots={lane.queue: lane.concurrency for lane in lanes.values()},
        census=Census(redis),
        events=running.events,
        spare=running.spare,
        log_level=settings.log_level,
        presence=Presence(
            name=name,
            role="worker",
            zone=zone.value,
            lanes={name: lane.concurrency for name, lane in lanes.items()},
            pid=os.getpid(),
            since=time.time(),
            version=__version__,
        ),
    )


def lanes_of(settings: Settings, *, zone: Zone, only: Sequence[str] = ()) -> Mapping[str, Lane]:
    """The lanes of a zone. Raises InvalidSettings for a name that is not one of them."""
    lanes = {name: lane for name, lane in read_lanes(settings.policy_file).items() if lane.zone is zone}
    unknown = sorted(set(only) - set(lanes))
    if unknown or not lanes:
        known = ", ".join(sorted(lanes)) or "none"
        raise InvalidSettings(
            f"{settings.policy_file}: no {zone} lane {', '.join(unknown) or 'at all'}; there is: {known}"
        )
    wanted = {name: lane for name, lane in lanes.items() if not only or name in only}
    for name, lane in wanted.items():
        for path, message in unpriced(lane):
            raise InvalidSettings(f"{settings.policy_file}: {dotted(('lanes', name, *path))}: {message}")
    return wanted


def _open_early(running: Running) -> None:
    """The backends that call somebody: an SDK takes seconds to import, and first calls would come late, all at once."""
    for lane in running.lanes.values():
        if lane.backend not in UNGATED:
            with contextlib.suppress(RunError, Misuse):  # its first job meets it again, where it is on record
                running.backend(lane)


def _verifier(settings: Settings) -> Callable[[], Verifier]:
    """What checks clearances, opened when the first is met: a worker inside was given none."""
    opened = cache(lambda: live_verifier(settings))
    return lambda: opened()()  # noqa: PLW0108 - inlined it would be opened at once


def _leave_in_order(running: Running) -> None:
    """When Celery begins to stop, give what runs some time, then tell it to go."""

    def leave(**_: Any) -> None:
        running.leases.leave()
        threading.Thread(target=hand_back, name="leave", daemon=True).start()

    def hand_back() -> None:
        log.info("worker.leaving", grace_s=GRACE_S)  # not in the handler of a signal: it may have come amid a log line
        time.sleep(GRACE_S)
        running.leases.give_up()

    worker_shutting_down.connect(leave, weak=False)
