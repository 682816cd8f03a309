#!/usr/bin/env python3
"""Checkpoint -> artefact: tables in 8 bits, both halves of the network as ONNX, one zip file and its manifest."""

import argparse
import hashlib
import io
import json
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.tagger.corpus import LABELS, Corpus, Lexicon, describe_all
from models.tagger.network import Context, Network, Shape
from models.tagger.train import Features
from router.signals.sensitivity.tagger.words import FORMAT

HERE = Path(__file__).resolve().parent
NAME = "tidegate-tagger.zip"
FREQUENT = 12_000
LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Scores(nn.Module):
    """The second half as it is shipped: probabilities, a row a token."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def forward(self, vectors: Tensor, modes: Tensor) -> Tensor:
        """Batch x time x width in, batch x time x labels out."""
        return torch.softmax(self.context(vectors, modes), dim=1).transpose(1, 2)


def main() -> None:
    """Write the artefact and the manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--lexicon", type=Path, required=True, help="the file of vectors.py")
    parser.add_argument(
        "--thresholds", type=Path, default=HERE / "thresholds.json", help="from which score a label is told"
    )
    parser.add_argument(
        "--corpora", type=Path, nargs="+", required=True, help="files of prepare.py, for frequent tokens"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write to")
    options = parser.parse_args()
    lexicon = Lexicon(options.lexicon)
    thresholds = json.loads(options.thresholds.read_text(encoding="utf-8"))
    data = packed(load(options.checkpoint), lexicon, thresholds, frequent(options.corpora))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / NAME).write_bytes(data)
    manifest = {"file": NAME, "format": FORMAT, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(manifest))


def load(checkpoint: Path) -> Network:
    """A network as `train.py` wrote it."""
    saved = torch.load(checkpoint, weights_only=True)
    shape = Shape(**{**saved["shape"], "dilations": tuple(saved["shape"]["dilations"])})
    network = Network(shape)
    network.load_state_dict(saved["network"])
    return network.eval()


def frequent(corpora: Sequence[Path]) -> list[str]:
    """The most frequent tokens, each corpus counting as much as the others."""
    shares: Counter[str] = Counter()
    for path in corpora:
        corpus = Corpus.load(path)
        uses = np.bincount(corpus.tokens, minlength=len(corpus.vocabulary)) / len(corpus.tokens)
        shares.update(dict(zip(corpus.vocabulary, uses.tolist(), strict=True)))
    return [token for token, _ in shares.most_common(FREQUENT)]


@torch.inference_mode()
def packed(network: Network, lexicon: Lexicon, thresholds: dict[str, Any], tokens: Sequence[str]) -> bytes:
    """The bytes of the artefact; the same network gives the same bytes."""
    shape = network.shape
    token_vectors = network.words(Features(describe_all(tokens, lexicon), lexicon).of(np.arange(len(tokens))))
    about = {"labels": LABELS, **thresholds, "reach": sum(shape.dilations)}
    grams, grams_scale = _in_8_bits(network.words.grams.weight)
    members = {
        "about.json": json.dumps(about, indent=2).encode(),
        "words.txt": "\n".join(lexicon.words).encode(),
        "bits.npy": _npy(lexicon.packed_bits),
        "vectors.npy": _npy(lexicon.vectors),
        "vectors_scale.npy": _npy((lexicon.scale * lexicon.unit).astype(np.float32)),
        "flags.npy": _npy(network.words.flags.weight.detach().numpy().astype(np.float32)),
        "grams.npy": _npy(grams),
        "grams_scale.npy": _npy(grams_scale),
        "tokens.json": json.dumps(tokens).encode(),
        "token_vectors.npy": _npy(token_vectors.numpy().astype(np.float16)),
        "word.onnx": _onnx(
            network.words.mix, (torch.zeros(2, network.words.mix.first.in_features),), ["features"], [0]
        ),
        "context.onnx": _onnx(
            Scores(network.context),
            (torch.zeros(1, 9, shape.width), torch.zeros(1, 9, dtype=torch.int64)),
            ["vectors", "modes"],
            [1],
        ),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _in_8_bits(weights: Tensor) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    values = weights.detach().numpy()
    scale = (np.abs(values).max(axis=0) / 127).astype(np.float32)
    return np.round(values / scale).astype(np.int8), scale


def _npy(array: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _onnx(module: nn.Module, example: tuple[Tensor, ...], inputs: list[str], axes: list[int]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            out,
            dynamo=False,
            opset_version=17,
            input_names=inputs,
            output_names=["out"],
            dynamic_axes={name: dict.fromkeys(axes, "n") for name in [*inputs, "out"]},
        )
    return out.getvalue()


if __name__ == "__main__":
    main()
