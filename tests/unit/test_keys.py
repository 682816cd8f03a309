"""Keys: where they come from, who may read them, and that processes agree on them."""

import base64
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidSettings, StorageFull
from tidegate.keys import KEY_BYTES, Keyring, flower_password, keyring, signer, verifier
from tidegate.lane import Zone
from tidegate.settings import Settings, load
from tidegate.vault import Seals

KEY = base64.b64encode(b"k" * KEY_BYTES).decode()
OLD = base64.b64encode(b"o" * KEY_BYTES).decode()


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A fresh data folder and nothing configured."""
    return load(data=tmp_path / "data")


def parsed(text: str) -> Keyring:
    """A keyring of the inside."""
    return Keyring.parse(Zone.INSIDE, text, source="TIDEGATE_INSIDE_KEY")


def test_a_missing_key_is_made_once(home: Settings) -> None:
    """The first use makes a key file that only its owner can read; the second reads the same key."""
    first = keyring(home, Zone.INSIDE)
    assert keyring(home, Zone.INSIDE) == first
    file = home.keys_folder / "inside.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.keys_folder.stat().st_mode) == 0o700
    assert [path.name for path in home.keys_folder.iterdir()] == ["inside.key"]


def test_zones_have_keys_of_their_own(home: Settings) -> None:
    """The inside's and the outside's keys differ, in every installation."""
    inside, outside = (keyring(home, zone).sealing[1] for zone in Zone)
    assert inside != outside
    assert len(inside) == len(outside) == KEY_BYTES


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
@pytest.mark.parametrize("read", [lambda home: keyring(home, Zone.INSIDE), signer, flower_password])
def test_a_key_that_others_may_read_is_refused(home: Settings, read: Callable[[Settings], object], mode: int) -> None:
    """A key file with a wider mode is not used; the message says what to do and not what is in it."""
    read(home)
    for file in home.keys_folder.glob("*.key"):
        file.chmod(mode)
    with pytest.raises(InvalidSettings, match="chmod 600") as caught:
        read(home)
    assert all(file.read_text().strip() not in str(caught.value) for file in home.keys_folder.glob("*.key"))


def test_two_processes_agree_on_one_key(tmp_path: Path) -> None:
    """Processes that start at once on an empty folder end up with the same keys, and leave no drafts."""
    program = (
        "import sys; from tidegate.keys import keyring, signer, verifier; from tidegate.lane import Zone;"
        "from tidegate.settings import load; print('ready', flush=True); sys.stdin.readline(); home = load();"
        "print([keyring(home, zone).sealing for zone in Zone], signer(home).verifier.raw, verifier(home).raw)"
    )
    env = {"TIDEGATE_DATA": str(tmp_path / "data"), "PYTHONPATH": str(Path(__file__).parents[2])}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program], env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = {process.communicate(timeout=60)[0] for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(told) == 1
    names = sorted(path.name for path in (tmp_path / "data" / "keys").iterdir())
    assert names == ["clearance.key", "clearance.pub", "inside.key", "outside.key"]


def test_a_configured_key_wins_over_a_kept_one(home: Settings, tmp_path: Path) -> None:
    """Environment or file before the data folder; nothing is made where something is configured."""
    file = tmp_path / "key"
    file.write_text(f"from-file:{KEY}\n")
    given_file = load(data=home.data, inside_key_file=file)
    given_value = load(data=home.data, inside_key=f"from-env:{KEY}")
    assert keyring(given_file, Zone.INSIDE).sealing == ("from-file", b"k" * KEY_BYTES)
    assert keyring(given_value, Zone.INSIDE).sealing == ("from-env", b"k" * KEY_BYTES)
    assert not home.keys_folder.exists()


def test_the_environment_s_key_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`TIDEGATE_OUTSIDE_KEY` in the environment is the outside's keyring."""
    monkeypatch.setenv("TIDEGATE_OUTSIDE_KEY", f"a:{OLD},b:{KEY}")
    ring = keyring(load(data=tmp_path), Zone.OUTSIDE)
    assert (ring.zone, list(ring.keys), ring.sealing[0]) == (Zone.OUTSIDE, ["a", "b"], "b")


@pytest.mark.parametrize("name", ["inside_key", "outside_key", "clearance_key", "clearance_pub"])
def test_a_value_and_a_file_are_one_too_many(tmp_path: Path, name: str) -> None:
    """Which of two keys holds would be a guess; the message names both variables and quotes neither."""
    file = tmp_path / "key"
    file.write_text("from-file")
    both = load(data=tmp_path, **{name: "from-value", f"{name}_file": file})
    read: dict[str, Callable[[Settings], object]] = {
        "inside_key": lambda given: keyring(given, Zone.INSIDE),
        "outside_key": lambda given: keyring(given, Zone.OUTSIDE),
        "clearance_key": signer,
        "clearance_pub": verifier,
    }
    with pytest.raises(InvalidSettings, match=f"TIDEGATE_{name.upper()} and TIDEGATE_{name.upper()}_FILE") as caught:
        read[name](both)
    assert "from-" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A configured file that is missing or no text is an error, never a reason to make a new key."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings, match="TIDEGATE_INSIDE_KEY_FILE"):
        keyring(load(data=tmp_path, inside_key_file=file), Zone.INSIDE)


