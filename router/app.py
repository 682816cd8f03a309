"""Wiring of the router process: everything is made here once and handed to those who use it."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from celery.signals import worker_shutting_down

from router.answers import Answers
from router.budgets import Budgets
from router.circumstances import Circumstances
from router.inspection import Inspector, open_inspector
from router.loads import Loads
from router.placement import Placement
from router.policy.cases.given import Inspect
from router.policy.engine import decide
from router.policy.loader import load_policy
from router.policy.registry.followers import Followers
from router.policy.registry.live import Live
from router.policy.registry.store import Registry
from router.policy.registry.vetting import vet
from router.policy.select import chooser
from router.prompts import Prompts, read_prompts, resolve
from router.recorded import Decisions
from router.redaction.redactor import Redactor
from router.shadow import Shadows
from router.signals.conversation import Conversations
from router.signals.overflow import Overflows
from router.signals.sensitivity.views import views
from router.tasks import Routing, register
from router.upkeep import Upkeep
from tidegate import __version__, connections, keychecks, storecheck
from tidegate.client import Client
from tidegate.keychecks import Held
from tidegate.lane import Zone
from tidegate.ledger.accounts import Accounts
from tidegate.ledger.census import Census, Presence
from tidegate.livekeys import live_signer, own_verifier
from tidegate.messaging import celery_app, intake_queues
from tidegate.service import Service
from tidegate.settings import Settings

SLOTS = 2
"""Threads: while one waits for the store, the other inspects. More would only share one core."""


def open_service(settings: Settings) -> Service:
    """The router, ready to run. Raises InvalidDocument where no policy can be in force."""
    inspector = open_inspector(settings)
    prompts = read_prompts(settings.policy_file.with_name("prompts.yaml"))
    client = Client(settings)
    redis = client.ledger.redis
    where = connections.addresses(settings)
    census = Census(redis)
    name = f"router@{socket.gethostname()}.{os.getpid()}"
    signs = live_signer(settings)
    placement = Placement(client.ledger, client.vault, client.doorbell, signs, nudge_s=settings.nudge_s)
    shadows = Shadows(client.ledger, client.vault, placement, nudge_s=settings.nudge_s)
    decisions = Decisions.opened(redis, settings)
    live = Live(
        Registry(redis, client.vault.seals),
        settings.policy_file,
        name=name,
        choose=chooser(settings.environment),
        vet=lambda path: vet(path, open_inspector=lambda path: _inspecting(inspector, prompts, path)),
        followers=Followers(redis),
    )
    live.start()
    routing = Routing(
        client=client,
        inspector=inspector,
        prompts=prompts,
        loads=Loads(census, client.ledger.openings),
        policy=live.of,
        circumstances=_circumstances(client, settings),
        decide=decide,
        redactor=Redactor(inspector=inspector, readings=views),
        placement=placement,
        answers=Answers(
            ledger=client.ledger,
            vault=client.vault,
            placement=placement,
            inspector=inspector,
            policy=live.of,
            verifier=own_verifier(settings, signs),
        ),
        shadows=shadows,
        decisions=decisions,
        look_in_s=settings.nudge_s,
    )
    storecheck.check_at_start(redis)
    rings = client.vault.seals.keyrings
    # Also the announcement: it is repeated until the store answers, and whenever the keys change.
    keychecks.report(redis, name, lambda: Held.now(rings), changed=lambda: keychecks.announce(redis, rings.values()))
    app = celery_app(settings, where, role="router")
    register(app, routing)
    worker_shutting_down.connect(lambda **_: routing.leaving.set(), weak=False)
    _beside(live.follow, Upkeep(shadows, decisions).run)
    return Service(
        app=app,
        queues=intake_queues(settings, where),
        census=census,
        events=routing.events,
        log_level=settings.log_level,
        presence=Presence(
            name=name,
            role="router",
            lanes={"intake": SLOTS},
            pid=os.getpid(),
            version=__version__,
        ),
    )


def _circumstances(client: Client, settings: Settings) -> Circumstances:
    redis, ring = client.ledger.redis, client.vault.seals.keyrings[Zone.INSIDE]
    return Circumstances(
        conversations=Conversations(redis, ring, keep_s=settings.conversation_keep_s),
        overflows=Overflows(redis, dwell_s=settings.overflow_dwell_s),
        budgets=Budgets(Accounts(redis)),
        draw_key=ring.naming,
    )


@contextmanager
def _inspecting(inspector: Inspector, prompts: Prompts, path: Path) -> Iterator[Inspect]:
    """This process's detectors, for the cases of a policy that is reloaded."""
    rules = load_policy(path).sensitivity
    yield lambda job: inspector.inspect(resolve(job, prompts), rules=rules)


def _beside(*works: Callable[[threading.Event], None]) -> None:
    """Threads beside Celery's, for as long as the process lives. They hold nothing that must be put in order."""
    stop = threading.Event()
    for work in works:
        threading.Thread(target=work, args=(stop,), daemon=True).start()
