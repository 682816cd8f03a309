"""Starts the network as a copier, so that minutes of training are not spent on finding out how to copy.

A transformer copies with two kinds of heads: one notes at each position which token stood before, the other looks for
an earlier position whose note is the present token, and repeats what stands there. Training finds both, but late. Here
they are written into the first two layers by hand. An untrained network then already repeats about four tokens in ten,
and training bends the heads into what the jobs need.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.tiny.network import Llama, Shape, rotation_frequencies

# Channel 0 begins the same for every token: the constant from which a head makes a query that knows only positions. It
# is as long as the rest of an embedding, so that neither drowns the other, and it adds the same to every token's score.
_CONSTANT = 0.4
_CONSTANT_NORMED = 3.8
# How far the score of the position before lies above its neighbours'.
_LOOK_BACK_SCORE = 7.0
_LOOK_BACK_HEADS = 1
_REPEATING_HEADS = 2
# How sharply a repeating head tells its match from other tokens.
_MATCH_SHARPNESS = 3.0
_NOTE_SCALE = 0.15
_REPEAT_SCALE = 0.5
# Slower rotations than this hardly move within a prompt: only there can content be compared over any distance.
_SLOW_BELOW = 0.01
_FAST_ABOVE = 0.05


@dataclass(frozen=True)
class _Bases:
    """Orthogonal directions: `token` reads what a token is, `note` is where the token before is written."""

    token: Tensor
    note: Tensor


@torch.no_grad()
def begin_as_copier(network: Llama) -> None:
    """Overwrite the first two layers' attention."""
    shape = network.shape
    bases = _Bases(token=_directions(shape.width), note=_directions(shape.width))
    network.embedding.weight[:, 0] = _CONSTANT
    for head in range(_LOOK_BACK_HEADS):
        _look_back(network.attention(0), head, shape, bases)
    for head in range(_REPEATING_HEADS):
        _repeat(network.attention(1), head, shape, bases)


def _look_back(attention: dict[str, nn.Linear], head: int, shape: Shape, bases: _Bases) -> None:
    """Attend to the position before, whatever stands there, and write its token as a note."""
    rows = _rows(head, shape)
    frequencies = rotation_frequencies(shape)
    weight = (frequencies > _FAST_ABOVE).float()
    weight[0] = 2.0
    gap = (weight * (1 - frequencies.cos())).sum()
    weight = (weight * _LOOK_BACK_SCORE * shape.head_width**0.5 / (_CONSTANT_NORMED**2 * gap)).sqrt()
    query, key = torch.zeros(shape.head_width, shape.width), torch.zeros(shape.head_width, shape.width)
    query[0::2, 0], query[1::2, 0] = weight * frequencies.cos(), -weight * frequencies.sin()
    key[0::2, 0] = weight
    attention["query"].weight[rows], attention["key"].weight[rows] = query, key
    attention["value"].weight[rows] = bases.token[rows]
    attention["output"].weight[:, rows] = _NOTE_SCALE * bases.note[rows].T


def _repeat(attention: dict[str, nn.Linear], head: int, shape: Shape, bases: _Bases) -> None:
    """Attend to the positions whose note is the present token, and say what stands there."""
    rows = _rows(head, shape)
    slow = (rotation_frequencies(shape) < _SLOW_BELOW).repeat_interleave(2).nonzero().flatten()
    noted = _LOOK_BACK_HEADS * shape.head_width
    compared = [(head * len(slow) + offset) % noted for offset in range(len(slow))]
    query, key = torch.zeros(shape.head_width, shape.width), torch.zeros(shape.head_width, shape.width)
    query[slow], key[slow] = _MATCH_SHARPNESS * bases.token[compared], _MATCH_SHARPNESS * bases.note[compared]
    attention["query"].weight[rows], attention["key"].weight[rows] = query, key
    attention["value"].weight[rows] = bases.token[rows]
    attention["output"].weight[:, rows] = _REPEAT_SCALE * bases.token[rows].T


def _rows(head: int, shape: Shape) -> slice:
    return slice(head * shape.head_width, (head + 1) * shape.head_width)


def _directions(width: int) -> Tensor:
    """Random orthogonal rows that do not see the constant channel."""
    directions, _ = torch.linalg.qr(torch.randn(width, width))
    return torch.cat((torch.zeros(width, 1), directions[:, 1:]), dim=1)