def test_a_broken_kept_key_is_not_replaced(home: Settings) -> None:
    """A kept key that is no key any more is an error: a new one would lock out what the old one sealed."""
    keyring(home, Zone.INSIDE)
    file = home.keys_folder / "inside.key"
    for content in (b"", b"\xff\xfe", b"k1:short"):
        file.write_bytes(content)
        with pytest.raises(InvalidSettings, match=r"inside\.key"):
            keyring(home, Zone.INSIDE)
        assert file.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A data folder under a plain file cannot hold keys; the error names the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFull, match=r"inside\.key"):
        keyring(load(data=tmp_path / "file"), Zone.INSIDE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        KEY,
        f":{KEY}",
        "a:",
        "a:not base64",
        "a:ü",
        f"a:{KEY[:-8]}",
        f"a.b:{KEY}",
        f"ü:{KEY}",
        f"a:{KEY},a:{OLD}",
        f"a:{KEY},b",
    ],
)
def test_what_is_no_keyring_is_refused(text: str) -> None:
    """An id that could not stand in an envelope, a key of another size, or one id twice: refused, quoting nothing."""
    with pytest.raises(InvalidSettings, match="TIDEGATE_INSIDE_KEY") as caught:
        parsed(text)
    assert KEY[:10] not in str(caught.value)


@given(st.text())
def test_any_text_is_a_keyring_or_an_error_of_ours(text: str) -> None:
    """Whatever stands in a variable, nothing but InvalidSettings comes of it."""
    try:
        parsed(text)
    except InvalidSettings:
        return


def test_an_old_key_still_opens() -> None:
    """The last key seals; envelopes of an older one still open, and no longer when it is taken away."""
    before, after = parsed(f"old:{OLD}"), parsed(f"old:{OLD}\nnew:{KEY}")
    envelope = Seals({Zone.INSIDE: before}).seal(Zone.INSIDE, "slot", b"text")
    rotated = Seals({Zone.INSIDE: after})
    assert rotated.open("slot", envelope) == b"text"
    assert b".new." in rotated.seal(Zone.INSIDE, "slot", b"text")


def test_no_repr_shows_a_key(home: Settings) -> None:
    """Keys are not in the repr of what holds them: a traceback with locals shows none."""
    ring, hand = parsed(f"a:{KEY}"), signer(home)
    assert KEY not in repr(ring)
    assert "kkkk" not in repr(ring)
    assert "Ed25519" not in repr(hand)


def test_only_the_signer_s_own_verifier_agrees(home: Settings, tmp_path: Path) -> None:
    """A signature holds for its message under its public half, and for nothing else."""
    hand = signer(home)
    signature = hand.sign(b"message")
    assert verifier(home).holds(signature, b"message")
    assert not verifier(home).holds(signature, b"another")
    assert not verifier(home).holds(signature[:-1], b"message")
    assert not verifier(load(data=tmp_path / "other")).holds(signature, b"message")


@pytest.mark.parametrize("given_as", ["pub", "key", "kept"])
def test_a_verifier_is_found(home: Settings, tmp_path: Path, given_as: str) -> None:
    """From the configured public half; else from the configured private one; else from the data folder."""
    private = base64.b64encode(b"s" * 32).decode()
    hand = signer(load(data=tmp_path, clearance_key=private))
    configured: dict[str, dict[str, Any]] = {
        "pub": {"clearance_pub": base64.b64encode(hand.verifier.raw).decode()},
        "key": {"clearance_key": private},
        "kept": {},
    }
    if given_as == "kept":
        hand = signer(home)
    found = verifier(load(data=home.data, **configured[given_as]))
    assert found.raw == hand.verifier.raw
    assert home.keys_folder.exists() is (given_as == "kept")


@pytest.mark.parametrize("text", ["", "x", KEY + "AAAA", "ü"])
def test_a_clearance_key_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Neither half is taken from something that is not 32 bytes."""
    for read, name in ((signer, "clearance_key"), (verifier, "clearance_pub")):
        with pytest.raises(InvalidSettings, match=f"TIDEGATE_{name.upper()}"):
            read(load(data=tmp_path, **{name: text}))


def test_flower_s_password_is_kept(home: Settings) -> None:
    """Made once, the same afterwards; a configured one wins."""
    made = flower_password(home)
    assert len(made) >= 20
    assert flower_password(home) == made
    assert flower_password(load(data=home.data, flower_password="given")) == "given"
