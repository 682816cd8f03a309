"""`tidegate bench local`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.console import AsJson, emit, err, out, table
from tidegate.errors import ModelMissing
from tidegate.settings import load
from workers.models import catalogue

app = typer.Typer(help="Measure what runs here.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Measure what runs here."""


def mount(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="bench", rich_help_panel="Operators")


@app.command()
def local(
    *,
    model: Annotated[str, typer.Option(help="A name of `tidegate models list`, or the path of a .gguf file.")],
    jobs: Annotated[
        list[int] | None, typer.Option(min=1, max=128, help="Only so many at a time; several times.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=4, max=4096, help="How long each answer is.")] = 64,
    prompt: Annotated[int, typer.Option(min=1, max=4096, help="How long each prompt is.")] = 32,
    limit_s: Annotated[float, typer.Option(min=0.1, help="Seconds for each single measurement at most.")] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Measure a local model at 1 to 64 jobs against calls in sequence, and say how to set its lane."""
    from workers.bench import local as bench  # noqa: PLC0415 - llama.cpp takes its time to import
    from workers.local.failing import Failing  # noqa: PLC0415

    path = catalogue.find(model, load()).path
    levels = tuple(sorted(set(jobs or bench.LEVELS)))
    plan = bench.Plan(levels=levels, answer_tokens=tokens, prompt_tokens=prompt, limit_s=limit_s)
    try:
        found = bench.measure(path, plan, tell=lambda what: err.print(f"[dim]measuring: {what}[/dim]"))
    except Failing as exc:
        raise ModelMissing(f"{model}: {exc}") from None
    if as_json:
        emit({"model": model, **found})
    else:
        _show(path, found)


def _show(path: Path, found: dict[str, Any]) -> None:
    out.print(f"{path.name}: {found['sequential_tokens_per_s']:.0f} tokens/s in sequence")
    rows = [(x["jobs"], f"{x['tokens_per_s']:.0f}", f"{x['ratio_to_sequential']:.2f}") for x in found["levels"]]
    out.print(table(("jobs at a time", "tokens/s", "times sequential"), rows))
    for name, column in (("reading", "tokens a step"), ("threads", "threads")):
        out.print(table((column, "tokens/s"), ((x["setting"], f"{x['tokens_per_s']:.0f}") for x in found[name])))
    best = found["recommended"]
    out.print(f"concurrency: {best['concurrency']}")
    out.print(f"engine: {{step_tokens: {best['step_tokens']}, threads: {best['threads']}}}")
