"""Azure OpenAI's batches: OpenAI's, with other paths in the lines, and a wait until an upload was looked into.

The lines name a deployment of the kind "Global Batch" (or "Data Zone Batch"), which takes no calls: `batch.model`.
"""

import asyncio

from tidegate.deployment import Deployment
from tidegate.errors import BadRequest
from tidegate.lane import Lane
from tidegate.settings import Settings
from workers.backend import Run
from workers.managed import azure
from workers.managed.batches.api import BatchApi, Line, NoBatch
from workers.managed.batches.openai import OpenAIBatches

CHAT = "/chat/completions"

PROCESSED = frozenset({"processed"})
WRONG = frozenset({"error", "deleting", "deleted"})
LOOK_S, LOOK_GROWTH, LOOK_MOST_S = 0.5, 1.5, 15.0
"""Between two looks at an upload: how long, how that grows, and its bound. How often, `send_s` says."""


def open_batches(lane: Lane, deployment: Deployment, settings: Settings) -> BatchApi:
    """Make ready to send batches of one deployment."""
    return AzureBatches(
        azure.open_client(lane, deployment, settings),
        model=(lane.batch and lane.batch.model) or deployment.model or lane.model,
        dialect=azure.dialect(),
        endpoint=CHAT,
    )


class AzureBatches(OpenAIBatches):
    """One resource's batches, by its API of a version."""

    def line(self, custom_id: str, run: Run) -> Line:
        """A run as a line."""
        if run.input:
            raise NoBatch("azure's batches make no embeddings")
        return super().line(custom_id, run)

    async def ready(self, file_id: str) -> None:
        """Azure looks into an upload first, and takes no batch of it before."""
        pause_s = LOOK_S
        while (status := (await self.file(file_id)).status) not in PROCESSED:
            if status in WRONG:
                raise BadRequest(f"azure says of the uploaded requests: {status}")
            await asyncio.sleep(pause_s)
            pause_s = min(LOOK_MOST_S, pause_s * LOOK_GROWTH)
