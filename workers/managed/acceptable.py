"""What is no answer although a provider calls it one: a refusal, nothing at all, or more than anybody asked for.

One table for all providers. What a model writes of its own accord ("I'm sorry, but …") is an answer: somebody may have
asked for just that, and no list of phrases could tell.
"""

import re
from collections.abc import Collection

from tidegate.errors import ContentRefused, MalformedAnswer
from tidegate.lane import Lane
from tidegate.result import Answer
from workers.backend import Run

REFUSING: Collection[str] = frozenset(
    {
        "content_filter",  # OpenAI, Azure, Vertex' OpenAI endpoint, and most others
        "content_filtered",  # Bedrock
        "guardrail_intervened",  # Bedrock
        "refusal",  # Anthropic
        "safety",  # Gemini, also in capitals; the rest are its other reasons
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
    }
)
"""The reasons to end that mean: the provider or the model declines."""

NOTICES = re.compile(
    r"""
    the[ ](response|prompt)[ ]was[ ]filtered[ ]due[ ]to[ ]the[ ]prompt[ ]triggering[ ]azure.*   # Azure
    | the[ ]response[ ]was[ ](filtered|blocked)\b.*content[ ]management[ ]policy.*
    | (the[ ]generated[ ]text[ ]has[ ]been|output)[ ]blocked[ ]by[ ](our[ ])?content[ ]filter.*  # Bedrock, Anthropic
    | sorry,[ ]the[ ]model[ ]cannot[ ]answer[ ]this[ ]question\.?                                # Bedrock's guardrails
    | sorry[ ]-[ ]this[ ]model[ ]is[ ](unable|designed)[ ]to\b.*                                 # Titan
    | \[?(content|response)[ ](blocked|filtered|removed)([ ]by[ ](safety|content)[ ]filters?)?\]?\.?
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Texts that stand in an answer's place and are a filter's. The whole answer must be one."""

NOTICE_CHARS = 400


def refuses(finish: str | None) -> bool:
    """Whether a provider's reason to end means that it declines."""
    return finish is not None and finish.lower() in REFUSING


def passed(answer: Answer, run: Run, lane: Lane) -> Answer:
    """The answer, where it is one. Raises ContentRefused, MalformedAnswer; neither carries a word of it."""
    if refuses(answer.finish_reason):
        raise ContentRefused("status 200, refused")
    if run.input:
        return answer
    text = answer.text.strip()
    if len(text) <= NOTICE_CHARS and NOTICES.fullmatch(text) and not answer.tool_calls:
        raise ContentRefused("status 200, and a content filter's notice in the answer's place")
    if size_chars(answer) > lane.max_answer_chars:
        raise MalformedAnswer(f"status 200, but more than {lane.max_answer_chars} characters")
    # A model may spend its limit on thinking, and a job's own stop may come first.
    if not text and not answer.tool_calls and answer.finish_reason != "length" and not run.params.stop:
        raise MalformedAnswer("status 200, but the answer is empty")
    return answer


def size_chars(answer: Answer) -> int:
    """All that the model wrote."""
    return len(answer.text) + sum(len(call.function.name) + len(call.function.arguments) for call in answer.tool_calls)
