"""The model that a deployment is asked for: the one that it names, or the only one that its server has."""

from collections.abc import Awaitable, Callable

from tidegate.deployment import Deployment
from tidegate.errors import ModelMissing, RunError
from tidegate.lane import Lane
from workers.managed import chat

DISCOVER = "auto"
"""A lane's `model` that means: the one that its server has."""


class Ordered:
    """Asks the server once, and again after it said that it has no such model."""

    def __init__(self, lane: Lane, deployment: Deployment, *, listed: Callable[[], Awaitable[bytes]]) -> None:
        self._lane = lane.name
        self._named = deployment.model or lane.model
        self._listed = listed
        """The body of the server's list of models."""
        self._found: str | None = None

    @property
    def model(self) -> str:
        """As far as it is known."""
        return self._found or self._named

    async def found(self) -> str:
        """The model to ask for. Raises ModelMissing where the server does not have exactly one."""
        if self._named == DISCOVER and self._found is None:
            names = chat.models(await self._listed())
            if len(names) != 1:
                raise ModelMissing(f"lane {self._lane}: the server has {len(names)} models, so the lane must name one")
            self._found = names[0]
        return self.model

    def noted(self, failure: RunError) -> RunError:
        """The same failure: the server may serve another model by now, and is asked again next time."""
        if isinstance(failure, ModelMissing):
            self._found = None
        return failure
