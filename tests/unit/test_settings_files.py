"""Secrets in files: the URLs of broker and store, and Flower's password."""

from pathlib import Path

import pytest

from tidegate import connections
from tidegate.errors import InvalidSettings
from tidegate.settings import load


@pytest.mark.parametrize("name", ["broker_url", "store_url", "flower_password"])
def test_a_secret_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """`TIDEGATE_<NAME>_FILE` stands for `TIDEGATE_<NAME>`, without the line's end."""
    file = tmp_path / name
    file.write_text("redis://:secret@host:6379/0\n")
    monkeypatch.setenv(f"TIDEGATE_{name.upper()}_FILE", str(file))
    assert getattr(load(), name).get_secret_value() == "redis://:secret@host:6379/0"


def test_the_store_follows_from_a_broker_in_a_file(tmp_path: Path) -> None:
    """With only the broker's file, ledger and vault are in the same server's database 1."""
    file = tmp_path / "broker_url"
    file.write_text("redis://:secret@host:6379/0")
    where = connections.addresses(load(broker_url_file=file))
    assert (where.store, where.embedded) == ("redis://:secret@host:6379/1", False)


def test_a_value_and_a_file_are_one_too_many(tmp_path: Path) -> None:
    """Which of the two holds would be a guess; the message quotes neither."""
    file = tmp_path / "broker_url"
    file.write_text("redis://from-file")
    with pytest.raises(InvalidSettings, match=r"TIDEGATE_BROKER_URL: .*give one") as raised:
        load(broker_url="redis://:from-value@host", broker_url_file=file)
    assert "from-" not in str(raised.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"redis://\xff"])
def test_a_file_without_a_secret_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty or unreadable: never taken for "not configured", which would start an embedded store."""
    file = tmp_path / "store_url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings, match="TIDEGATE_STORE_URL"):
        load(store_url_file=file)
