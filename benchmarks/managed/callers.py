"""One way to call, as a process of its own: `python callers.py NAME URL IN_FLIGHT SECONDS DELAY_MS`; it prints JSON.

So many callers ask one after the other, each as soon as it was answered. They begin spread over one answer's time, and
what is measured begins when each has been answered once: imports, connections and threads are not in it.
"""

import asyncio
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

TEXT = "Is this urgent? Answer yes or no. Ticket 1: the printer on the second floor is out of paper."
MESSAGES: Any = [{"role": "user", "content": TEXT}]
MAX_TOKENS = 16

Ask = Callable[[], Awaitable[Any]]


def main() -> None:
    """Measure one."""
    name, url, in_flight, seconds, delay_ms = sys.argv[1:]
    os.environ["OPENAI_API_KEY"] = "none"
    meter = Meter(int(in_flight), seconds=float(seconds), delay_s=float(delay_ms) / 1000)
    CALLERS[name](url, meter)
    print(json.dumps(meter.found() | {"package": _package(name)}))


class Meter:
    """Times of calls, by whom ever they are made, and the processor's time of this process."""

    def __init__(self, callers: int, *, seconds: float, delay_s: float) -> None:
        self.callers = callers
        self.delay_s = delay_s
        self._seconds = seconds
        self._ready = 0
        self._took: list[float] = []
        self._lock = threading.Lock()
        self._began = self._cpu_s = 0.0
        self._until = float("inf")

    def start_after_s(self, number: int) -> float:
        """When a caller begins."""
        return self.delay_s * number / self.callers

    def one_is_ready(self) -> None:
        """A caller has been answered once. With the last of them the measuring begins."""
        with self._lock:
            self._ready += 1
            if self._ready == self.callers:
                self._cpu_s, self._began = _cpu_s(), time.perf_counter()
                self._until = self._began + self._seconds

    def note(self, began: float, ended: float) -> bool:
        """A call; False where it is time to stop."""
        if self._began and began >= self._began and ended <= self._until:
            self._took.append(ended - began)
        return ended < self._until

    def end(self) -> None:
        """The processor's time up to the end of what is measured: called by the first who stops."""
        with self._lock:
            if self._cpu_s >= 0:
                self._spent_s = _cpu_s() - self._cpu_s
                self._wall_s = time.perf_counter() - self._began
                self._cpu_s = -1.0

    def found(self) -> dict[str, Any]:
        """Milliseconds beyond the server's own, calls a second, and those of a whole core."""
        took = sorted(self._took)
        if not took:
            return {"calls": 0}
        added = [round((took[int(len(took) * share)] - self.delay_s) * 1000, 2) for share in (0.5, 0.99)]
        return {
            "calls": len(took),
            "p50_ms": added[0],
            "p99_ms": added[1],
            "per_s": round(len(took) / self._wall_s, 1),
            "per_core_s": round(len(took) / self._spent_s, 1),
            "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _all(meter: Meter, ask: Ask) -> None:
    """Callers on one loop."""

    async def caller(number: int) -> None:
        await asyncio.sleep(meter.start_after_s(number))
        await ask()
        meter.one_is_ready()
        while True:
            began = time.perf_counter()
            await ask()
            if not meter.note(began, time.perf_counter()):
                return meter.end()

    await asyncio.gather(*(caller(number) for number in range(meter.callers)))


def raw(url: str, meter: Meter) -> None:
    """Bytes on a socket: what the server can do, and as little as a caller can do."""
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps({"model": "m", "messages": MESSAGES, "max_tokens": MAX_TOKENS, "temperature": 0}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n".encode()

    async def run() -> None:
        idle: list[Any] = []

        async def ask() -> None:
            reader, writer = idle.pop() if idle else await asyncio.open_connection(host, int(port))
            writer.write(head + body)
            said = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(said.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            idle.append((reader, writer))

        await _all(meter, ask)

    asyncio.run(run())


def bare(url: str, meter: Meter) -> None:
    """OpenAI's own client, as its documentation says."""
    import openai  # noqa: PLC0415 - each process imports what it measures

    async def run() -> None:
        client = openai.AsyncOpenAI(base_url=url, max_retries=0)
        await _all(
            meter,
            lambda: client.chat.completions.create(model="m", messages=MESSAGES, max_tokens=MAX_TOKENS, temperature=0),
        )

    asyncio.run(run())


def router(url: str, meter: Meter) -> None:
    """LiteLLM's Router with one deployment."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it fetches one at import
    import litellm  # noqa: PLC0415

    litellm.suppress_debug_info = True
    params = {"model": "openai/m", "api_base": url, "api_key": "none"}

    async def run() -> None:
        made = litellm.Router(model_list=[{"model_name": "m", "litellm_params": params}], num_retries=0)
        await _all(meter, lambda: made.acompletion(model="m", messages=MESSAGES, max_tokens=MAX_TOKENS, temperature=0))

    asyncio.run(run())


def backend(url: str, meter: Meter) -> None:
    """A managed lane's backend: callers in threads, as a worker has them, and the answer read strictly."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tidegate.job import Message, Params  # noqa: PLC0415
    from tidegate.lane import Lane  # noqa: PLC0415
    from tidegate.settings import Settings  # noqa: PLC0415
    from workers.backend import Run, open_backend  # noqa: PLC0415
    from workers.stop import Stop  # noqa: PLC0415

    given = {"name": "far", "zone": "outside", "backend": "openai", "model": "m", "context_tokens": 8192}
    lane = Lane.model_validate({**given, "base_url": url, "concurrency": meter.callers}, strict=False)
    turns = (Message(role="user", content=TEXT),)
    run = Run(job_id="j", attempt=1, messages=turns, params=Params(max_tokens=MAX_TOKENS), timeout_s=60)
    opened = open_backend(lane, Settings())

    def caller(number: int) -> None:
        time.sleep(meter.start_after_s(number))
        opened.answer(run, stop=Stop())
        meter.one_is_ready()
        while True:
            began = time.perf_counter()
            opened.answer(run, stop=Stop())
            if not meter.note(began, time.perf_counter()):
                return meter.end()

    with ThreadPoolExecutor(meter.callers) as threads:
        list(threads.map(caller, range(meter.callers)))
    opened.close()


CALLERS: dict[str, Callable[[str, Meter], None]] = {
    "raw": raw,
    "openai": bare,
    "litellm": router,
    "tidegate": backend,
}


def _package(name: str) -> str:
    known = {"openai": "openai", "litellm": "litellm"}
    return f"{name} {version(known[name])}" if name in known else name


if __name__ == "__main__":
    main()
