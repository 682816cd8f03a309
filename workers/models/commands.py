"""Commands over models: list, show, pull, verify."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.console import AsJson, emit, err, out, table
from tidegate.errors import ModelMissing
from tidegate.settings import Settings, load
from workers.local.memory import kv_bytes_per_token
from workers.models import catalogue, checksum
from workers.models.catalogue import ModelFile
from workers.models.gguf import Head

app = typer.Typer(help="Models of the local lanes: which are here, get one, check them.", no_args_is_help=True)

COLUMNS = ("name", "file", "size", "context", "licence", "origin", "present")


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="models", rich_help_panel="Operators")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the models that a lane can name: those that are shipped, and those that were pulled."""
    settings = load()
    models = catalogue.known(settings)
    if as_json:
        for model in models:
            emit(_as_json(model))
        return
    out.print(table(COLUMNS, (_row(model) for model in models)))
    err.print(f"[dim]pulled models lie in {settings.models_folder}[/dim]")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A model's name, or the path of a .gguf file.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show what a model's file says about itself."""
    model = catalogue.find(name, load())
    facts = _facts(model, catalogue.head_of(model))
    if as_json:
        emit(facts)
    else:
        out.print(table(("", model.name), {**facts, "file": str(_short(model.path))}.items()))


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="A model's name; all where none is given.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Count each file's SHA-256 again and compare; exit code 1 where one differs or is absent."""
    verdicts = [(model, _verdict(model)) for model in _meant(name, load())]
    if as_json:
        for model, verdict in verdicts:
            emit({"name": model.name, "file": str(model.path), "verdict": verdict})
    else:
        out.print(table(("name", "file", "verdict"), ((x.name, _short(x.path), verdict) for x, verdict in verdicts)))
    if any(verdict != "ok" for _, verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def pull(
    repo: Annotated[str, typer.Argument(help="The repository on the hub: OWNER/NAME.")],
    file: Annotated[str, typer.Argument(help="The .gguf file in it.")],
    *,
    name: Annotated[str | None, typer.Option(help="What lanes call it; the file's name without .gguf.")] = None,
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit.")] = None,
    sha256: Annotated[str | None, typer.Option(help="What its checksum must be.")] = None,
    as_json: AsJson = False,
) -> None:
    """Get a model from the Hugging Face Hub (HF_ENDPOINT, HF_TOKEN); goes on where an earlier pull stopped."""
    from workers.models import hub  # noqa: PLC0415 - an extra, and slow to import

    settings = load()
    wanted = hub.Wanted(repo=repo, file=file, name=name, revision=revision, sha256=sha256)
    pulled = hub.pull(wanted, settings)
    if as_json:
        emit(pulled.model_dump(mode="json"))
        return
    path = settings.models_folder / pulled.file
    typer.echo(f"{pulled.name}: {path}, {_size(pulled.size_bytes)}, sha256 {pulled.sha256}")


def _facts(model: ModelFile, head: Head) -> dict[str, Any]:
    """By name, as people and programs read them."""
    kv = kv_bytes_per_token(head, "f16")
    return {
        "file": str(model.path),
        "size": _size(model.path.stat().st_size),
        "architecture": head.architecture,
        "quantisation": head.quantisation,
        "context_tokens": head.context_tokens,
        "layers": head.layers,
        "embedding_width": head.embedding,
        "vocabulary": head.vocabulary,
        "chat_template": ("with tools" if head.template_tools else "yes") if head.template else "no",
        "pooling": None if head.pooling is None else POOLINGS.get(head.pooling, str(head.pooling)),
        "kv_bytes_per_token": round(kv) or None,
        "licence": model.licence,
    }


POOLINGS: Mapping[int, str] = {0: "none", 1: "mean", 2: "cls", 3: "last", 4: "rank"}
"""How an embedding model makes one vector of its tokens."""


def _meant(name: str | None, settings: Settings) -> Iterable[ModelFile]:
    models = catalogue.known(settings)
    if name is None:
        return models
    if chosen := [model for model in models if model.name == name]:
        return chosen
    raise ModelMissing(f"model {name} is not known; known: {', '.join(x.name for x in models) or 'none'}")


def _verdict(model: ModelFile) -> str:
    if not model.present:
        return "absent"
    return "ok" if checksum.sha256(model.path) == model.sha256 else "differs from its checksum"


def _row(model: ModelFile) -> tuple[Any, ...]:
    return (
        model.name,
        _short(model.path),
        _size(model.size_bytes),
        model.context_tokens,
        model.licence,
        model.origin,
        "yes" if model.present else "no",
    )


def _as_json(model: ModelFile) -> dict[str, Any]:
    return {**vars(model), "path": str(model.path), "present": model.present}


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _size(size_bytes: int | None) -> str | None:
    if size_bytes is None:
        return None
    size, units = float(size_bytes), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while size >= 1000 and (larger := next(units, None)):  # noqa: PLR2004 - SI units
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if size >= 100 else f"{size:.3g} {unit}"  # noqa: PLR2004 - three digits either way
