"""Jobs for vectors, from the contract to both kinds of lanes: what comes back, and what is refused by name."""

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import lane
from gguf import PoolingType
from pydantic import ValidationError
from tiny_models import CONTEXT, WIDTH, bert
from workers_at_work import workers

from router.inspection import Inspector
from router.signals.sensitivity.shipped import DETECTORS
from tidegate.client import Client
from tidegate.errors import ContextOverflow, MalformedAnswer, ModelMissing, RunError, RunTimedOut
from tidegate.job import MAX_INPUTS, Job, Message, Params
from tidegate.lane import Lane, Zone
from tidegate.ledger.states import State
from tidegate.result import Answer
from tidegate.settings import Settings, load
from tidegate.signals import Capability
from workers.backend import Backend, Run, open_backend
from workers.managed import vectors
from workers.models import catalogue
from workers.standin.server import running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EMBEDS = (Capability.EMBEDDINGS,)


def a_run(*texts: str, timeout_s: float = 60.0) -> Run:
    """One job for the vectors of these texts."""
    return Run(job_id="j", attempt=1, messages=(), params=Params(), timeout_s=timeout_s, input=texts)


def asked(backend: Backend, *texts: str) -> Answer:
    """The answer of a backend."""
    return backend.answer(a_run(*texts), stop=threading.Event())


def vectors_of(answer: Answer) -> tuple[tuple[float, ...], ...]:
    """Those of an answer that has some."""
    assert answer.embeddings is not None
    return answer.embeddings


