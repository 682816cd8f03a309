"""Wiring of the router process: everything is made here once and handed to those who use it."""

import os
import socket
from dataclasses import dataclass

from router.inspection import Inspector, open_inspector
from router.placement import Placement
from router.policy.engine import decide
from router.policy.loader import Policy, load_policy
from router.prompts import Prompts, read_prompts
from router.tasks import Routing, register
from tidegate import __version__, connections, keychecks
from tidegate.client import Client
from tidegate.errors import Unavailable
from tidegate.keys import signer
from tidegate.ledger.census import Census, Presence
from tidegate.logs import logger
from tidegate.messaging import celery_app, intake_queues
from tidegate.service import Service
from tidegate.settings import Settings

log = logger(__name__)

SLOTS = 2
"""Threads: while one waits for the store, the other inspects. More would only share one core."""


@dataclass(frozen=True)
class Parts:
    """What decides: also used without a queue, by `tidegate explain --jsonl`."""

    inspector: Inspector
    policy: Policy
    prompts: Prompts


def open_parts(settings: Settings) -> Parts:
    """Raises InvalidDocument with every error of the policy."""
    return Parts(
        inspector=open_inspector(settings),
        policy=load_policy(settings.policy_file),
        prompts=read_prompts(settings.policy_file.with_name("prompts.yaml")),
    )


def open_service(settings: Settings) -> Service:
    """The router, ready to run."""
    parts = open_parts(settings)
    client = Client(settings)
    where = connections.addresses(settings)
    census = Census(client.ledger.redis)
    routing = Routing(
        client=client,
        inspector=parts.inspector,
        prompts=parts.prompts,
        census=census,
        policy=parts.policy,
        decide=decide,
        placement=Placement(client.ledger, client.vault, client.doorbell, signer(settings), nudge_s=settings.nudge_s),
    )
    try:
        keychecks.announce(client.ledger.redis, client.vault.seals.keyrings.values())
    except Unavailable:
        log.warning("keys.unannounced")  # a store that is down is waited for, not a reason to go
    app = celery_app(settings, where)
    register(app, routing)
    return Service(
        app=app,
        queues=intake_queues(settings, where),
        census=census,
        log_level=settings.log_level,
        presence=Presence(
            name=f"router@{socket.gethostname()}.{os.getpid()}",
            role="router",
            lanes={"intake": SLOTS},
            pid=os.getpid(),
            version=__version__,
        ),
    )
