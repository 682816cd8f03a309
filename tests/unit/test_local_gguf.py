"""The head of GGUF files: what is read, and what damaged files do."""

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.models import gguf
from workers.models.gguf import NotGguf


def text(value: str) -> bytes:
    """A string as GGUF writes it."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key: str, kind: int, value: bytes) -> bytes:
    """One line of metadata."""
    return text(key) + struct.pack("<I", kind) + value


def model(*entries: bytes, version: int = 3) -> bytes:
    """A whole head with these entries."""
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(entries)) + b"".join(entries)


ARCHITECTURE = entry("general.architecture", 8, text("llama"))
CONTEXT = entry("llama.context_length", 4, struct.pack("<I", 2048))
WORDS = entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc"))
SCORES = entry("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 3) + struct.pack("<3f", 1, 2, 3))
EPSILON = entry("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", float("nan")))
LICENCE = entry("general.license", 8, text("mit"))
WHOLE = model(ARCHITECTURE, WORDS, SCORES, EPSILON, CONTEXT, LICENCE)


def head(folder: Path, data: bytes) -> gguf.Head:
    """What a file with these bytes says about itself."""
    path = folder / "some.gguf"
    path.write_bytes(data)
    return gguf.read(path)


def test_a_whole_head_is_read(tmp_path: Path) -> None:
    """Values behind lists are found; of long lists and of lists of words only the length is taken."""
    expected = gguf.Head(architecture="llama", context_tokens=2048, name=None, licence="mit", vocabulary=2)
    assert head(tmp_path, WHOLE) == expected


def test_the_shape_of_a_model_is_read(tmp_path: Path) -> None:
    """What its memory follows from; a value that differs from layer to layer stands for each."""
    numbers = {"block_count": 3, "embedding_length": 64, "attention.head_count": 8, "attention.key_length": 16}
    entries = [entry(f"llama.{key}", 4, struct.pack("<I", value)) for key, value in numbers.items()]
    per_layer = entry("llama.attention.head_count_kv", 9, struct.pack("<IQ3I", 4, 3, 4, 0, 2))
    found = head(tmp_path, model(ARCHITECTURE, *entries, per_layer))
    assert (found.layers, found.embedding, found.heads, found.kv_heads) == (3, 64, 8, (4, 0, 2))
    assert (found.key_width, found.value_width, found.vocabulary) == (16, None, None)


@pytest.mark.parametrize("value", [0, 2**63])
def test_a_number_that_cannot_be_is_not_known(tmp_path: Path, value: int) -> None:
    """No estimate is made from damage."""
    found = head(tmp_path, model(ARCHITECTURE, entry("llama.block_count", 10, struct.pack("<Q", value))))
    assert found.layers is None


def test_a_model_that_names_no_context_has_none(tmp_path: Path) -> None:
    """What the file does not say is not guessed."""
    assert head(tmp_path, model(ARCHITECTURE)).context_tokens is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a GGUF file"),
        (b"PK\x03\x04 a zip", "not a GGUF file"),
        (model(ARCHITECTURE, version=1), "version 1"),
        (model(CONTEXT), "names no architecture"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "entries"),
        (model(struct.pack("<Q", 2**62)), "impossible length"),
        (model(entry("x", 99, b"")), "unknown type"),
        (model(entry("x", 9, struct.pack("<IQ", 10, 2**61))), "cut"),
        (model(entry("x", 9, struct.pack("<IQ", 8, 2**61))), "cut"),
    ],
)
def test_a_damaged_file_is_told_as_such(tmp_path: Path, data: bytes, words: str) -> None:
    """Each kind of damage has words of its own, and no length in a file is believed."""
    with pytest.raises(NotGguf, match=words):
        head(tmp_path, data)


@given(st.integers(0, len(WHOLE) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_a_file_cut_anywhere_is_never_read_as_whole(tmp_path: Path, length: int) -> None:
    """Every proper beginning of a head is refused."""
    with pytest.raises(NotGguf):
        head(tmp_path, WHOLE[:length])


@given(st.binary(max_size=200), st.integers(0, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path: Path, noise: bytes, kept: int) -> None:
    """Whatever a file holds, the answer is a head or NotGguf, and nothing else."""
    result: Any = None
    try:
        result = head(tmp_path, WHOLE[:kept] + noise)
    except NotGguf:
        return
    assert isinstance(result, gguf.Head)
