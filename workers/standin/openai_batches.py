"""OpenAI's files and batches on the stand-in, and Azure's: upload, create, poll, cancel, fetch."""

import json
import time
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.standin.answers import MARK, Json
from workers.standin.azure_words import AZURE_CHAT
from workers.standin.batching import DAY_S, Batch, Line, cut_short, played, whole
from workers.standin.faults import Fault, Rejection, Step
from workers.standin.openai_words import CHAT
from workers.standin.wire import INVALID, Cut, Dialect, Dropped, json_object

if TYPE_CHECKING:
    from workers.standin.app import StandIn

AZURES = "/chat/completions"
"""What Azure's lines ask: without a version in the path."""
MOST_LINES = 50_000
MOST_METADATA = 16
STAGES: Mapping[str | None, tuple[str, ...]] = {
    None: ("validating", "in_progress", "finalizing", "completed"),
    "batch_failed": ("validating", "failed"),
    "batch_expired": ("validating", "in_progress", "finalizing", "expired"),
}
STAMPS = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
EXPIRED = {"code": "batch_expired", "message": f"{MARK} the completion window ended before this request's turn"}


def routes(standin: "StandIn", dialects: Mapping[str, Dialect]) -> list[Route]:
    """OpenAI's paths, and Azure's."""
    openais = {path: dialect for path, dialect in dialects.items() if dialect.error is CHAT.error}
    azures = _Batches(standin, {AZURES: AZURE_CHAT}, words=AZURE_CHAT, slowly=True)
    return [*_paths("/v1", _Batches(standin, openais)), *_paths("/openai", azures)]


def _paths(root: str, served: "_Batches") -> list[Route]:
    return [
        Route(f"{root}/files", served.upload, methods=["POST"]),
        Route(f"{root}/files", served.files),
        Route(f"{root}/files/{{file}}", served.file, methods=["GET"]),
        Route(f"{root}/files/{{file}}", served.delete, methods=["DELETE"]),
        Route(f"{root}/files/{{file}}/content", served.content),
        Route(f"{root}/batches", served.create, methods=["POST"]),
        Route(f"{root}/batches", served.list),
        Route(f"{root}/batches/{{batch}}", served.retrieve),
        Route(f"{root}/batches/{{batch}}/cancel", served.cancel, methods=["POST"]),
    ]


