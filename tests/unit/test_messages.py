"""Messages that come from a broker: ours are taken, and whatever else is refused by a reason of ours."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from doubles import SECRET
from hypothesis import given
from hypothesis import strategies as st

from tidegate.messages import fault
from tidegate.names import ROUTE_TASK, RUN_TASK, SUBMIT_TASK

JOB = "0123456789abcdef" * 2
TASKS = {ROUTE_TASK, SUBMIT_TASK}
EMBED: dict[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def message(
    task: Any = ROUTE_TASK,
    args: Any = (JOB,),
    *,
    kwargs: Any = None,
    embed: Any = None,
    body: Any = None,
    headers: Any = None,
    **changes: Any,
) -> Any:
    """A message as Celery sends it, with something changed."""
    written = body if body is not None else json.dumps([args, kwargs or {}, {**EMBED, **(embed or {})}])
    given = {"task": task, "id": JOB, "eta": None, "shadow": None, **(headers or {})}
    fields = {"body": written, "headers": given, "content_type": "application/json", "content_encoding": "utf-8"}
    return SimpleNamespace(**{**fields, **changes})


def look(one: Any) -> str | None:
    """The verdict of a router that takes jobs of a thousand bytes."""
    return fault(one, tasks=TASKS, submit_bytes=10_000)


@pytest.mark.parametrize(
    "one",
    [
        message(),
        message(args=["order-17.a_b"]),
        message(body=json.dumps([[JOB], {}, EMBED]).encode()),
        message(SUBMIT_TASK, [{"text": SECRET}]),
        message(SUBMIT_TASK, [], kwargs={"job": {"text": SECRET}}),
        message(SUBMIT_TASK, ["5", 6]),
        message(SUBMIT_TASK, [{"text": "x" * 9_000}]),
        message(content_encoding="UTF-8"),
        message(headers={"expires": "2040-01-01T00:00:00+00:00", "group": "g"}),
    ],
)
def test_a_message_of_ours_is_taken(one: Any) -> None:
    """Wake-ups with one id, and submits of anything that may turn out to be no job: that ends as a dead letter."""
    assert look(one) is None


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (message(RUN_TASK), "unknown_task"),
        (message(SECRET), "unknown_task"),
        (message(None), "malformed_message"),
        (message(["a"]), "malformed_message"),
        (message(headers={"id": 5}), "malformed_message"),
        (message(headers={"eta": "2040-01-01T00:00:00+00:00"}), "malformed_message"),
        (message(headers={"shadow": SECRET}), "malformed_message"),
        (message(args=[]), "malformed_message"),
        (message(args=[JOB, JOB]), "malformed_message"),
        (message(args=[5]), "malformed_message"),
        (message(args=[SECRET]), "malformed_message"),
        (message(args=["a:history"]), "malformed_message"),
        (message(args=[JOB], kwargs={"lane": "openai"}), "malformed_message"),
        (message(args="text"), "malformed_message"),
        (message(args={"job_id": JOB}), "malformed_message"),
        (message(embed={"callbacks": [{"task": "tidegate.run"}]}), "malformed_message"),
        (message(embed={"chain": [{"task": "x"}]}), "malformed_message"),
        (message(SUBMIT_TASK, [1], embed={"errbacks": [{"task": "x"}]}), "malformed_message"),
        (message(SUBMIT_TASK, [1], embed={"chord": {"task": "x"}}), "malformed_message"),
        (message(body=b"\x80\x04\x95N."), "unreadable_message"),
        (message(body="{"), "unreadable_message"),
        (message(body="[" * 4000), "unreadable_message"),
        (message(body='{"task": "tidegate.route"}'), "malformed_message"),
        (message(body="[[], {}]"), "malformed_message"),
        (message(body=None, content_type="application/x-python-serialize"), "unreadable_message"),
        (message(content_type="application/x-yaml"), "unreadable_message"),
        (message(content_encoding="binary"), "unreadable_message"),
        (message(args=["x" * 5_000]), "oversized_message"),
        (message(SUBMIT_TASK, [{"text": "x" * 20_000}]), "oversized_message"),
        (SimpleNamespace(headers=None, body=""), "malformed_message"),
        (SimpleNamespace(headers={}, body="{}"), "malformed_message"),
    ],
)
def test_anything_else_is_refused_by_a_reason(one: Any, reason: str) -> None:
    """Forged, foreign, packed, huge or made to have a worker do something else: each has its reason."""
    assert look(one) == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(task=JSON | st.sampled_from(sorted(TASKS)), body=JSON, raw=st.none() | st.binary() | st.text())
def test_no_message_breaks_the_look(task: Any, body: Any, raw: Any) -> None:
    """Whatever comes gets a verdict, and no verdict quotes what came."""
    verdict = look(message(task, body=raw if raw is not None else json.dumps(body)))
    assert verdict in {None, "unknown_task", "malformed_message", "unreadable_message", "oversized_message"}
