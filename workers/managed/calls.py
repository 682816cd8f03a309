"""Calls: a run asked of a provider within its time limits, and of a second one where the first is silent too long."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.errors import RunTimedOut
from workers.backend import Heard, Run
from workers.managed import beginning
from workers.managed.provider import OnPiece, Provider


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, and who hears of it."""

    provider: Provider
    run: Run
    first_byte_s: float | None
    on_piece: OnPiece | None
    on_begin: Callable[[], None] = lambda: None

    async def sent(self) -> bytes:
        """The body of the answer. Raises a RunError, and nothing of a vendor's."""
        silence = asyncio.timeout(self.first_byte_s)
        began = asyncio.get_running_loop().time()

        def begun() -> None:
            silence.reschedule(None)
            self.run.tell(Heard(first_byte_s=asyncio.get_running_loop().time() - began))
            self.on_begin()

        try:
            async with asyncio.timeout(self.run.timeout_s), silence:
                with beginning.heard(begun):
                    return await self.provider.send(self.run, self.on_piece)
        except Exception as error:  # noqa: BLE001 - nothing of a vendor's passes this line
            failure = RunTimedOut("no first byte in time") if silence.expired() else self.provider.failure(error)
        # Raised out here, so that no vendor's exception hangs on as its context: it may quote the job.
        raise failure
