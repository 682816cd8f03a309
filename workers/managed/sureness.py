"""How sure a server's model was: from the log-probabilities in its answer, where it gives them."""

import math
from typing import Any

from tidegate.result import Confidence, OtherToken, TokenLogprob


def confidence(logprobs: Any) -> Confidence | None:
    """What a choice's `logprobs` say; None where they say nothing that makes sense."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not content:
        return None
    found = [number for token in content if (number := _number(token)) is not None]
    if len(found) < len(content):
        return None
    known = [margin for token in content if (margin := _margin(token)) is not None]
    return Confidence(
        mean_logprob=sum(found) / len(found),
        lowest_logprob=min(found),
        mean_margin=sum(known) / len(known) if known else None,
        free_share=None,
    )


def token_logprobs(logprobs: Any, *, top: int) -> tuple[TokenLogprob, ...] | None:
    """Each token's, with so many others; None where a server tells nothing that makes sense."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    told = [_told(token) for token in content] if isinstance(content, list) else []
    if not isinstance(content, list) or None in told:
        return None
    found = []
    for own, token in zip(filter(None, told), content, strict=True):
        others = token.get("top_logprobs")
        known = [other for one in others if (other := _told(one))] if isinstance(others, list) else []
        found.append(TokenLogprob(**own.model_dump(), top_logprobs=tuple(known[:top])))
    return tuple(found)


def _told(token: Any) -> OtherToken | None:
    number = _number(token)
    text = token.get("token") if number is not None else None
    if number is None or not isinstance(text, str):
        return None
    given = token.get("bytes")
    whole = isinstance(given, list) and all(isinstance(byte, int) for byte in given) and "\ufffd" in text
    return OtherToken(token=text, logprob=number, bytes=tuple(given) if whole else None)


def _margin(token: Any) -> float | None:
    """Between the chosen token and the best of the others that were told."""
    own, told = _number(token), token.get("top_logprobs")
    others = [
        number
        for other in (told if isinstance(told, list) else ())
        if (number := _number(other)) is not None and other.get("token") != token.get("token")
    ]
    return own - max(others) if own is not None and others else None


def _number(token: Any) -> float | None:
    value = token.get("logprob") if isinstance(token, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return min(0.0, float(value))
