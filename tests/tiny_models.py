"""Models of random numbers, written in milliseconds: to be loaded and computed with, not to be read."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, PoolingType, TokenType

WIDTH, INNER, HEADS, LAYERS, CONTEXT = 32, 64, 4, 2, 64
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def bert(path: Path, *, pooling: PoolingType = PoolingType.CLS, seed: int = 1) -> Path:
    """An encoder with a vocabulary of single letters: a word has as many tokens as characters."""
    writer, dice = GGUFWriter(path, "bert"), np.random.default_rng(seed)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    tokens = [*MARKS, *(f"▁{letter}" for letter in LETTERS), *LETTERS]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in MARKS else TokenType.NORMAL for token in tokens])
    writer.add_token_type_count(2)
    for number, add in enumerate(
        (writer.add_pad_token_id, writer.add_unk_token_id, writer.add_bos_token_id, writer.add_sep_token_id)
    ):
        add(number)
    writer.add_eos_token_id(3)
    writer.add_mask_token_id(4)

    def matrix(name: str, *shape: int) -> None:
        writer.add_tensor(name, dice.normal(0, 0.3, shape).astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))

    matrix("token_embd.weight", len(tokens), WIDTH)
    matrix("position_embd.weight", CONTEXT, WIDTH)
    matrix("token_types.weight", 2, WIDTH)
    norm("token_embd_norm")
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{name}.weight", WIDTH, WIDTH)
            matrix(f"blk.{layer}.{name}.bias", WIDTH)
        matrix(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        matrix(f"blk.{layer}.ffn_up.bias", INNER)
        matrix(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
        matrix(f"blk.{layer}.ffn_down.bias", WIDTH)
        norm(f"blk.{layer}.attn_output_norm")
        norm(f"blk.{layer}.layer_output_norm")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
