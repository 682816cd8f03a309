"""What the gate compiled is kept for the next start, and read only where it can be trusted."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("hyperscan")

import hyperscan

from router.signals.sensitivity.gate import cache, database
from router.signals.sensitivity.gate.database import HyperscanGate, open_gate

SMALL = ({"mail": (r"\w@\w",), "ssn": (r"\d{3}-\d\d-\d{4}",)},)


def test_what_was_compiled_is_kept(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start reads, and compiles nothing."""
    first = open_gate(SMALL).hints("a@b")
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in _kept(empty_cache))
    monkeypatch.setattr(database, "_compiled", _never)
    assert open_gate(SMALL).hints("a@b") == first == {"mail"}


def test_the_cache_is_bounded(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was longest unused goes first; what was just written stays."""
    monkeypatch.setattr(cache, "MAX_FILES", 2)
    places = [cache.Kept(number) for number in range(4)]
    for age, place in enumerate(places):
        place.write(b"database")
        os.utime(place.path, (age, age))
    assert [place.read() is not None for place in places] == [False, False, True, True]


def test_other_patterns_have_another_place(empty_cache: Path) -> None:
    """A stale database would hold back what it does not know."""
    open_gate(SMALL)
    assert open_gate([{"mail": (r"\w#\w",), "ssn": SMALL[0]["ssn"]}]).hints("a#b") == {"mail"}


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "open", "link", "folder", "owner"])
def test_a_kept_file_that_is_not_to_be_trusted_is_not_read(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, harm: str, tmp_path: Path
) -> None:
    """Broken, writable to others, somebody else's, or no file at all: compiled anew."""
    open_gate(SMALL)
    files = _kept(empty_cache)
    for file in files:
        _harm(file, harm, tmp_path, monkeypatch)
    compiled = list[str]()
    real = database._compiled

    def compiling(expressions: database.Expressions, names: Sequence[str], *, every: bool) -> bytes:
        compiled.extend(names)
        return real(expressions, names, every=every)

    monkeypatch.setattr(database, "_compiled", compiling)
    assert open_gate(SMALL).hints("a@b") == {"mail"}
    assert len(compiled) == 2 * len(files)  # both names, for both sides


def _harm(file: Path, harm: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = file.read_bytes()
    if harm == "flip":
        file.write_bytes(content[:-7] + bytes([content[-7] ^ 1]) + content[-6:])
    elif harm == "cut":
        file.write_bytes(content[:100])
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "open":
        file.chmod(0o666)
    elif harm == "link":
        file.rename(elsewhere / file.name)
        file.symlink_to(elsewhere / file.name)
    elif harm == "folder":
        file.unlink()
        file.mkdir()
    else:
        monkeypatch.setattr(cache.os, "geteuid", lambda: file.stat().st_uid + 1)


def test_without_a_place_to_keep_it_every_start_compiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file where the folder should be, as on a full or a read-only disk."""
    (tmp_path / "tidegate").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_gate(SMALL).hints("a@b") == {"mail"}


def _kept(folder: Path) -> list[Path]:
    found = sorted(folder.iterdir())
    assert found
    return found


def _never(*_: object, **__: object) -> bytes:
    raise AssertionError("nothing is to be compiled")


def test_a_gate_of_another_machine_fails_when_it_is_opened() -> None:
    """Not at the first job."""
    with pytest.raises(hyperscan.error):
        HyperscanGate({"x": ("x",)}, plain=[database.Shard(["x"], b"no database")], other=[])
