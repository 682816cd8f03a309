"""The adapter of OpenAI's SDK: any server that speaks chat completions, a provider's or one's own.

A call runs on an event loop of the lane's own and the caller waits for it. A blocking call could only be abandoned:
its thread would hold a connection until the provider answers, and its time limit would count each read, so that a
slow drip never ends. A task on a loop is cancelled, which closes the connection at once, and its limit is the whole.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import openai

from tidegate.errors import AuthFailed, InvalidSettings, MalformedAnswer, ModelMissing, RunTimedOut
from tidegate.lane import Lane, Zone
from tidegate.result import Answer
from tidegate.settings import Settings
from workers.backend import Backend, Run
from workers.managed import chat, vectors
from workers.managed.loop import LoopThread
from workers.managed.request import Body, asked_for, body, quirk, sdk
from workers.managed.stream import Stream
from workers.managed.translation import rejection, translate

DEFAULT_KEY_ENV = "OPENAI_API_KEY"
NO_KEY = "none"
"""What an own server is sent where the lane names no key: some insist on a key and take any."""
OPENAI_HOST = "api.openai.com"
CONNECT_S = 10.0
GLANCE_S = 0.05
"""How often a waiting caller looks whether it should stop. It adds nothing to an answer's time."""
MAX_ANSWER_BYTES = 16_000_000
"""Far above the longest answer that a job may ask for; a server that sends more has lost its mind."""
MAX_STREAM_BYTES = 8 * MAX_ANSWER_BYTES
"""A stream wraps each token in a line of its own."""
DISCOVER = "auto"
"""A lane's `model` that means: the one that its server has."""

OnPiece = Callable[[str], None]


def open_backend(lane: Lane, settings: Settings) -> Backend:
    """Make ready to call the lane's server. Nothing is sent before the first run."""
    return OpenAIBackend(lane, base_url=_base_url(lane, settings))


class OpenAIBackend:
    """One lane's client: its connections, its key, and what its server was seen to refuse."""

    def __init__(self, lane: Lane, *, base_url: str | None) -> None:
        self._lane = lane
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=base_url,
            max_retries=0,  # the failure table retries, where it is on record
            http_client=_http_client(lane),
        )
        self._limit_field = "max_completion_tokens" if self._client.base_url.host == OPENAI_HOST else "max_tokens"
        self._quirks: frozenset[str] = frozenset()
        self._model: str | None = None
        self._loop = LoopThread(name=f"lane-{lane.name}")

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """Ask once. Raises a RunError without a vendor's exception or text in it."""
        if stop.is_set():
            raise RunTimedOut("cancelled")  # before anything is sent
        pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
        asked = self._loop.submit(lambda: self._ask(run, pieces.put if on_text else None))
        if asked is None:
            raise RunTimedOut("cancelled: the backend is closed")
        # Read here and not on the loop: a job's schema may be slow to check, and the lane's other calls run there.
        content = _waited_for(asked, stop=stop) if on_text is None else _heard(asked, pieces, on_text, stop=stop)
        if run.input:
            return vectors.read(content, model=self._model or self._lane.model, count=len(run.input))
        return chat.read(content, model=self._model or self._lane.model, params=run.params)

    def close(self) -> None:
        """End what is in flight and let go of the connections."""
        self._loop.close(self._client.close)

    async def _ask(self, run: Run, on_piece: OnPiece | None) -> bytes:
        try:
            async with asyncio.timeout(run.timeout_s):
                self._model = self._model or await self._discovered()
                return await self._send(run, on_piece)
        except Exception as error:  # noqa: BLE001 - nothing of a vendor's passes this line
            failure = translate(error)
            if self._lane.model == DISCOVER and isinstance(failure, ModelMissing):
                self._model = None  # the server may serve another one by now: ask it again next time
        # Raised out here, so that no vendor's exception hangs on as its context: it may quote the job.
        raise failure

    async def _discovered(self) -> str:
        """The lane's model, or the one that the server has."""
        if self._lane.model != DISCOVER:
            return self._lane.model
        said = await self._client.models.with_raw_response.list()
        names = chat.models(said.content)
        if len(names) != 1:
            raise ModelMissing(f"lane {self._lane.name}: the server has {len(names)} models, so the lane must name one")
        return names[0]

    async def _send(self, run: Run, on_piece: OnPiece | None) -> bytes:
        """Send the request; without the fields that the server names as unsupported, if it does."""
        quirks = self._quirks
        while True:
            fields = body(
                run,
                model=self._model or self._lane.model,
                limit_field=self._limit_field,
                quirks=quirks,
                stream=on_piece is not None,
                logprobs=self._lane.zone is Zone.INSIDE,  # outside nobody escalates, and they are paid for in time
                openai=self._client.base_url.host == OPENAI_HOST,
            )
            try:
                content = await self._post(fields, run, on_piece)
            except openai.APIStatusError as error:
                named = quirk(rejection(error))
                if named is None or named in quirks | asked_for(run.params):
                    raise
                quirks |= {named}
            else:
                self._quirks |= quirks  # learnt only where it helped
                return content

    async def _post(self, fields: Body, run: Run, on_piece: OnPiece | None) -> bytes:
        resource: Any = self._client.chat.completions
        if run.input:
            fields, resource = vectors.body(run, model=fields["model"]), self._client.embeddings
        content, size_bytes = bytearray(), 0
        async with resource.with_streaming_response.create(
            **sdk(fields),
            extra_headers={"Idempotency-Key": run.job_id},
            timeout=httpx2.Timeout(run.timeout_s, connect=min(CONNECT_S, run.timeout_s)),
        ) as response:
            streams = on_piece and response.headers.get("content-type", "").startswith("text/event-stream")
            stream, limit = (Stream(on_piece), MAX_STREAM_BYTES) if on_piece and streams else (None, MAX_ANSWER_BYTES)
            async for chunk in response.iter_bytes():
                size_bytes += len(chunk)
                if size_bytes > limit:
                    raise MalformedAnswer(f"status 200, but more than {limit} bytes")
                if stream:
                    stream.feed(chunk)
                else:
                    content += chunk
        if stream:
            return stream.body()
        if on_piece and (text := chat.text_of(bytes(content))):  # asked for pieces, and it said all at once
            on_piece(text)
        return bytes(content)

    async def _key(self) -> str:
        """The key, read anew for every call, so that it can be changed; never kept, never printed."""
        name = self._lane.key_env or DEFAULT_KEY_ENV
        if self._lane.key_env is None and self._lane.zone is Zone.INSIDE:
            return NO_KEY  # a provider's key is none of an own server's business
        key = _given(name)
        if not (key.isascii() and key.isprintable() and key):
            raise AuthFailed(
                f"lane {self._lane.name}: put the provider's key into the environment variable {name}, "
                f"or a file's name into {name}_FILE"
            )
        return key