class _Batches:
    """The files and the batches of one stand-in."""

    def __init__(
        self, standin: "StandIn", dialects: Mapping[str, Dialect], *, words: Dialect = CHAT, slowly: bool = False
    ) -> None:
        """`slowly`: an upload is processed when it was looked at, and no batch is made of it before."""
        self._standin, self._dialects, self._words, self._slowly = standin, dialects, words, slowly
        self._files: dict[str, tuple[Json, bytes]] = {}
        self._made_files = 0

    async def upload(self, request: Request) -> Response:
        """A file, by a form with `purpose` and `file`."""
        raw = await request.body()
        met = await self._met(request, "upload", raw)
        if met is not None:
            return met
        form = _form(request.headers.get("content-type", ""), raw)
        if form.get("purpose") != b"batch" or "file" not in form:
            return self._invalid("a form with purpose=batch and file is needed", param="purpose")
        return JSONResponse(self._kept(form["file"], purpose="batch", name=form.get("filename", b"").decode()))

    async def _met(self, request: Request, step: Step, body: bytes = b"") -> Response | None:
        """What is in a request's way."""
        met = await self._standin.step(request, self._words, step, body)
        problem = self._words.problem_of_headers(request) if met is None else None
        return self._invalid(problem, param="") if problem else met

    async def files(self, request: Request) -> Response:
        """The files, the newest first."""
        met = await self._met(request, "poll")
        if met is not None:
            return met
        purpose, after = (request.query_params.get(name) for name in ("purpose", "after"))
        found = [about for about, _ in reversed(self._files.values()) if purpose in (None, about["purpose"])]
        ids = [about["id"] for about in found]
        found = found[ids.index(after) + 1 :] if after in ids else found
        limit = whole(request.query_params.get("limit"), most=10_000)
        return JSONResponse({"object": "list", "data": found[:limit], "has_more": len(found) > limit})

    async def delete(self, request: Request) -> Response:
        """Forget a file."""
        met = await self._met(request, "poll")
        gone = self._files.pop(request.path_params["file"], None) if met is None else None
        deleted = {"id": request.path_params["file"], "object": "file", "deleted": True}
        return met or (JSONResponse(deleted) if gone else self._unknown("file"))

    async def file(self, request: Request) -> Response:
        """What is known of a file."""
        met = await self._met(request, "poll")
        found = self._files.get(request.path_params["file"])
        if found and met is None and self._slowly:
            found[0]["status"] = "processed"
        return met or (JSONResponse(found[0]) if found else self._unknown("file"))

    async def content(self, request: Request) -> Response:
        """What a file holds."""
        met = await self._met(request, "results")
        if met is not None:
            return met
        found = self._files.get(request.path_params["file"])
        if found is None:
            return self._unknown("file")
        if _dropped(request):
            return Cut([found[1][: len(found[1]) // 2].decode(errors="ignore")], media_type="application/octet-stream")
        return Response(found[1], media_type="application/octet-stream")

    async def create(self, request: Request) -> Response:
        """A batch of an uploaded file's lines."""
        raw = await request.body()
        met = await self._met(request, "create", raw)
        if met is not None:
            return met
        asked = json_object(raw) or {}
        if (problem := self._problem(asked)) is not None:
            return self._invalid(problem[1], param=problem[0])
        batch = self._made(asked, request.state.fault)
        return Dropped() if _dropped(request) else JSONResponse(self._told(batch))

    async def list(self, request: Request) -> Response:
        """The batches, the newest first."""
        met = await self._met(request, "poll")
        if met is not None:
            return met
        try:
            limit = whole(request.query_params.get("limit"), most=100)
        except ValueError:
            return self._invalid("limit is a number from 1 to 100", param="limit")
        found = self._standin.batching.of("batch_", after=request.query_params.get("after"))
        data = [self._told(batch) for batch in found[:limit]]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return JSONResponse({"object": "list", "data": data, "has_more": len(found) > limit, **ends})

    async def retrieve(self, request: Request) -> Response:
        """One batch, which gets on by it."""
        met = await self._met(request, "poll")
        if met is not None:
            return met
        batch = self._standin.batching.batches.get(request.path_params["batch"])
        if batch is None:
            return self._unknown("batch")
        batch.look()
        return JSONResponse(self._told(batch))

    async def cancel(self, request: Request) -> Response:
        """Stop one batch."""
        met = await self._met(request, "cancel")
        if met is not None:
            return met
        batch = self._standin.batching.batches.get(request.path_params["batch"])
        if batch is None:
            return self._unknown("batch")
        if batch.ended:
            return JSONResponse(
                self._words.error(Rejection(409, None, INVALID, f"cannot cancel a batch that is {batch.status}"), None),
                status_code=409,
            )
        if batch.status != "cancelling":
            batch.cancel("cancelling", "cancelled")
        return JSONResponse(self._told(batch))

    def _invalid(self, message: str, *, param: str) -> Response:
        return self._words.said(Rejection(400, None, INVALID, message), param=param)

    def _unknown(self, what: str) -> Response:
        return self._words.said(Rejection(404, None, INVALID, f"no such {what}"))

    def _problem(self, asked: Json) -> tuple[str, str] | None:
        """The field that is wrong, and why."""
        metadata = asked.get("metadata") or {}
        sound = isinstance(metadata, dict) and len(metadata) <= MOST_METADATA
        if not sound or not all(isinstance(value, str) and len(value) <= 512 for value in metadata.values()):  # noqa: PLR2004 - OpenAI's bound
            return "metadata", "at most 16 pairs of a name and a text of at most 512 characters"
        if asked.get("completion_window") != "24h":
            return "completion_window", "only 24h"
        if asked.get("endpoint") not in self._dialects:
            return "endpoint", f"one of {', '.join(self._dialects)}"
        if asked.get("input_file_id") not in self._files:
            return "input_file_id", "no such file"
        if self._files[asked["input_file_id"]][0]["status"] != "processed":
            return "input_file_id", "this file is not processed yet"
        return None

    def _made(self, asked: Json, fault: Fault | None) -> Batch:
        dialect = self._dialects[asked["endpoint"]]
        read = _read(self._files[asked["input_file_id"]][1], endpoint=asked["endpoint"])
        told = fault.fault if fault is not None and fault.fault in STAGES else None
        problems: list[Json] = []
        if isinstance(read, dict) or told == "batch_failed":
            problems = [read if isinstance(read, dict) else {"code": "invalid_file", "message": MARK, "line": None}]
            told, read = "batch_failed", []
        lines, held_until = played(read, dialect, self._standin.book, {})
        if told == "batch_expired":
            lines = cut_short(lines, "expired", done=len(lines) // 2)
        number = self._standin.batching.made + 1
        return self._standin.batching.add(
            Batch(
                id=f"batch_standin_{number}",
                lines=lines,
                stages=STAGES[told],
                about={**asked, "errors": {"object": "list", "data": problems} if problems else None},
                held_until=held_until,
            )
        )

    def _told(self, batch: Batch) -> Json:
        """A batch as OpenAI tells it."""
        counts = {"total": len(batch.lines), "completed": 0, "failed": 0}
        if batch.status != "validating":
            failed = batch.count("errored", "expired") if batch.ended else 0
            counts |= {"completed": batch.count("succeeded") if batch.ended else 0, "failed": failed}
        stamps = {f"{name}_at": int(batch.reached[name]) if name in batch.reached else None for name in STAMPS}
        about = {name: batch.about.get(name) for name in ("endpoint", "input_file_id", "completion_window", "metadata")}
        return {
            "id": batch.id,
            "object": "batch",
            **about,
            "status": batch.status,
            "errors": batch.about["errors"] if batch.status == "failed" else None,
            "created_at": int(batch.created),
            "expires_at": int(batch.created) + DAY_S,
            **stamps,
            "request_counts": counts,
            **(self._results(batch) if batch.ended else {"output_file_id": None, "error_file_id": None}),
        }

    def _results(self, batch: Batch) -> Json:
        """The two files of an ended batch; one that would be empty is not there."""
        if "files" not in batch.about:
            good = _lines(batch, good=True)
            bad = _lines(batch, good=False)
            batch.about["files"] = {
                name: self._kept(content, purpose="batch_output")["id"] if content else None
                for name, content in (("output_file_id", good), ("error_file_id", bad))
            }
        files: Json = batch.about["files"]
        return files

    def _kept(self, content: bytes, *, purpose: str, name: str = "") -> Json:
        self._made_files += 1
        about: Json = {
            "id": f"file-standin-{self._made_files}",
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name or f"{purpose}.jsonl",
            "purpose": purpose,
            "status": "pending" if self._slowly and purpose == "batch" else "processed",
        }
        self._files[about["id"]] = (about, content)
        return about


def _read(content: bytes, *, endpoint: str) -> list[tuple[str, Json]] | Json:
    """An input file's requests, or what is wrong with its first bad line."""
    requests: dict[str, Json] = {}
    for number, raw in enumerate(content.splitlines(), start=1):
        line = json_object(raw)
        said = line or {}
        known = isinstance(said.get("custom_id"), str) and said["custom_id"] not in requests
        right = said.get("method") == "POST" and said.get("url") == endpoint and isinstance(said.get("body"), dict)
        if line is None or not known or not right:
            code = "invalid_json_line" if line is None else "invalid_request" if known else "duplicate_custom_id"
            message = f"{MARK} a line is an object with custom_id, method, url and body"
            return {"code": code, "line": number, "message": message, "param": None}
        requests[said["custom_id"]] = said["body"]
    if not 1 <= len(requests) <= MOST_LINES:
        return {"code": "empty_file", "line": None, "message": f"{MARK} no lines, or too many", "param": None}
    return list(requests.items())


def _lines(batch: Batch, *, good: bool) -> bytes:
    """One of the two result files; its order is not the input's."""
    wanted = ("succeeded",) if good else ("errored", "expired")
    told = (line for line in reversed(batch.lines) if line.fate in wanted for _ in range(line.told))
    return b"".join(_line(batch, line) for line in told)


def _line(batch: Batch, line: Line) -> bytes:
    answered = line.fate in ("succeeded", "errored")
    response = {"status_code": line.status, "request_id": "req_standin", "body": line.body} if answered else None
    told = {
        "id": f"batch_req_{batch.id}_{line.custom_id}",
        "custom_id": line.custom_id,
        "response": response,
        "error": None if answered else EXPIRED,
    }
    text = json.dumps(told)
    return (text[: len(text) // 2] if line.broken else text).encode() + b"\n"


def _form(content_type: str, raw: bytes) -> dict[str, bytes]:
    """The fields of a form in parts, by name."""
    said = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw, policy=policy.HTTP)
    return dict(_parts(said))


def _parts(said: Any) -> Iterator[tuple[str, bytes]]:
    for part in said.iter_parts() if said.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            yield name, part.get_payload(decode=True)
            if (named := part.get_filename()) is not None:
                yield "filename", named.encode()


def _dropped(request: Request) -> bool:
    fault = getattr(request.state, "fault", None)
    return fault is not None and fault.fault == "dropped"
