"""How the stand-in speaks OpenAI's API: chat completions and embeddings."""

import json
import time
from collections.abc import Iterator

from workers.standin import answers
from workers.standin.answers import MARK, Json
from workers.standin.faults import REJECTIONS, Rejection
from workers.standin.wire import INVALID, Dialect, bearer

NO_KEY = Rejection(401, "invalid_api_key", INVALID, "send any key: Authorization: Bearer …")


def error(said: Rejection, param: str | None = None) -> Json:
    """An error's body."""
    return {"error": {"message": f"{MARK} {said.message}", "type": said.type, "param": param, "code": said.code}}


def _answer(asked: Json, number: int) -> Json:
    return answers.completion(asked, number=number, created=int(time.time()))


def _frames(asked: Json, number: int) -> Iterator[str]:
    parts = [json.dumps(part) for part in answers.chunks(asked, number=number, created=int(time.time()))]
    return (f"data: {part}\n\n" for part in (*parts, "[DONE]"))


def _refusal(asked: Json) -> Json:
    body = answers.completion({**asked, "response_format": None}, number=0, created=0)
    message = {"role": "assistant", "content": None, "refusal": f"{MARK} I will not do that."}
    return {**body, "choices": [{**body["choices"][0], "message": message}]}


CHAT = Dialect(
    needs="messages",
    answer=_answer,
    text_of=answers.prompt_text,
    refusal=_refusal,
    has_key=bearer,
    error=error,
    rejections=REJECTIONS,
    frames=_frames,
    broken_frame=f"data: {json.dumps(error(Rejection(502, None, 'api_error', 'upstream failed')))}\n\n",
)
EMBEDDINGS = Dialect(
    needs="input",
    answer=lambda asked, _number: answers.embeddings(asked),
    text_of=lambda asked: str(asked["input"]),
    refusal=_refusal,
    has_key=bearer,
    error=error,
    rejections=REJECTIONS,
)
