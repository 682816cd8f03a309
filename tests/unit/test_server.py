"""The embedded store's configuration: when it flushes, how much it may hold, and that it evicts nothing."""

from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import InvalidSettings
from tidegate.runtime import server
from tidegate.settings import load


def told(tmp_path: Path, **given: Any) -> dict[str, str]:
    """The configuration that these settings make, by directive."""
    config = server.prepare(load(data=tmp_path, **given))
    return dict(line.split(" ", 1) for line in config.read_text().splitlines())


@pytest.mark.parametrize(("given", "fsync"), [({}, "always"), ({"store_fsync": "everysec"}, "everysec")])
def test_what_was_answered_is_on_disk_unless_somebody_chose_otherwise(
    tmp_path: Path, given: dict[str, Any], fsync: str
) -> None:
    """Each write is flushed before it is answered; a second's loss is a choice."""
    found = told(tmp_path, **given)
    assert (found["appendonly"], found["appendfsync"], found["maxmemory-policy"]) == ("yes", fsync, "noeviction")


def test_no_setting_lets_the_store_never_flush(tmp_path: Path) -> None:
    """That would be acceptance without keeping."""
    with pytest.raises(InvalidSettings, match="TIDEGATE_STORE_FSYNC"):
        load(data=tmp_path, store_fsync="no")


def test_the_store_takes_half_of_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the machine's memory, or of the container's where that is less; or what the settings say."""
    limit = tmp_path / "memory.max"
    limit.write_text("1000000000\n")
    monkeypatch.setattr(server, "_CGROUP_LIMITS", (limit, tmp_path / "none"))
    assert told(tmp_path)["maxmemory"] == "500000000"
    limit.write_text("max\n")
    assert int(told(tmp_path)["maxmemory"]) > 0
    assert told(tmp_path, store_max_bytes=5_000_000)["maxmemory"] == "5000000"
