"""Live keys: a process follows its key file, and a file that is broken changes nothing."""

from pathlib import Path

import pytest

from tidegate import keyfiles, keys, livekeys, rotation
from tidegate.errors import SealBroken
from tidegate.lane import Zone
from tidegate.settings import Settings, load
from tidegate.vault import Seals

SLOT = "a:payload:1"


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A fresh data folder and nothing configured."""
    return load(data=tmp_path / "data")


def rotated(home: Settings) -> str:
    """Another process changes the inside key. Returns the new one's id."""
    ring, key_id = rotation.prepared(keys.keyring(home, Zone.INSIDE))
    keyfiles.replace(home.keys_folder / "inside.key", rotation.activated(ring, key_id).text())
    return key_id


def test_a_key_that_changed_is_used_within_a_second(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at each use: the file is looked at once a second at most."""
    rings = livekeys.rings(home, Zone.INSIDE)
    before = rings[Zone.INSIDE].sealing[0]
    key_id = rotated(home)
    assert rings[Zone.INSIDE].sealing[0] == before
    monkeypatch.setattr(livekeys, "LOOK_S", 0.0)
    assert rings[Zone.INSIDE].sealing[0] == key_id


def test_an_envelope_under_a_key_that_just_came_is_opened_at_once(home: Settings) -> None:
    """Who meets an unknown key looks at the file before he refuses; where it is not there, he does."""
    reader = Seals(livekeys.rings(home, Zone.INSIDE))
    rotated(home)
    writer = Seals(livekeys.rings(home, Zone.INSIDE))
    assert reader.open(SLOT, writer.seal(Zone.INSIDE, SLOT, b"text")) == b"text"
    with pytest.raises(SealBroken, match="does not have"):
        reader.open(SLOT, b"tg1.inside.other.xxxxxxxxxxxxxxxxxxxxxxxxxxxx")


@pytest.mark.parametrize("content", ["", "nonsense", "k1:c2hvcnQ="])
def test_a_file_that_was_broken_changes_nothing(home: Settings, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """What was read before goes on, also where the file is gone; a good file counts again."""
    monkeypatch.setattr(livekeys, "LOOK_S", 0.0)
    rings = livekeys.rings(home, Zone.INSIDE)
    before, file = rings[Zone.INSIDE], home.keys_folder / "inside.key"
    good = file.read_text()
    file.write_text(content)
    assert rings[Zone.INSIDE] == before
    file.unlink()
    assert rings[Zone.INSIDE] == before
    assert not file.exists()
    keyfiles.replace(file, good)
    rotated(home)
    assert rings[Zone.INSIDE] != before


def test_a_variable_is_read_once(tmp_path: Path) -> None:
    """There is no file to follow."""
    text = rotation.first(Zone.INSIDE).text()
    rings = livekeys.rings(load(data=tmp_path, inside_key=text), Zone.INSIDE)
    assert rings.look(Zone.INSIDE) == rings[Zone.INSIDE]
    assert list(rings) == [Zone.INSIDE]
    assert Zone.OUTSIDE not in rings


def test_signatures_under_both_keys_hold(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier that follows its file believes the old and the new key, a signer signs with the new one."""
    monkeypatch.setattr(livekeys, "LOOK_S", 0.0)
    signs, checks = livekeys.live_signer(home), livekeys.live_verifier(home)
    old = signs.sign(b"m")
    hand = rotation.new_signer()
    keyfiles.replace(home.keys_folder / "clearance.pub", checks().text() + hand.verifier.text())
    keyfiles.replace(home.keys_folder / "clearance.key", hand.text())
    new = signs.sign(b"m")
    assert old != new
    assert checks().holds(old, b"m")
    assert checks().holds(new, b"m")
    assert not checks().holds(new, b"other")


def test_a_replaced_file_keeps_its_mode(home: Settings) -> None:
    """A public half that all may read stays so; a key stays its owner's."""
    keys.signer(home)
    for name, mode in (("clearance.pub", 0o644), ("clearance.key", 0o600)):
        file = home.keys_folder / name
        file.chmod(mode)
        keyfiles.replace(file, "x")
        assert file.stat().st_mode & 0o777 == mode
    assert [path.name for path in home.keys_folder.iterdir() if path.name.startswith(".")] == []
