"""A provider whose key may have been rotated under a call: refused, it is asked once more with the key of now."""

from tidegate.errors import AuthFailed, RunError
from tidegate.result import Answer
from workers.backend import Run
from workers.managed.credentials import Credential
from workers.managed.provider import OnPiece, Provider


class Renewing:
    """Asks again where the provider refused a key and another one lies in its place by now; else the lane is left."""

    def __init__(self, provider: Provider, credential: Credential) -> None:
        self._provider = provider
        self._credential = credential

    async def send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Ask, twice where that is worth it. A refusal comes before any piece."""
        mark = self._credential.mark()
        try:
            return await self._provider.send(run, on_piece)
        except Exception as error:
            refused = isinstance(self._provider.failure(error), AuthFailed)
            if not refused or self._credential.mark(at_once=True) in (mark, ""):
                raise
        return await self._provider.send(run, on_piece)

    def read(self, content: bytes, run: Run) -> Answer:
        """The answer in what `send` returned."""
        return self._provider.read(content, run)

    def failure(self, error: Exception) -> RunError:
        """Our error for what was raised."""
        return self._provider.failure(error)

    async def close(self) -> None:
        """Let go of connections."""
        await self._provider.close()
