"""`tidegate health`: only a process of the role on this host counts."""

import socket

import pytest
from typer.testing import CliRunner

from tidegate.cli import health
from tidegate.cli.main import app
from tidegate.errors import StoreUnavailable
from tidegate.ledger.census import Presence

HERE = socket.gethostname()


@pytest.mark.parametrize(
    ("presence", "role", "code"),
    [
        (Presence(name=f"router@{HERE}.7", role="router"), "router", 0),
        (Presence(name=f"inside@{HERE}.7", role="worker", zone="inside"), "worker:inside", 0),
        (Presence(name=f"inside@{HERE}.7", role="worker", zone="inside"), "worker:outside", 1),
        (Presence(name=f"router@{HERE}.example.7", role="router"), "router", 1),
        (Presence(name="janitor@another.7", role="janitor"), "janitor", 1),
    ],
)
def test_a_role_counts_on_its_own_host(
    monkeypatch: pytest.MonkeyPatch, presence: Presence, role: str, code: int
) -> None:
    """A replica elsewhere, or a neighbour in another role, does not answer for this one."""
    monkeypatch.setattr(health, "_workers", lambda: [presence])
    assert CliRunner().invoke(app, ["health", "--role", role]).exit_code == code


def test_who_cannot_ask_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is exit code 1 with the cause, not a traceback."""

    def unreachable() -> list[Presence]:
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(health, "_workers", unreachable)
    assert CliRunner().invoke(app, ["health", "--role", "router"]).exit_code == 1
