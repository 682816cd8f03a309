"""A lane's model is replaced while a real worker is under load: no job fails, and each result says which it was."""

import shutil
from collections.abc import Iterator

import psutil
import pytest
from workers_at_work import Workers, until, workers, write_policy

from tidegate.client import Client
from tidegate.job import Job, Params
from tidegate.ledger.states import State
from tidegate.settings import Settings, load
from workers.models import catalogue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TOKENS = 60
JOBS = 6


def lanes(model: str) -> dict[str, dict[str, object]]:
    """One local lane with this model."""
    return {"local": {"backend": "llama_cpp", "model": model, "concurrency": 2}}


@pytest.fixture
def desk(client: Client, settings: Settings) -> Iterator[Workers]:
    """A worker on a copy of the shipped model, which may be replaced."""
    shipped = next(model.path for model in catalogue.known(load()) if model.origin == "shipped")
    settings.data.mkdir(parents=True, exist_ok=True)
    for name in ("old", "new"):
        shutil.copy(shipped, settings.data / f"{name}.gguf")
    with workers(client, settings, lanes(str(settings.data / "old.gguf"))) as found:
        found.start()
        yield found


def submit(desk: Workers, count: int) -> list[str]:
    """Jobs that take a moment each."""
    job = Job(text="tell me about the sea", params=Params(max_tokens=TOKENS))
    return [desk.place("local", job) for _ in range(count)]


def models(desk: Workers, jobs: list[str]) -> list[str]:
    """Which model answered each: all of them succeed, at their first attempt."""
    for job_id in jobs:
        desk.await_state(job_id, State.SUCCEEDED, within_s=120)
    results = [desk.client.result(job_id, timeout_s=5) for job_id in jobs]
    assert {result.attempts for result in results} == {1}
    return [result.model.rsplit("/", 1)[-1] for result in results]


def engines(desk: Workers) -> list[psutil.Process]:
    """The engine processes of this test's workers: other tests' may still run beside them."""
    children = [one for process in desk.processes for one in psutil.Process(process.pid).children(recursive=True)]
    return [one for one in children if "workers.local.engine" in one.cmdline()]


def test_a_policy_that_names_another_model_takes_effect_under_load(desk: Workers) -> None:
    """Jobs go on all the time; the first ones are the old model's, the last ones the new one's; one engine is left."""
    jobs = submit(desk, 2)
    assert desk.settings.policy is not None
    desk.await_state(jobs[0], State.RUNNING, State.SUCCEEDED)
    write_policy(desk.settings.policy, lanes(str(desk.settings.data / "new.gguf")))
    while "event=lane.changed" not in desk.log():
        jobs += submit(desk, 1)
        desk.await_state(jobs[-2], State.SUCCEEDED)  # two at a time
    jobs += submit(desk, JOBS)
    answered = models(desk, jobs)
    assert answered[0] == "old.gguf"
    assert answered[-JOBS:] == ["new.gguf"] * JOBS
    until(lambda: len(engines(desk)) == 1, 20)


def test_a_file_that_is_replaced_by_a_broken_one_changes_nothing(desk: Workers) -> None:
    """It is told in the log, and the old engine goes on; a whole file is then taken without a restart."""
    assert models(desk, submit(desk, 1)) == ["old.gguf"]
    model = desk.settings.data / "old.gguf"
    first = engines(desk)[0].pid
    cut = model.with_name("cut")
    cut.write_bytes(model.read_bytes()[:20_000])
    cut.replace(model)
    until(lambda: "event=lane.unchanged" in desk.log(), 30)
    assert models(desk, submit(desk, 2)) == ["old.gguf"] * 2
    assert engines(desk)[0].pid == first
    (desk.settings.data / "new.gguf").replace(model)
    until(lambda: "event=lane.changed" in desk.log(), 60)
    assert models(desk, submit(desk, 2)) == ["old.gguf"] * 2
    until(lambda: [one.pid for one in engines(desk)] != [first] and len(engines(desk)) == 1, 20)
