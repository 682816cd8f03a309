"""Single flight: which jobs ask the same, so that one call may answer all that are under way. Pure.

The name is keyed: nobody who reads the store can find a text by trying. It only says where to look; before an answer is
given to another job its own sealed payload is opened and compared (workers/flights.py), so that a name that somebody
wrote into the store lends nobody an answer.
"""

import hashlib
import hmac
import json

from tidegate.decision import Decision
from tidegate.job import Hints, Job
from tidegate.signals import Level

SURE, FREE = "sure", "free"
"""Whether the model would say the same again: at temperature 0, or not."""


def name_of(job: Job, decision: Decision, *, key: bytes) -> str | None:
    """What jobs have in common that may share a call; None for one that shares with nobody.

    A job that may be personal shares nothing, its redacted copy neither, nor one whose answer a router has to look at.
    Others share within their tenant, where the same rule of the same policy decided, for the same regions: it says what
    their answers are held to.
    """
    if decision.signals.sensitivity.level is not Level.PUBLIC or decision.redacted or decision.answers_at_most:
        return None
    regions = "*" if decision.regions is None else json.dumps(decision.regions)
    said = "\0".join(("flight", decision.policy, decision.rule, regions, asked(job).to_json()))
    digest = hmac.new(key, said.encode(), hashlib.sha256).hexdigest()[:40]
    return f"{FREE if job.params.temperature else SURE}:{digest}"


def same(one: Job, other: Job) -> bool:
    """Whether two jobs of one tenant ask a model the same."""
    return asked(one) == asked(other)


def asked(job: Job) -> Job:
    """What a model is asked, and by whom, without what a producer says about a job to us."""
    turns = job.turns() or None
    changes = {"hints": Hints(), "conversation_id": None, "idempotency_key": None, "text": None, "messages": turns}
    return job.model_copy(update=changes)
