"""A local lane whose model or package is missing, broken or another: told when it is opened, or with the first job."""

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from engines import ask, lane, run, shipped

from tidegate.errors import MissingExtra, ModelMissing
from tidegate.settings import load
from workers.backend import open_backend
from workers.local.backend import LocalBackend


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no file"), (b"not a model at all", "not a GGUF file"), (b"GGUF\x03", "cut")]
)
def test_a_file_that_is_no_model_is_refused_at_the_door(tmp_path: Path, content: bytes | None, words: str) -> None:
    """Opening says what is wrong with the file and what to do."""
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelMissing, match=words):
        open_backend(lane(str(path)), load())


def test_a_truncated_model_is_refused_by_the_engine(tmp_path: Path) -> None:
    """A file whose head is whole and whose weights are not cannot be told before it is loaded."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(shipped().path.read_bytes()[:-50_000])
    opened = open_backend(lane(str(path)), load())
    try:
        for _ in range(2):
            with pytest.raises(ModelMissing, match="cannot be loaded"):
                opened.answer(run(), stop=threading.Event())
    finally:
        opened.close()


def test_a_model_with_another_checksum_is_not_loaded() -> None:
    """What the catalogue names is what runs, or nothing runs."""
    model = replace(shipped(), sha256="0" * 64)
    backend = LocalBackend(lane(model.name), model)
    with pytest.raises(ModelMissing, match="tidegate models verify"):
        ask(backend)


def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    """The message names what could be used, and the command that gets another."""
    with pytest.raises(ModelMissing, match=rf"{shipped().name}.*tidegate models pull"):
        open_backend(lane("nobody-knows-me"), load())


@pytest.mark.parametrize("absent", ["llama_cpp", "jsonschema"])
def test_a_missing_dependency_names_the_extra(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    """What to install is told when the lane is opened, not when a job fails."""
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtra, match=r"tidegate\[local\]"):
        open_backend(lane(shipped().name), load())