def alike(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The cosine of two vectors of length one."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def local(path: Path, **changes: object) -> Lane:
    """A local lane that makes vectors with this file."""
    return lane(model=str(path), context_tokens=CONTEXT, capabilities=EMBEDS, **changes)


@pytest.fixture(scope="module", params=["cls", "mean", "llama"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """An encoder of each pooling, and a model that was made to write."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    if request.param == "llama":
        path = next(model.path for model in catalogue.known(load()) if model.origin == "shipped")
    else:
        bert(path, pooling=PoolingType[request.param.upper()])
    backend = open_backend(local(path, concurrency=4), load())
    yield backend
    backend.close()


def test_a_local_lane_makes_a_vector_of_length_one_for_each_text(encoder: Backend) -> None:
    """Equal texts have equal vectors, others have others; the tokens of all are counted, and nothing is written."""
    answer = asked(encoder, "one text", "another", "one text")
    first, second, third = vectors_of(answer)
    assert all(math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-4) for vector in (first, second, third))
    assert alike(first, third) > 0.9999
    assert alike(first, second) < 0.999
    assert answer.text == ""
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens == 0


def test_texts_in_one_batch_have_the_vectors_that_they_have_alone(encoder: Backend) -> None:
    """Batching over sequences changes no more than rounding, however many jobs come at once."""
    texts = [f"text {number}" * (1 + number % 3) for number in range(90)]
    together = vectors_of(asked(encoder, *texts))
    for place in (0, 1, 44, 89):
        assert alike(together[place], vectors_of(asked(encoder, texts[place]))[0]) > 0.9999


def test_a_text_that_is_too_long_is_refused_with_the_numbers(encoder: Backend) -> None:
    """Nothing is cut off in silence, and the engine goes on."""
    with pytest.raises(ContextOverflow, match=rf"text 2 of 2: [0-9]+ tokens > context {CONTEXT}"):
        asked(encoder, "short", "too long " * CONTEXT)
    with pytest.raises(ContextOverflow, match="characters cannot fit"):
        asked(encoder, "x" * 1_000_000)
    assert vectors_of(asked(encoder, "short"))


def test_a_job_for_vectors_stops_when_it_is_told(encoder: Backend) -> None:
    """A stop and a time limit end it like any other."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(RunTimedOut):
        encoder.answer(a_run("text"), stop=stop)
    with pytest.raises(RunTimedOut):
        encoder.answer(a_run("text", timeout_s=0.0), stop=threading.Event())


def test_a_lane_either_writes_or_makes_vectors(encoder: Backend, tmp_path: Path) -> None:
    """A chat on such a lane, and texts to embed on any other, are the next lane's: nothing is computed."""
    chat = Run(job_id="j", attempt=1, messages=(Message(role="user", content="hi"),), params=Params(), timeout_s=9)
    with pytest.raises(ModelMissing, match="makes vectors and writes nothing"):
        encoder.answer(chat, stop=threading.Event())
    writer = open_backend(lane(model=str(bert(tmp_path / "bert.gguf"))), load())
    with pytest.raises(ModelMissing, match="writes and makes no vectors"):
        asked(writer, "text")


def test_an_encoder_is_no_model_for_a_lane_that_writes(tmp_path: Path) -> None:
    """BERT has no next token: such a lane is refused at its first job, with the reason."""
    backend = open_backend(lane(model=str(bert(tmp_path / "bert.gguf"))), load())
    chat = Run(job_id="j", attempt=1, messages=(Message(role="user", content="hi"),), params=Params(), timeout_s=30)
    try:
        with pytest.raises(ModelMissing, match="embeddings"):
            backend.answer(chat, stop=threading.Event())
    finally:
        backend.close()


def test_a_server_is_asked_at_its_own_address_for_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter sends the texts to /embeddings, and the vectors come back in the order of the texts."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    with running(record=True) as up:
        far = lane("far", zone=Zone.OUTSIDE, model="embedder", base_url=f"{up.url}/v1", capabilities=EMBEDS)
        backend = open_backend(far, load())
        try:
            one, two, three = vectors_of(asked(backend, "one", "two", "one"))
        finally:
            backend.close()
        assert [received.path for received in up.standin.received] == ["/v1/embeddings"]
    assert one == three != two


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{}", "no list of embeddings"),
        ('{"data": [{"index": 0, "embedding": [1]}]}', "not one embedding for each of 2"),
        ('{"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}', "not one embedding"),
        ('{"data": [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [1, 2]}]}', "not of one length"),
        ('{"data": [{"index": 0, "embedding": ["x"]}, {"index": 1, "embedding": [1]}]}', "no list of embeddings"),
        ('{"data": [{"index": 0, "embedding": [1e999]}, {"index": 1, "embedding": [1]}]}', "no list of embeddings"),
    ],
)
def test_a_server_that_answers_with_something_else_has_not_answered(body: str, error: str) -> None:
    """Vectors that are missing, double, of two lengths or no numbers are a malformed answer."""
    with pytest.raises(MalformedAnswer, match=error):
        vectors.read(body.encode(), model="m", count=2)


def test_a_gateways_error_with_status_200_keeps_its_meaning() -> None:
    """As for chats: the code in the body is the status."""
    with pytest.raises(RunError) as caught:
        vectors.read(b'{"error": {"code": 503, "message": "away"}}', model="m", count=1)
    assert not isinstance(caught.value, MalformedAnswer)


def test_the_router_looks_at_texts_for_vectors_as_at_any_other() -> None:
    """A secret in one of them makes the job sensitive; it needs a lane for embeddings, and writes no tokens."""
    inspector = Inspector(detectors=tuple(make() for make in DETECTORS), timeout_s=30)
    signals = inspector.inspect(Job(input=("harmless", "my card is 4111 1111 1111 1111")))
    assert signals.sensitivity.level.sensitive
    assert signals.needs == (Capability.EMBEDDINGS,)
    assert signals.max_tokens == 0
    short, long = (inspector.inspect(Job(input=texts)).tokens for texts in (("abc",) * 100, ("abc" * 100,)))
    assert short < long  # what must fit is the longest text, not all together
    inspector.close()


@pytest.mark.parametrize("given", [(), ("",), (1,), ("a",) * (MAX_INPUTS + 1)])
def test_a_list_of_texts_has_bounds(given: tuple[object, ...]) -> None:
    """No text, an empty one, a number, and too many are refused by name."""
    with pytest.raises(ValidationError, match="input"):
        Job.model_validate({"input": given})


def test_a_job_has_one_body() -> None:
    """One string is a list of one; beside a text or messages it is an error."""
    assert Job.model_validate({"input": "a"}).input == ("a",)
    with pytest.raises(ValidationError, match="exactly one of"):
        Job.model_validate({"input": "a", "text": "b"})


def test_a_job_for_vectors_goes_all_the_way(client: Client, settings: Settings, tmp_path: Path) -> None:
    """Submitted, placed, computed by a real worker's engine, sealed, and opened again with its vectors."""
    path = bert(tmp_path / "bert.gguf")
    with workers(
        client, settings, {"vectors": dict(local(path).model_dump(include=_OF_A_POLICY, mode="json"))}
    ) as desk:
        desk.start()
        job_id = desk.place("vectors", Job(input=("one", "two", "one")))
        desk.await_state(job_id, State.SUCCEEDED)
        result = client.result(job_id, timeout_s=5)
    assert result.embeddings is not None
    one, two, three = result.embeddings
    assert len(one) == WIDTH
    assert one == three != two
    assert (result.text, result.usage.completion_tokens) == ("", 0)


_OF_A_POLICY = {"backend", "model", "context_tokens", "capabilities"}
