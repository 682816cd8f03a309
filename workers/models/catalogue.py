"""Which models are known, and where their files lie: the shipped ones, the pulled ones, or a path of one's own.

Nothing here downloads. A model that is not there is an error that says what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from tidegate.documents import read
from tidegate.errors import ModelMissing
from tidegate.settings import Settings
from tidegate.value import Many, Name, Value
from workers.models import gguf

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*$")]

MANIFEST_SUFFIX = ".json"


class Shipped(Value):
    """A model that comes with the checkout: an entry of models/catalogue.yaml."""

    name: Name
    file: FileName
    sha256: Sha256
    size_bytes: Annotated[int, Field(gt=0)]
    context_tokens: Annotated[int, Field(gt=0)]
    licence: str
    description: str


class ShippedModels(Value):
    """models/catalogue.yaml."""

    models: Many[Shipped]


class Pulled(Value):
    """The manifest beside a pulled model: where it came from and what it must be."""

    v: Literal[1] = 1
    name: Name
    file: FileName
    repo: str
    repo_file: str
    revision: str
    sha256: Sha256
    size_bytes: Annotated[int, Field(gt=0)]
    context_tokens: int | None = None
    licence: str | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model that can be named in a lane. The file may be absent; what is not known is None."""

    name: str
    path: Path
    origin: Literal["shipped", "pulled", "path"]
    sha256: str | None = None
    size_bytes: int | None = None
    context_tokens: int | None = None
    licence: str | None = None
    source: str | None = None

    @property
    def present(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()


def known(settings: Settings) -> tuple[ModelFile, ...]:
    """Every model with a name: shipped, then pulled. Raises InvalidDocument where the catalogue is broken."""
    return (*_shipped(settings.home / "models"), *_pulled(settings.models_folder))


def find(model: str, settings: Settings) -> ModelFile:
    """The file behind a lane's model. Raises ModelMissing with what to do."""
    found = entry_of(model, settings)
    if not found.present:
        raise ModelMissing(f"model {model}: no file {found.path}{_remedy(found)}")
    head = head_of(found)
    return replace(
        found,
        context_tokens=found.context_tokens or head.context_tokens,
        licence=found.licence or head.licence,
    )


def entry_of(model: str, settings: Settings) -> ModelFile:
    """Which file that is, be it there or not; nothing of it is read. Raises ModelMissing for an unknown name."""
    return _own(model) if model.endswith(".gguf") else _named(model, settings)


def head_of(model: ModelFile) -> gguf.Head:
    """What the file says about itself. Raises ModelMissing where it is none that can be served."""
    try:
        return gguf.read(model.path)
    except gguf.NotGguf as exc:
        raise ModelMissing(f"model {model.name}: {model.path} is {exc}") from None
    except OSError as exc:
        raise ModelMissing(f"model {model.name}: {model.path} cannot be read: {exc.strerror}") from None


def manifest_of(path: Path) -> Pulled:
    """The manifest of a pulled model. Raises ModelMissing where it cannot be read."""
    try:
        return Pulled.from_json(path.read_bytes())
    except (ValidationError, OSError):
        raise ModelMissing(f"{path} is no manifest of a pulled model; delete it and pull the model again") from None


def _shipped(folder: Path) -> Iterator[ModelFile]:
    listing = folder / "catalogue.yaml"
    if not listing.is_file():
        return
    for entry in read(listing).parse(ShippedModels).models:
        yield ModelFile(
            name=entry.name,
            path=folder / entry.file,
            origin="shipped",
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            context_tokens=entry.context_tokens,
            licence=entry.licence,
            source=entry.description,
        )


def _pulled(folder: Path) -> Iterator[ModelFile]:
    for path in sorted(folder.glob(f"*.gguf{MANIFEST_SUFFIX}")):
        entry = manifest_of(path)
        yield ModelFile(
            name=entry.name,
            path=folder / entry.file,
            origin="pulled",
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            context_tokens=entry.context_tokens,
            licence=entry.licence,
            source=f"{entry.repo}@{entry.revision[:12]}",
        )


def _own(model: str) -> ModelFile:
    return ModelFile(name=model, path=Path(model).expanduser().absolute(), origin="path")


def _named(model: str, settings: Settings) -> ModelFile:
    models = known(settings)
    for entry in models:
        if entry.name == model:
            return entry
    names = ", ".join(entry.name for entry in models) or "none"
    raise ModelMissing(
        f"model {model} is not known; known: {names}. Get one with "
        f"`tidegate models pull REPO FILE --name {model}`, or give the path of a .gguf file"
    )


def _remedy(model: ModelFile) -> str:
    if model.origin == "pulled" and model.source:
        return f"; get it again with `tidegate models pull {model.source.split('@')[0]} FILE --name {model.name}`"
    if model.origin == "shipped":
        return "; it comes with the checkout: restore it with git"
    return "; a lane's model is a name of `tidegate models list`, or the path of a .gguf file"
