"""Names that other processes, other releases and other teams rely on. They never change; add an alias instead."""

SUBMIT_TASK = "tidegate.submit"
"""A Celery-native producer's way in: the whole job travels in the message, once."""

ROUTE_TASK = "tidegate.route"
"""A wake-up for the router: one job id."""

RUN_TASK = "tidegate.run"
"""A wake-up for a lane's worker: one job id."""

INTAKE_QUEUE = "tidegate.intake"
DEFAULT_CELERY_QUEUE = "celery"
"""Where `send_task` of an app that was told nothing else puts its messages."""

STORE_PREFIX = "tg"
"""Every key of the ledger and of the vault begins with it."""


_LANE_QUEUE = "tidegate.lane."


def lane_queue(lane: str) -> str:
    """The broker's queue of a lane."""
    return f"{_LANE_QUEUE}{lane}"


def queue_lane(queue: str) -> str | None:
    """The lane of a queue; None where it is none's."""
    return queue.removeprefix(_LANE_QUEUE) if queue.startswith(_LANE_QUEUE) else None
