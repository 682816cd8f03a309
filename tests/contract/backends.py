"""What the tests of all backends share: a backend with its lane, and jobs for it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litellm_proxy import PEERS

from tidegate.job import JsonSchema, Message, Params, ResponseFormat
from tidegate.lane import Lane
from tidegate.result import Answer
from workers.backend import Backend, Run

PROVIDERS = ("openai", "openai_responses", "azure", "vertex", "vertex_openai", "anthropic")
"""The names of the fixtures that serve a managed backend, all against the stand-in."""

BACKENDS = ("llama_cpp", "llama_server", *PROVIDERS, *PEERS)
"""The names of the fixtures that serve a backend."""

REAL = ("llama_cpp", "llama_server")
"""Those with a model behind them."""

CERTAIN = ("llama_cpp", *PROVIDERS, *PEERS)
"""Those that make a call of a tool where it must be: llama.cpp's server leaves it to a model that knows how."""

RESPONSES_LACK = frozenset({"stop", "logit_bias"})
"""What the Responses API cannot be asked for."""

ANTHROPIC_LACKS = frozenset({"logit_bias", "logprobs"})
"""What Anthropic cannot be asked for."""

CANARY = "Erika Mustermann, 4111 1111 1111 1111"
VERDICT = {
    "type": "object",
    "properties": {"sentiment": {"enum": ["positive", "negative"]}},
    "required": ["sentiment"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Served:
    """A backend, and the lane that it serves."""

    backend: Backend
    lane: Lane
    lacks: frozenset[str] = frozenset()
    """What a job may ask for and this backend refuses by name."""

    def ask(
        self, job: Run, *, stop: threading.Event | None = None, on_text: Callable[[str], None] | None = None
    ) -> Answer:
        """Run one job."""
        return self.backend.answer(job, stop=stop or threading.Event(), on_text=on_text)


def run(text: str = "hello", *, timeout_s: float = 60.0, **params: Any) -> Run:
    """One attempt at one job."""
    made = Params.model_validate({"max_tokens": 16} | params)
    turns = (Message(role="system", content="Be short."), Message(role="user", content=text))
    return Run(job_id="job", attempt=1, messages=turns, params=made, timeout_s=timeout_s)


def said(answer: Answer) -> Answer:
    """The same answer, whatever its server calls itself and happened to know of the prompt before."""
    usage = answer.usage.model_copy(update={"cached_tokens": 0})
    return answer.model_copy(update={"usage": usage, "model": "any"})


def form(**schema: Any) -> ResponseFormat:
    """A promised form."""
    return ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=schema))
