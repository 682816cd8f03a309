"""The network: a llama of four thin layers, laid out exactly as llama.cpp computes it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_ATTENTION = ("query", "key", "value", "output")


@dataclass(frozen=True)
class Shape:
    """The numbers that the network and the model file share."""

    vocabulary: int
    context: int = 1024
    width: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 256
    # Slow rotations let heads compare tokens over any distance within the context, which copying needs.
    rope_base: float = 1_000_000.0
    norm_epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """Width of one attention head; all of it is rotated by position."""
        return self.width // self.heads


class Llama(nn.Module):
    """Token ids in, hidden states out; `logits` turns those that matter into scores over the vocabulary."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.register_buffer("rotation", _rotation(shape), persistent=False)
        self.apply(_initialise)

    def forward(self, ids: Tensor) -> Tensor:
        """Hidden states of a batch padded on the right; attention is causal, so padding needs no mask."""
        hidden: Tensor = self.embedding(ids)
        rotation = self.get_buffer("rotation")[: ids.shape[1]]
        for layer in self.layers:
            hidden = layer(hidden, rotation)
        normed: Tensor = self.norm(hidden)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores; the output matrix is the embedding itself."""
        return functional.linear(hidden, self.embedding.weight)

    def attention(self, number: int) -> dict[str, nn.Linear]:
        """The four matrices of one layer's attention, by name."""
        parts = dict(self.layers[number].named_children())
        return {name: part for name, part in parts.items() if name in _ATTENTION and isinstance(part, nn.Linear)}


def rotation_frequencies(shape: Shape) -> Tensor:
    """By how much each pair of channels turns from one position to the next."""
    return torch.tensor(shape.rope_base) ** (-torch.arange(0, shape.head_width, 2).float() / shape.head_width)


class Layer(nn.Module):
    """Attention, then a gated feed-forward, each with a norm before and a sum after."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.query = nn.Linear(shape.width, shape.width, bias=False)
        self.key = nn.Linear(shape.width, shape.width, bias=False)
        self.value = nn.Linear(shape.width, shape.width, bias=False)
        self.output = nn.Linear(shape.width, shape.width, bias=False)
        self.feed_forward_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, hidden: Tensor, rotation: Tensor) -> Tensor:
        """One step of the residual stream."""
        hidden = hidden + self._attend(self.attention_norm(hidden), rotation)
        normed = self.feed_forward_norm(hidden)
        fed: Tensor = self.down(functional.silu(self.gate(normed)) * self.up(normed))
        return hidden + fed

    def _attend(self, hidden: Tensor, rotation: Tensor) -> Tensor:
        query, key, value = (self._by_head(part(hidden)) for part in (self.query, self.key, self.value))
        # Torch's bfloat16 attention is slow backwards on a CPU, so this step stays in float32.
        with torch.autocast("cpu", enabled=False):
            mixed = functional.scaled_dot_product_attention(
                _rotate(query.float(), rotation), _rotate(key.float(), rotation), value.float(), is_causal=True
            )
        output: Tensor = self.output(mixed.transpose(1, 2).reshape(hidden.shape))
        return output

    def _by_head(self, projected: Tensor) -> Tensor:
        batch, length, _ = projected.shape
        return projected.view(batch, length, self.heads, -1).transpose(1, 2)


def _rotation(shape: Shape) -> Tensor:
    """Cosine and sine for each position and each pair of neighbouring channels: llama.cpp's plain rotary embedding."""
    angles = torch.outer(torch.arange(shape.context).float(), rotation_frequencies(shape))
    return torch.stack((angles.cos(), angles.sin()), dim=1)


def _rotate(channels: Tensor, rotation: Tensor) -> Tensor:
    cosine, sine = rotation[:, 0], rotation[:, 1]
    even, odd = channels[..., 0::2], channels[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1).flatten(-2)


def _initialise(module: nn.Module) -> None:
    """Small weights; norms keep their ones. Embeddings are so long that no step of the optimiser turns them over."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.1 if isinstance(module, nn.Embedding) else 0.05)
    if isinstance(module, Layer):
        # Each layer begins by adding nothing: otherwise noise drowns the embeddings, and copying is learnt late.
        nn.init.zeros_(module.output.weight)
        nn.init.zeros_(module.down.weight)
