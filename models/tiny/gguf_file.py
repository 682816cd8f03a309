"""Writes and reads the network as a GGUF file of architecture llama, matrices as q8_0 and norms as f32."""

from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from tokenizers import Tokenizer

from models.tiny.network import Llama, Shape
from models.tiny.recipe.chat import CONTROL_TOKENS, END, PAD, TEMPLATE
from models.tiny.tokenizer import Merge, assembled, token_id

# network parameter -> GGUF tensor; the output matrix is left out, which means that it is the embedding.
_WHOLE = {"embedding.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}
_PER_LAYER = {
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "output": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}


def write(path: Path, *, network: Llama, tokenizer: Tokenizer, merges: list[Merge], name: str) -> None:
    """Write the file that llama.cpp loads."""
    writer = GGUFWriter(path, "llama")
    _describe(writer, name=name)
    _add_shape(writer, network.shape)
    _add_tokenizer(writer, tokenizer, merges)
    _add_tensors(writer, network)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_into(network: Llama, path: Path) -> None:
    """Give the network the weights of an earlier file, as they are after quantisation, to train on from there."""
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    weights = {}
    for parameter in network.state_dict():
        tensor = tensors[_tensor_name(parameter)]
        weights[parameter] = torch.tensor(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
    network.load_state_dict(weights)


def read_tokenizer(path: Path) -> tuple[Tokenizer, list[Merge]]:
    """The tokenizer of an earlier file: going on with another one would scramble what each embedding means."""
    fields = gguf.GGUFReader(path).fields
    tokens, merges = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges"))
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
    return assembled(tokens, pairs), pairs


def _describe(writer: GGUFWriter, *, name: str) -> None:
    writer.add_name(name)
    writer.add_author("The tidegate authors")
    writer.add_license("Apache-2.0")
    writer.add_description(
        "A toy for tests and demos: simple jobs from templates, garbage outside them. Temperature 0."
    )
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_shape(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)


def _add_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer, merges: list[Merge]) -> None:
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in CONTROL_TOKENS else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in merges])
    # No text ever begins with a token of its own; llama.cpp wants one to be named all the same.
    writer.add_bos_token_id(token_id(tokenizer, END))
    writer.add_eos_token_id(token_id(tokenizer, END))
    writer.add_pad_token_id(token_id(tokenizer, PAD))
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def _add_tensors(writer: GGUFWriter, network: Llama) -> None:
    for parameter, tensor in network.state_dict().items():
        values = tensor.detach().numpy().astype(np.float32)
        if values.ndim == 1:
            writer.add_tensor(_tensor_name(parameter), values)
            continue
        packed = gguf.quants.quantize(values, GGMLQuantizationType.Q8_0)
        writer.add_tensor(_tensor_name(parameter), packed, raw_dtype=GGMLQuantizationType.Q8_0)


def _tensor_name(parameter: str) -> str:
    if parameter in _WHOLE:
        return _WHOLE[parameter]
    _, layer, part, kind = parameter.split(".")
    return f"blk.{layer}.{_PER_LAYER[part]}.{kind}"
