"""What the doctor checks of the workers' side: the engine, the lanes' models and if they fit, providers' keys."""

import importlib.util
from collections.abc import Iterator

import psutil

from tidegate.cli import doctor
from tidegate.cli.doctor import Finding
from tidegate.errors import ModelMissing
from tidegate.lane import Lane
from tidegate.lanes import read_lanes
from tidegate.providerkeys import desk
from tidegate.settings import Settings
from workers.local import memory
from workers.local.backend import context_of, embeds, load_of
from workers.local.memory import Need, gigabytes
from workers.local.protocol import Load
from workers.models.catalogue import ModelFile, find, head_of
from workers.models.gguf import Head

ENGINE = "workers.local.engine"


def add() -> None:
    """Hand the checks to the doctor."""
    doctor.CHECKS += [_engine, _models, _provider_keys]


def _engine(_settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("llama_cpp") is None:
        yield Finding("llama.cpp", ok=None, detail="not installed here: needed only by local workers")
        return
    yield Finding("llama.cpp", ok=True, detail="with GPU offload" if _offloads() else "CPU only")


def _models(settings: Settings) -> Iterator[Finding]:
    """Each local lane's model, and all of them together: one worker of the zone loads them all."""
    fits: list[tuple[Load, Need]] = []
    for lane in read_lanes(settings.policy_file).values():
        if lane.backend != "llama_cpp":
            continue
        try:
            model = find(lane.model, settings)
            head = head_of(model)
        except ModelMissing as exc:
            yield Finding(f"model of {lane.name}", ok=False, detail=str(exc))
            continue
        load = load_of(lane, model.path, context_tokens=context_of(lane, model))
        need = memory.needed(head, load, size_bytes=model.path.stat().st_size)
        fits.append((load, need))
        yield Finding(f"model of {lane.name}", ok=_suits(lane, head), detail=_detail(lane, model, head, need))
    if fits:
        yield _together(fits)


def _provider_keys(settings: Settings) -> Iterator[Finding]:
    """A key that is missing may lie where the outside worker runs, and not here; one that is here must be good."""
    for key in desk.every(settings, read_lanes(settings.policy_file)):
        if not key.used:
            continue
        detail = (
            f"{key.fingerprint or 'none'} of {key.environment}, {key.place}; for {', '.join(key.lanes) or 'no lane'}"
        )
        ok = None if not key.there else key.problem is None
        yield Finding(f"key {key.name}", ok=ok, detail=f"{key.problem}: {detail}" if key.problem else detail)


def _suits(lane: Lane, head: Head) -> bool:
    return embeds(lane) or head.template


def _detail(lane: Lane, model: ModelFile, head: Head, need: Need) -> str:
    facts = [head.architecture, head.quantisation or "", f"context {context_of(lane, model):,}"]
    if not embeds(lane):
        facts.append(("template with tools" if head.template_tools else "template") if head.template else _NO_TEMPLATE)
    return f"{model.name} ({model.origin}): {', '.join(filter(None, facts))}; needs about {need}; {model.path}"


_NO_TEMPLATE = "no chat template: take an instruction-tuned model, or a lane for embeddings"


def _together(fits: list[tuple[Load, Need]]) -> Finding:
    """Against what is free, and what engines that run here already hold of it."""
    needed, free = memory.together(fits), memory.available_bytes()
    if free is None:
        return Finding(
            "memory of the lanes", ok=None, detail=f"{gigabytes(needed)} needed; what is free is not known here"
        )
    held = _held_by_engines()
    detail = f"{gigabytes(needed)} needed by all of one worker's local lanes, {gigabytes(free + held)} free"
    if held:
        detail += f" ({gigabytes(held)} of it held by engines that run)"
    if _offloads() and any(load.gpu_layers != 0 for load, _ in fits):
        return Finding("memory of the lanes", ok=None, detail=f"{detail}; what goes to a GPU is checked when it loads")
    if needed > free + held:
        return Finding("memory of the lanes", ok=False, detail=f"{detail}; what helps: {_REMEDIES}")
    return Finding("memory of the lanes", ok=True, detail=detail)


_REMEDIES = (
    "a smaller model, less concurrency or context_tokens, engine.kv_tokens, other workers for some lanes (--lane)"
)


def _held_by_engines() -> int:
    found = 0
    for process in psutil.process_iter(("cmdline", "memory_info")):
        if ENGINE in (process.info["cmdline"] or ()) and process.info["memory_info"]:
            found += process.info["memory_info"].rss - getattr(process.info["memory_info"], "shared", 0)
    return found


def _offloads() -> bool:
    if importlib.util.find_spec("llama_cpp") is None:
        return False
    import llama_cpp  # noqa: PLC0415 - heavy, and an extra

    return bool(llama_cpp.llama_supports_gpu_offload())
