"""Files that are no models: whoever names one for a lane is told so, and the worker goes on."""

import threading
from pathlib import Path
from typing import Any

import pytest
from ggufs import shipped, with_architecture

from tidegate.errors import ModelMissing
from tidegate.job import Message, Params
from tidegate.lane import Lane, Zone
from tidegate.settings import load
from workers.backend import Run, open_backend


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: with_architecture("zebra", path), "cannot be loaded"),
        (lambda path: path.write_bytes(shipped().path.read_bytes()[:2_000]), "cut"),
        (lambda path: path.write_bytes(b"\x7fELF" + bytes(5_000)), "not a GGUF file"),
        (lambda path: path.write_bytes(b""), "not a GGUF file|cut"),
        (lambda path: path.mkdir(), "."),
    ],
    ids=["architecture", "truncated head", "no GGUF", "empty", "a folder"],
)
def test_a_file_that_is_no_model_ends_its_lane_alone(tmp_path: Path, make: Any, words: str) -> None:
    """The lane is refused with what is wrong; the worker and its other lanes go on."""
    path = tmp_path / "bad.gguf"
    make(path)
    with pytest.raises(ModelMissing, match=words):
        ask(path)


def ask(path: Path) -> None:
    """Open a lane with a file as its model, and ask it something."""
    served = Lane(name="local", zone=Zone.INSIDE, backend="llama_cpp", model=str(path), context_tokens=1024)
    backend = open_backend(served, load())
    try:
        turns = (Message(role="user", content="hello"),)
        backend.answer(
            Run(job_id="job", attempt=1, messages=turns, params=Params(), timeout_s=60), stop=threading.Event()
        )
    finally:
        backend.close()
