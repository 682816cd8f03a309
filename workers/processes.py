"""The worker's processes as commands: `worker`, `janitor`, and the `standin` for a provider."""

import os
import signal
import socket
import threading
from functools import cache, partial
from typing import Annotated

import typer

from tidegate import __version__, connections, keychecks, storecheck
from tidegate.audit.keeper import keep_audit
from tidegate.doorbell import Doorbell
from tidegate.keychecks import Held
from tidegate.lane import Zone
from tidegate.ledger.admission import Limits
from tidegate.ledger.census import Census, Presence
from tidegate.ledger.store import Keep, Ledger
from tidegate.livekeys import live_verifier
from tidegate.logs import configure
from tidegate.presence import reported
from tidegate.settings import load
from workers.janitor import Janitor
from workers.pressure import Gauge
from workers.recovery import Recovery, causes_over, reasons_of
from workers.weights import Weights, weights_of

PANEL = "Processes"


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.command(rich_help_panel=PANEL)(worker)
    root.command(rich_help_panel=PANEL)(janitor)


def worker(
    *,
    zone: Annotated[Zone, typer.Option(help="Whose lanes to serve: inside, or outside.")],
    lane: Annotated[list[str] | None, typer.Option(help="Only this lane; may be given several times.")] = None,
) -> None:
    """Run a worker for the lanes of one zone."""
    from workers.app import open_service  # noqa: PLC0415 - Celery takes a third of a second to import

    settings = load()
    configure(settings.log_level)
    open_service(settings, zone=zone, only=tuple(lane or ())).run()


def janitor() -> None:
    """Run the janitor: lost wake-ups, due retries, silent workers, deadlines."""
    from tidegate.messaging import celery_app  # noqa: PLC0415 - Celery takes a third of a second to import

    settings = load()
    configure(settings.log_level)
    where = connections.addresses(settings)
    redis = connections.connect(where.store, timeout_s=settings.store_timeout_s)
    storecheck.check_at_start(redis)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    presence = Presence(
        name=f"janitor@{socket.gethostname()}.{os.getpid()}", role="janitor", pid=os.getpid(), version=__version__
    )
    census = Census(redis)
    ledger = Ledger(
        redis, keep=Keep(result_s=settings.result_keep_s, dead_s=settings.dead_keep_s), limits=Limits.of(settings)
    )
    doorbell = Doorbell(celery_app(settings, where, role="janitor"))
    keeper = Janitor(
        ledger=ledger,
        doorbell=doorbell,
        nudge_s=settings.nudge_s,
        max_crashes=settings.max_crashes,
        period_s=settings.janitor_period_s,
        chores=(
            Gauge(census=census, pressure=ledger.pressure),
            Weights(client=redis, weights=weights_of(settings.tenant_weights)),
            Recovery(
                ledger=ledger,
                doorbell=doorbell,
                reasons=reasons_of(settings.auto_redrive),
                most_redrives=settings.auto_redrive_most,
                per_s=settings.auto_redrive_per_s,
                causes=partial(causes_over, census),
            ),
        ),
    )
    writing = threading.Thread(target=keep_audit, args=(settings, redis, stop), kwargs={"name": presence.name})
    writing.start()
    believed = cache(lambda: live_verifier(settings, "audit"))
    keychecks.report(redis, presence.name, lambda: Held.now({}, audit=believed()()))
    with reported(census, presence):
        keeper.run(stop)
    writing.join(timeout=10)
