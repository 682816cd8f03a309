"""The first step of a batch: jobs that were set aside are taken into it, on record, before anybody hears of them."""

import random
from collections.abc import Sequence
from secrets import token_hex

from tidegate.deployment import Deployment
from tidegate.lane import Lane
from tidegate.ledger.batches import BatchView
from workers.managed.batches.desk import Desk

MOST_BYTES = 64_000_000
"""Of one batch's payloads: they are all in memory while it is sent, and no provider takes more than four times that."""

PATIENCE_S = 300.0
"""Beyond the time of collecting: a job that no batch took by then goes back to the line."""

FORM_LOOK_S = 600.0
"""When the janitor asks for the first time whether a job's batch is still under way."""

_SWEEP = 500


def leaves_s(lane: Lane) -> float | None:
    """What a job's deadline must leave for it to be set aside; None where the lane has no batches."""
    return lane.batch.window_s + lane.batch.collect_s if lane.batch else None


def look_in_s(lane: Lane) -> float:
    """When the janitor looks at a job that was set aside."""
    return (lane.batch.collect_s if lane.batch else 0.0) + PATIENCE_S


def collect(desk: Desk) -> BatchView | None:
    """Form a batch where it is time to: there are enough jobs, or one has been waiting for long. Raises LostTurn."""
    batch = desk.lane.batch
    if batch is None:
        return None
    count, oldest_s = desk.batches.sweep(desk.name, most=_SWEEP, join=desk.lane.joins)
    if count < batch.most_jobs and (not count or oldest_s < batch.collect_s):
        return None
    now = desk.now()
    formed = BatchView(
        id=token_hex(12),
        lane=desk.name,
        deployment=_chosen(desk.lane.every_deployment).name,
        price_share=batch.price_share,
        formed_at=now,
        until=now + batch.window_s,
    )
    jobs = desk.batches.form(
        formed,
        token=desk.token,
        gate=desk.running.gates.of(desk.lane),
        most_jobs=batch.most_jobs,
        most_bytes=MOST_BYTES,
        look_in_s=FORM_LOOK_S,
        nudge_s=desk.running.outcomes.nudge_s,
    )
    return desk.batches.get(formed.id) if jobs else None


def _chosen(deployments: Sequence[Deployment]) -> Deployment:
    """By chance, by weight: what limits a deployment's calls does not limit its batches."""
    return random.choices(deployments, weights=[one.weight for one in deployments])[0]  # noqa: S311 - no secret
