"""The artefact: one zip file with the tables and both halves of the network, and the check that it is the right one.

Nothing in it is a pickle. Beside it lies a manifest with its size and checksum; a file that differs is not read.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.signals.sensitivity.tagger.words import FORMAT
from tidegate.errors import InvalidSettings

HOME = Path(__file__).resolve().parents[4] / "models" / "tagger"
MANIFEST = "manifest.json"
MEND = "Bring models/tagger back as the repository has it (git checkout models/tagger)."


@dataclass(frozen=True)
class Artefact:
    """What the file holds."""

    labels: tuple[str, ...]
    at_least: dict[str, float]
    """From which probability a span of a label is told."""
    alone: dict[str, float]
    """The same for a span of one word, where it differs: a first name by itself is as often a word."""
    reach: int
    """How many tokens to either side a token's scores depend on."""
    words: list[str]
    bits: NDArray[np.uint8]
    vectors: NDArray[np.float32]
    """The meaning of the first words; the others have none."""
    flags: NDArray[np.float32]
    grams: NDArray[np.int8]
    grams_scale: NDArray[np.float32]
    tokens: list[str]
    """Frequent tokens, whose vectors are known beforehand."""
    token_vectors: NDArray[np.float32]
    word_network: bytes
    context_network: bytes


def read(folder: Path = HOME) -> Artefact:
    """Read and check. Raises InvalidSettings that says what is wrong and what to do."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        data = (folder / manifest["file"]).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InvalidSettings(f"the tagger in {folder} cannot be read ({type(exc).__name__}). {MEND}") from None
    if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
        raise InvalidSettings(f"{folder / manifest['file']} is not the file that its manifest describes. {MEND}")
    if manifest.get("format") != FORMAT:
        raise InvalidSettings(
            f"{folder / manifest['file']} has format {manifest.get('format')}, this version reads {FORMAT}. {MEND}"
        )
    try:
        return _unpacked(data)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as exc:
        raise InvalidSettings(f"{folder / manifest['file']} is damaged ({type(exc).__name__}). {MEND}") from None


def _unpacked(data: bytes) -> Artefact:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        about = json.loads(archive.read("about.json"))

        def array(name: str) -> NDArray[Any]:
            found: NDArray[Any] = np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
            return found

        return Artefact(
            labels=tuple(about["labels"]),
            at_least={label: float(score) for label, score in about["at_least"].items()},
            alone={label: float(score) for label, score in about["alone"].items()},
            reach=int(about["reach"]),
            words=archive.read("words.txt").decode().split("\n"),
            bits=array("bits"),
            vectors=array("vectors").astype(np.float32) * array("vectors_scale"),
            flags=array("flags"),
            grams=array("grams"),
            grams_scale=array("grams_scale"),
            tokens=json.loads(archive.read("tokens.json")),
            token_vectors=array("token_vectors").astype(np.float32),
            word_network=archive.read("word.onnx"),
            context_network=archive.read("context.onnx"),
        )
