"""Writes models of random weights: of a real model's shape and speed, with a tokenizer and template that work.

What they say is noise, and how fast they say it is what is measured. The end token's weights are zero, so that some
other token is always likelier: an answer never ends before its limit, and every system does the same work.
"""

import itertools
import os
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from numpy.typing import NDArray

VOCABULARY = 32_000
CONTEXT = 4096
HEAD_WIDTH = 64
CONTROL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
END = CONTROL.index("<|end|>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TYPES = {"q8_0": GGMLQuantizationType.Q8_0, "q4_0": GGMLQuantizationType.Q4_0}

_SEED = 11


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A network of architecture llama."""

    name: str
    width: int
    layers: int
    feed_forward: int
    kv_heads: int

    @property
    def heads(self) -> int:
        """Of queries."""
        return self.width // HEAD_WIDTH

    @property
    def matrices(self) -> dict[str, tuple[int, int]]:
        """Those of one layer: rows, columns."""
        narrow = self.kv_heads * HEAD_WIDTH
        return {
            "attn_q": (self.width, self.width),
            "attn_k": (narrow, self.width),
            "attn_v": (narrow, self.width),
            "attn_output": (self.width, self.width),
            "ffn_gate": (self.feed_forward, self.width),
            "ffn_up": (self.feed_forward, self.width),
            "ffn_down": (self.width, self.feed_forward),
        }

    @property
    def parameters(self) -> int:
        """How many weights; the output is the embedding once more."""
        layer = sum(rows * columns for rows, columns in self.matrices.values())
        return VOCABULARY * self.width + self.layers * layer


SMALL = Shape(name="random-125m", width=768, layers=12, feed_forward=2560, kv_heads=12)
LARGE = Shape(name="random-1b", width=2048, layers=16, feed_forward=8192, kv_heads=8)


def model(shape: Shape, kind: str = "q8_0", *, folder: Path | None = None) -> Path:
    """The file of a shape; made once and kept in the cache."""
    folder = folder or cache()
    path = folder / f"{shape.name}.{kind}.gguf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        write(unfinished, shape, TYPES[kind])
        unfinished.replace(path)
    return path


def endless(shipped: Path, *, folder: Path | None = None) -> Path:
    """A copy of a trained model that knows its end token no more: its answers are as long as asked."""
    path = (folder or cache()) / f"endless-{shipped.name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    # llama.cpp knows it by its number and by its spelling; a name of the same length leaves the file as it is.
    path.write_bytes(shipped.read_bytes().replace(b"<|end|>", b"<|dne|>"))
    fields = gguf.GGUFReader(path, "r+").fields
    fields["tokenizer.ggml.eos_token_id"].parts[-1][0] = fields["tokenizer.ggml.padding_token_id"].contents()
    return path


def cache() -> Path:
    """Where made models lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate" / "benchmarks"


def write(path: Path, shape: Shape, kind: GGMLQuantizationType) -> None:
    """Write the file that llama.cpp loads."""
    writer = GGUFWriter(path, "llama", use_temp_file=True)  # else a large one is held in memory whole
    writer.add_name(shape.name)
    _add_shape(writer, shape)
    _add_tokenizer(writer)
    for name, values in _tensors(shape):
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_vocab_size(VOCABULARY)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(10_000.0)


def _add_tokenizer(writer: GGUFWriter) -> None:
    merges = list(itertools.islice(_merges(), VOCABULARY - len(CONTROL) - 256))
    tokens = [*CONTROL, *_bytes(), *(left + right for left, right in merges)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * len(CONTROL) + [TokenType.NORMAL] * (len(tokens) - len(CONTROL)))
    writer.add_token_merges([f"{left} {right}" for left, right in merges])
    writer.add_bos_token_id(END)
    writer.add_eos_token_id(END)
    writer.add_pad_token_id(CONTROL.index("<|pad|>"))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def _bytes() -> list[str]:
    """The 256 bytes as byte-level tokenizers spell them: those that cannot be seen are moved up."""
    seen = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = (chr(0x100 + number) for number in range(256))
    return [chr(byte) if byte in seen else next(moved) for byte in range(256)]


def _merges() -> Iterator[tuple[str, str]]:
    """Every word of two, three and four small letters, the last until the vocabulary is full."""
    letters = string.ascii_lowercase
    pairs = ["".join(pair) for pair in itertools.product(letters, letters)]
    yield from itertools.product(letters, letters)
    yield from itertools.product(pairs, letters)
    yield from itertools.product(pairs, pairs)


def _tensors(shape: Shape) -> Iterator[tuple[str, NDArray[np.float32]]]:
    random = np.random.default_rng(_SEED)
    embedding = _matrix(random, VOCABULARY, shape.width)
    embedding[: len(CONTROL)] = 0
    yield "token_embd.weight", embedding
    yield "output_norm.weight", np.ones(shape.width, np.float32)
    for layer in range(shape.layers):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", np.ones(shape.width, np.float32)
        for name, (rows, columns) in shape.matrices.items():
            yield f"blk.{layer}.{name}.weight", _matrix(random, rows, columns)


def _matrix(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    return random.standard_normal((rows, columns), np.float32) / np.float32(columns**0.5)
