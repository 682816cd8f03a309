"""`tidegate doctor`: is everything there that this machine's part of tidegate needs? Each check says what to do."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata

import typer

from tidegate import __version__, connections, keychecks, storecheck
from tidegate.audit import journal
from tidegate.cli.console import AsJson, emit, out, table
from tidegate.connections import StoreClient
from tidegate.errors import TidegateError
from tidegate.keys import keyring, signer, verifier
from tidegate.lane import Zone
from tidegate.lanes import read_lanes
from tidegate.ledger.census import Census
from tidegate.settings import Settings, load

CLOCK_SKEW_S = 5.0
"""Leases and deadlines run by the store's clock; a host that is further off writes misleading logs."""

LIBRARIES = (
    *("celery", "kombu", "redis", "pydantic"),
    *("openai", "anthropic", "llama-cpp-python", "presidio-analyzer", "flower"),
)


@dataclass(frozen=True)
class Finding:
    """What one check saw."""

    check: str
    ok: bool | None
    """None where it is only worth knowing."""
    detail: str


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Operators")(doctor)


def doctor(*, as_json: AsJson = False) -> None:
    """Check keys, broker, store, policy, models, clocks and versions; exit 1 where something is wrong."""
    settings = load()
    findings = [finding for check in CHECKS for finding in _guarded(check, settings)]
    if as_json:
        for finding in findings:
            emit(asdict(finding))
    else:
        marks = {True: "[green]ok[/green]", False: "[red]wrong[/red]", None: "[dim]note[/dim]"}
        out.print(table(("check", "", "detail"), ((f.check, marks[f.ok], f.detail) for f in findings)))
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _versions(_settings: Settings) -> Iterator[Finding]:
    yield Finding("tidegate", ok=True, detail=__version__)
    for name in LIBRARIES:
        try:
            yield Finding(name, ok=True, detail=metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, ok=None, detail="not installed here: needed only by processes that use it")


def _keys(settings: Settings) -> Iterator[Finding]:
    for zone in Zone:
        ring = keyring(settings, zone)
        yield Finding(f"{zone} key", ok=True, detail=f"{len(ring.keys)} on the ring; {ring.sealing[0]} seals")
    message = b"doctor"
    holds = verifier(settings).holds(signer(settings).sign(message), message)
    yield Finding("clearance keys", ok=holds, detail="they fit" if holds else "the public half is another key's")


def _policy(settings: Settings) -> Iterator[Finding]:
    lanes = read_lanes(settings.policy_file)
    yield Finding("policy", ok=True, detail=f"{settings.policy_file}: {len(lanes)} lanes ({', '.join(lanes)})")


def _store(settings: Settings) -> Iterator[Finding]:
    where = connections.addresses(settings)
    client = connections.connect(where.store, timeout_s=settings.store_timeout_s)
    census = Census(client)
    began = time.time()
    seconds, micros = client.time()
    skew = abs(seconds + micros / 1e6 - (began + time.time()) / 2)
    yield Finding("store", ok=True, detail=connections.without_password(where.store))
    keychecks.check(client, [keyring(settings, zone) for zone in Zone])
    yield Finding("clock", ok=skew < CLOCK_SKEW_S, detail=f"{skew:.3f} s from the store's")
    keeping = storecheck.looked_at(client)
    yield Finding("eviction", ok=not keeping.evicts, detail=f"maxmemory-policy {keeping.policy or 'unknown'}")
    kept = {True: "yes", False: "no", None: "unknown"}[keeping.append_only]
    yield Finding(
        "persistence",
        ok=keeping.append_only,
        detail=f"appendonly {kept}, appendfsync {keeping.fsync or 'unknown'}",
    )
    for warning in keeping.warnings:
        yield Finding("store", ok=None, detail=warning)
    yield _audit(client, settings)
    workers = census.workers()
    detail = ", ".join(f"{worker.role} {worker.zone or ''}".strip() for worker in workers)
    yield Finding("processes", ok=bool(workers) or None, detail=detail or "none reports itself")


def _audit(client: StoreClient, settings: Settings) -> Finding:
    waiting = journal.length(client)
    return Finding(
        "audit log",
        ok=waiting < journal.MOST // 10,
        detail=f"{waiting} entries wait to be written" + (" to " + str(settings.audit_folder) if waiting else ""),
    )


def _broker(settings: Settings) -> Iterator[Finding]:
    from tidegate.messaging import celery_app  # noqa: PLC0415 - Celery takes a third of a second to import

    where = connections.addresses(settings)
    with celery_app(settings, where).connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=settings.store_timeout_s)
    yield Finding("broker", ok=True, detail=connections.without_password(where.broker))


Check = Callable[[Settings], Iterable[Finding]]

CHECKS: list[Check] = [_versions, _keys, _policy, _store, _broker]
"""In the order in which they are shown. Router and workers add checks of their own when they are mounted."""


def _guarded(check: Check, settings: Settings) -> Iterator[Finding]:
    """One broken part is a finding, not the end of the examination."""
    name = check.__name__.removeprefix("_")
    try:
        yield from check(settings)
    except TidegateError as exc:
        yield Finding(name, ok=False, detail=str(exc))
    except Exception as exc:  # noqa: BLE001 - the doctor does not die of the disease
        yield Finding(name, ok=False, detail=f"{type(exc).__name__}")
