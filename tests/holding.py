"""A stand-in whose slow answers wait for the test's word: what must happen meanwhile needs no clock to win against."""

import threading

import anyio
from starlette.requests import Request

from workers.standin.app import StandIn
from workers.standin.faults import Fault

LOOK_S = 0.01


def held(standin: StandIn) -> threading.Event:
    """Hold each slow answer from now on until the event is set, or until its own time is over."""
    go = threading.Event()

    async def slowly(request: Request, fault: Fault) -> None:
        with anyio.move_on_after(fault.delay_s):
            while not go.is_set():
                with anyio.move_on_after(LOOK_S):
                    await request.receive()
                    standin.hung_up += 1
                    return

    standin._slowly = slowly  # type: ignore[method-assign]
    return go