def _given(name: str) -> str:
    """A variable's value, else what the file in `<name>_FILE` holds; nothing where it cannot be read."""
    value, file = os.environ.get(name, "").strip(), os.environ.get(f"{name}_FILE")
    if value or not file:
        return value
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _heard(asked: Future[bytes], pieces: "queue.SimpleQueue[str]", on_text: OnPiece, *, stop: threading.Event) -> bytes:
    """Hand each piece on in this thread, so that a slow reader holds up nobody else."""
    asked.add_done_callback(lambda _: pieces.put(""))  # wakes
    try:
        while not (asked.done() and pieces.empty()):
            if stop.is_set():
                raise RunTimedOut("cancelled")
            with suppress(queue.Empty):
                if piece := pieces.get(timeout=GLANCE_S):
                    on_text(piece)
    finally:
        asked.cancel()  # does nothing where it has ended
    return _waited_for(asked, stop=stop)


def _waited_for(asked: Future[bytes], *, stop: threading.Event) -> bytes:
    while not asked.done():
        if stop.is_set():
            asked.cancel()
            raise RunTimedOut("cancelled")
        wait((asked,), GLANCE_S)
    try:
        return asked.result()
    except CancelledError:
        raise RunTimedOut("cancelled: the backend is closed") from None


def _http_client(lane: Lane) -> httpx2.AsyncClient:
    """Connections that follow no redirect, and inside no proxy: either could lead a payload to another machine."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=lane.concurrency)
    if lane.zone is Zone.OUTSIDE:
        return httpx2.AsyncClient(follow_redirects=False, limits=limits)
    # A transport that is given takes no proxy from the environment, and still takes the certificates from it.
    return httpx2.AsyncClient(follow_redirects=False, transport=httpx2.AsyncHTTPTransport(limits=limits))


def _base_url(lane: Lane, settings: Settings) -> str | None:
    """Where the lane calls; None leaves it to the SDK. A lane inside must say so itself."""
    if lane.zone is Zone.INSIDE and lane.base_url is None:
        raise InvalidSettings(f"lane {lane.name} is inside and has no base_url: say where its own server listens")
    url = lane.base_url or settings.openai_base_url
    if url is None:
        return None
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSettings(f"lane {lane.name}: its base_url is no http(s) URL")
    if lane.zone is Zone.INSIDE and parts.hostname == OPENAI_HOST:
        raise InvalidSettings(f"lane {lane.name} is inside, but its base_url is a provider's")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
