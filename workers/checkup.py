"""What the doctor checks of the workers' side: the engine that is built here, and the models that the lanes name."""

import importlib.util
from collections.abc import Iterator

from tidegate.cli import doctor
from tidegate.cli.doctor import Finding
from tidegate.errors import ModelMissing
from tidegate.lanes import read_lanes
from tidegate.settings import Settings
from workers.models.catalogue import find


def add() -> None:
    """Hand the checks to the doctor."""
    doctor.CHECKS += [_engine, _models]


def _engine(_settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("llama_cpp") is None:
        yield Finding("llama.cpp", ok=None, detail="not installed here: needed only by local workers")
        return
    import llama_cpp  # noqa: PLC0415 - heavy, and an extra

    yield Finding(
        "llama.cpp", ok=True, detail="with GPU offload" if llama_cpp.llama_supports_gpu_offload() else "CPU only"
    )


def _models(settings: Settings) -> Iterator[Finding]:
    for lane in read_lanes(settings.policy_file).values():
        if lane.backend != "llama_cpp":
            continue
        try:
            model = find(lane.model, settings)
        except ModelMissing as exc:
            yield Finding(f"model of {lane.name}", ok=False, detail=str(exc))
        else:
            yield Finding(f"model of {lane.name}", ok=True, detail=f"{model.name} ({model.origin}): {model.path}")
