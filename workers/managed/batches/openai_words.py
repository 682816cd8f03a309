"""What OpenAI says of batches and files, as far as we read it: it may say more."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.errors import MalformedAnswer
from workers.managed.batches.api import Phase, Progress

PHASES: Mapping[str, Phase] = {
    "completed": Phase.ENDED,
    "expired": Phase.ENDED,
    "cancelled": Phase.ENDED,
    "failed": Phase.FAILED,
}
"""A status that stands not here is one on the way."""


class Part(BaseModel):
    """What we read of an answer; the provider may say more."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class Counts(Part):
    """How many requests are done with."""

    completed: int = 0
    failed: int = 0


class Batch(Part):
    """One batch."""

    id: str = Field(min_length=1)
    status: str
    created_at: float = 0.0
    metadata: dict[str, Any] | None = None
    request_counts: Counts | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Results first."""
        return tuple(name for name in (self.output_file_id, self.error_file_id) if name)

    @property
    def phase(self) -> Phase:
        """In our words."""
        return PHASES.get(self.status, Phase.WORKING)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        counts = self.request_counts or Counts()
        return Progress(provider_id=self.id, phase=self.phase, answered=max(0, counts.completed + counts.failed))


class Batches(Part):
    """A page of the list."""

    data: list[Batch]
    has_more: bool = False


class File(Part):
    """One file."""

    id: str = Field(min_length=1)
    filename: str | None = None
    status: str | None = None


class Files(Part):
    """A page of them."""

    data: list[File]
    has_more: bool = False


class LineResponse(Part):
    """What a request was answered."""

    status_code: int
    body: Any = None


class LineError(Part):
    """Why a request was not tried, or failed."""

    code: str | None = None


class Result(Part):
    """One line of the results."""

    custom_id: str
    response: LineResponse | None = None
    error: LineError | None = None


Read = TypeVar("Read", bound=Part)


def read(kind: type[Read], content: bytes) -> Read:
    """An answer's body. Raises MalformedAnswer."""
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        pass
    raise MalformedAnswer(f"status 200, but the body is no {kind.__name__.lower()}")
