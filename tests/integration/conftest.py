"""A whole installation of real processes for the tests that need one, started once a session and broker.

Every test runs on Redis. Those marked `every_broker` run on RabbitMQ as well; with `--broker rabbitmq` all of them do,
and on nothing else.
"""

import contextlib
import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from installations import Running, installed
from rabbit import RabbitServer, everything, rabbit_server
from servers import store_server

from tidegate.settings import load

FAULTS = [
    {"fault": "content_filter", "times": "forever", "when": {"contains": "please refuse"}},
    {"fault": "rate_limited", "times": 1, "retry_after_s": 0.2, "when": {"contains": "please retry"}},
    {"fault": "server_error", "times": 1, "when": {"contains": "please fail once"}},
    {"fault": "slow", "times": 1, "delay_s": 20.0, "when": {"contains": "please dawdle once"}},
    {"fault": "slow", "times": "forever", "delay_s": 20.0, "when": {"contains": "please dawdle always"}},
    {"fault": "slow", "times": 1, "delay_s": 3.0, "when": {"contains": "please linger once"}},
    {"fault": "slow", "times": 1, "delay_s": 20.0, "when": {"contains": "please dawdle at the deploy"}},
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One installation a broker."""
    if "running" not in metafunc.fixturenames:
        return None
    wanted = metafunc.config.getoption("--broker")
    if wanted == "rabbitmq" and metafunc.definition.get_closest_marker("redis_only") is not None:
        skipped = pytest.param("redis", marks=pytest.mark.skip(reason="looks at Redis as the broker"))
        return metafunc.parametrize("running", [skipped], indirect=True, scope="session")
    everywhere = metafunc.definition.get_closest_marker("every_broker") is not None
    brokers = [wanted] if wanted else ["redis", "rabbitmq"] if everywhere else ["redis"]
    return metafunc.parametrize("running", brokers, indirect=True, scope="session")


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Store, router, workers, janitor, Flower and the stand-in, as separate processes."""
    data = tmp_path_factory.mktemp("installation")
    with contextlib.ExitStack() as servers:
        rabbitmq = request.param == "rabbitmq"
        urls = _urls(servers, data, request.getfixturevalue("rabbit")) if rabbitmq else {}
        yield from _installed(data, urls)


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """One RabbitMQ for the session: the virtual host / for the tests' own user, and `tidegate` as it is shipped."""
    if shutil.which("openssl") is None:
        pytest.skip("deploy/rabbitmq/definitions needs openssl")
    folder = tmp_path_factory.mktemp("rabbitmq")
    for role in ("producer", "router", "inside", "outside", "janitor", "flower"):
        url = f"amqp://tidegate-{role}:{secrets.token_hex(12)}@127.0.0.1/tidegate"
        (folder / f"broker_url_{role}").write_text(url)
    script = Path(__file__).resolve().parents[2] / "deploy" / "rabbitmq" / "definitions"
    shipped = json.loads(subprocess.run([script, folder], capture_output=True, check=True).stdout)
    own = everything()
    with rabbit_server(folder, definitions={name: [*own[name], *shipped[name]] for name in own}) as server:
        yield server


def _urls(servers: contextlib.ExitStack, data: Path, rabbit: RabbitServer) -> dict[str, Path]:
    """A store of its own beside RabbitMQ, and both URLs in files, as operators have them."""
    (data / "own-store").mkdir()
    store = servers.enter_context(store_server(data / "own-store"))
    files = {"broker_url_file": data / "broker_url", "store_url_file": data / "store_url"}
    for file, url in zip(files.values(), (rabbit.url(), store.store_url), strict=True):
        file.write_text(url)
        file.chmod(0o600)
    return files


def _installed(data: Path, urls: dict[str, Path]) -> Iterator[Running]:
    given = {"openai_base_url": None, "flower_port": 0, "lease_s": 3.0, "nudge_s": 2.0}
    settings = load(data=data, **(urls or {"broker_url": None, "store_url": None}), **given)
    yield from installed(settings, faults=FAULTS)
