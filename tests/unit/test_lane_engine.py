"""What an operator may say of a lane's engine, and what reaches it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import InvalidDocument
from tidegate.lane import Lane
from tidegate.lanes import read_lanes
from workers.local.backend import load_of

LANES = """
lanes:
  local:
    zone: inside
    backend: llama_cpp
    model: a.gguf
    context_tokens: 4096
    concurrency: 8
    engine:
      kv_tokens: 8192
      n_gpu_layers: -1
      tensor_split: [3, 1.5]
      flash_attention: on
      kv_type: q8_0
      threads: 3
"""


def lanes(folder: Path, text: str) -> dict[str, Lane]:
    """The lanes of a file with this text."""
    path = folder / "policy.yaml"
    path.write_text(text)
    return read_lanes(path)


def test_what_the_file_says_reaches_the_engine(tmp_path: Path) -> None:
    """Each option under its own name; what is not said keeps its default."""
    lane = lanes(tmp_path, LANES)["local"]
    model = tmp_path / "a.gguf"
    model.write_bytes(b"")
    load = load_of(lane, model, context_tokens=4096)
    assert (load.cells, load.slots, load.threads, load.gpu_layers) == (8192, 8, 3, -1)
    assert (load.tensor_split, load.flash_attention, load.kv_type) == ((3, 1.5), "on", "q8_0")
    assert (load.step_tokens, load.prefixes, load.mmap) == (256, 0, True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kv_tokens: 8192", "kv_token: 8192", r"kv_token"),
        ("kv_tokens: 8192", "kv_tokens: 1", r"kv_tokens.*64"),
        ("kv_type: q8_0", "kv_type: q5_0", r"kv_type"),
        ("flash_attention: on", "flash_attention: off", r"kv_type q8_0 needs flash_attention"),
        ("n_gpu_layers: -1", "n_gpu_layers: -2", r"n_gpu_layers"),
        ("tensor_split: [3, 1.5]", "tensor_split: [-1]", r"tensor_split"),
        ("backend: llama_cpp", "backend: openai", r"only a llama_cpp backend"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    """A mistake is found when the policy is read, not when a model is loaded."""
    with pytest.raises(InvalidDocument, match=words):
        lanes(tmp_path, LANES.replace(old, new))


def test_a_lane_without_options_has_none() -> None:
    """What is not said follows from model and machine."""
    said: dict[str, Any] = {"name": "a", "zone": "inside", "backend": "llama_cpp", "model": "m", "context_tokens": 64}
    assert Lane.model_validate_json(json.dumps(said)).engine is None
