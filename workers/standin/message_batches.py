"""Anthropic's message batches on the stand-in: create, list, retrieve, cancel, results."""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.standin.answers import Json
from workers.standin.batching import DAY_S, Batch, Line, cut_short, played, whole
from workers.standin.faults import Rejection
from workers.standin.messages import MESSAGES
from workers.standin.wire import INVALID, Cut, Dropped, json_object

if TYPE_CHECKING:
    from workers.standin.app import StandIn

STAGES = ("in_progress", "in_progress", "ended")
CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MOST_LINES = 100_000


def routes(standin: "StandIn") -> list[Route]:
    """The paths."""
    served = _Batches(standin)
    return [
        Route("/v1/messages/batches", served.create, methods=["POST"]),
        Route("/v1/messages/batches", served.list),
        Route("/v1/messages/batches/{batch}", served.retrieve, methods=["GET"]),
        Route("/v1/messages/batches/{batch}", served.delete, methods=["DELETE"]),
        Route("/v1/messages/batches/{batch}/cancel", served.cancel, methods=["POST"]),
        Route("/v1/messages/batches/{batch}/results", served.results),
    ]


class _Batches:
    """The message batches of one stand-in."""

    def __init__(self, standin: "StandIn") -> None:
        self._standin = standin

    async def create(self, request: Request) -> Response:
        """A batch of requests, each of which is checked when its turn comes."""
        raw = await request.body()
        met = await self._standin.step(request, MESSAGES, "create", raw)
        if met is not None:
            return met
        asked = json_object(raw) or {}
        if (problem := _problem(asked)) is not None:
            return _invalid(problem)
        batch = self._made(asked, request)
        return Dropped() if _dropped(request) else JSONResponse(_told(batch, request))

    async def list(self, request: Request) -> Response:
        """The batches, the newest first."""
        met = await self._standin.step(request, MESSAGES, "poll")
        if met is not None:
            return met
        query = request.query_params
        try:
            limit = whole(query.get("limit"))
        except ValueError:
            return _invalid("limit: a number from 1 to 1000")
        found = self._standin.batching.of("msgbatch_", after=query.get("after_id"), before=query.get("before_id"))
        shown = found[-limit:] if query.get("before_id") else found[:limit]
        data = [_told(batch, request) for batch in shown]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return JSONResponse({"data": data, "has_more": len(found) > limit, **ends})

    async def retrieve(self, request: Request) -> Response:
        """One batch, which gets on by it."""
        met = await self._standin.step(request, MESSAGES, "poll")
        batch = self._found(request)
        if met is not None or batch is None:
            return met or _unknown()
        batch.look()
        return JSONResponse(_told(batch, request))

    async def delete(self, request: Request) -> Response:
        """Forget one batch, where it has ended."""
        met = await self._standin.step(request, MESSAGES, "poll")
        batch = self._found(request)
        if met is not None or batch is None:
            return met or _unknown()
        if not batch.ended:
            return _invalid("a batch that has not ended cannot be deleted")
        del self._standin.batching.batches[batch.id]
        return JSONResponse({"id": batch.id, "type": "message_batch_deleted"})

    async def cancel(self, request: Request) -> Response:
        """Stop one batch; one that has ended is told as it is."""
        met = await self._standin.step(request, MESSAGES, "cancel")
        batch = self._found(request)
        if met is not None or batch is None:
            return met or _unknown()
        if batch.status == "in_progress":
            batch.cancel("canceling", "ended")
        return JSONResponse(_told(batch, request))

    async def results(self, request: Request) -> Response:
        """A line for each request, in no order; not before the batch has ended."""
        met = await self._standin.step(request, MESSAGES, "results")
        batch = self._found(request)
        if met is not None or batch is None:
            return met or _unknown()
        if not batch.ended:
            return _invalid("results: the batch has not ended")
        lines = [text for line in reversed(batch.lines) for text in [_line(line)] * line.told]
        if _dropped(request):
            whole_text = "".join(lines)
            return Cut([whole_text[: len(whole_text) // 2]], media_type="application/x-jsonl")
        return Response("".join(lines), media_type="application/x-jsonl")

    def _found(self, request: Request) -> Batch | None:
        batch = self._standin.batching.batches.get(request.path_params["batch"])
        return batch if batch is not None and batch.id.startswith("msgbatch_") else None

    def _made(self, asked: Json, request: Request) -> Batch:
        fault = request.state.fault
        requests = [(one["custom_id"], one["params"]) for one in asked["requests"]]
        lines, held_until = played(requests, MESSAGES, self._standin.book, request.headers)
        if fault is not None and fault.fault == "batch_expired":
            lines = cut_short(lines, "expired", done=len(lines) // 2)
        number = self._standin.batching.made + 1
        return self._standin.batching.add(
            Batch(id=f"msgbatch_standin_{number}", lines=lines, stages=STAGES, held_until=held_until)
        )


def _problem(asked: Json) -> str | None:
    requests = asked.get("requests")
    if not isinstance(requests, list) or not 1 <= len(requests) <= MOST_LINES:
        return f"requests: a list of 1 to {MOST_LINES} requests"
    seen: set[str] = set()
    for index, one in enumerate(requests):
        if not isinstance(one, dict) or set(one) != {"custom_id", "params"} or not isinstance(one["params"], dict):
            return f"requests.{index}: an object with custom_id and params"
        if not isinstance(one["custom_id"], str) or not CUSTOM_ID.fullmatch(one["custom_id"]):
            return f"requests.{index}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
        if one["custom_id"] in seen:
            return f"requests.{index}.custom_id: must be unique within the batch"
        seen.add(one["custom_id"])
    return None


def _told(batch: Batch, request: Request) -> Json:
    """A batch as Anthropic tells it."""
    counts = {fate: batch.count(fate) if batch.ended else 0 for fate in ("succeeded", "errored", "canceled", "expired")}
    reached = batch.reached
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": batch.status,
        "request_counts": {"processing": 0 if batch.ended else len(batch.lines), **counts},
        "created_at": _time(batch.created),
        "expires_at": _time(batch.created + DAY_S),
        "ended_at": _time(reached["ended"]) if "ended" in reached else None,
        "cancel_initiated_at": _time(reached["canceling"]) if "canceling" in reached else None,
        "archived_at": None,
        "results_url": f"{request.base_url}v1/messages/batches/{batch.id}/results" if batch.ended else None,
    }


def _line(line: Line) -> str:
    """One line of the results."""
    told: Json = {"type": line.fate}
    if line.fate == "succeeded":
        told["message"] = line.body
    if line.fate == "errored":
        told["error"] = line.body
    text = json.dumps({"custom_id": line.custom_id, "result": told})
    return (text[: len(text) // 2] if line.broken else text) + "\n"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _dropped(request: Request) -> bool:
    fault = request.state.fault
    return fault is not None and fault.fault == "dropped"


def _invalid(message: str) -> Response:
    return JSONResponse(MESSAGES.invalid(message), status_code=400)


def _unknown() -> Response:
    return MESSAGES.said(Rejection(404, None, INVALID, "no such message batch"))
