"""Whether a model will fit: what it needs, by its metadata, against what this process may still take.

An estimate before the load: a machine that swaps, or a container whose process is killed, tells nobody why.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from workers.local import cgroup
from workers.local.failing import Failing
from workers.local.protocol import Failure, Load
from workers.models import gguf
from workers.models.gguf import Head

BYTES_PER_NUMBER: Mapping[str, float] = {"f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""What a number of the KV memory takes, scales included."""

PROCESS_BYTES = 150_000_000
"""Python with its libraries, and llama.cpp without a model."""

WORK_WIDTHS = 16
"""Activations that a step keeps for each of its tokens, in widths of the embedding; measured, rounded up."""

MEMINFO = Path("/proc/meminfo")


class Need(NamedTuple):
    """What a model takes, in bytes."""

    weights: int
    kv: int
    work: int

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.kv + self.work

    def __str__(self) -> str:
        return f"{gigabytes(self.total)} (weights {gigabytes(self.weights)}, KV {gigabytes(self.kv)})"


def needed(head: Head, load: Load, *, size_bytes: int) -> Need:
    """What the model of a lane takes. What the file does not say counts as nothing."""
    vocabulary, embedding = 0 if load.embeds else head.vocabulary or 0, head.embedding or 0
    work = load.most_tokens * 4 * (vocabulary + WORK_WIDTHS * embedding)
    return Need(weights=size_bytes, kv=int(load.cells * kv_bytes_per_token(head, load.kv_type)), work=work)


def together(lanes: Iterable[tuple[Load, Need]]) -> int:
    """What several engines take at once. Weights that are read from one file as they are needed are there once."""
    total, mapped = 0, set[str]()
    for load, need in lanes:
        shared = load.mmap and load.path in mapped
        total += need.total + PROCESS_BYTES - (need.weights if shared else 0)
        mapped |= {load.path} if load.mmap else set()
    return total


def kv_bytes_per_token(head: Head, kv_type: str) -> float:
    """What a token leaves in the memory of every layer."""
    if not (head.layers and head.embedding and head.heads):
        return 0.0
    kv_heads = head.kv_heads or (head.heads,)
    all_heads = sum(kv_heads) if len(kv_heads) == head.layers else head.layers * max(kv_heads)
    width = head.embedding / head.heads
    return all_heads * ((head.key_width or width) + (head.value_width or width)) * BYTES_PER_NUMBER[kv_type]


def available_bytes(*, meminfo: Path = MEMINFO, root: Path = cgroup.ROOT, own: Path = cgroup.OWN) -> int | None:
    """What may still be taken: of the machine, and of each memory limit above this process. None where unknown."""
    return min((*_of_machine(meminfo), *_of_groups(root, own)), default=None)


def check(load: Load, *, gpu_bytes: int | None, available: int | None) -> None:
    """Refuse a model that will not fit, with the numbers. `gpu_bytes` is what the GPUs have left, None without any."""
    path = Path(load.path)
    try:
        head, size_bytes = gguf.read(path), path.stat().st_size
    except (gguf.NotGguf, OSError):
        return  # the load itself says what is wrong
    need = needed(head, load, size_bytes=size_bytes)
    share = _on_gpu(load, head) if gpu_bytes is not None else 0.0
    if gpu_bytes is not None and (need.weights + need.kv) * share + (need.work if share else 0) > gpu_bytes:
        raise _refused(need, f"the GPU has {gigabytes(gpu_bytes)} free", "n_gpu_layers")
    here = (need.weights + need.kv) * (1 - share) + (0 if share else need.work) + PROCESS_BYTES
    beside = load.beside_bytes if gpu_bytes is None else 0  # what is on a GPU is not needed here any more
    if available is not None and here + beside > available:
        if beside:
            cause = f"{gigabytes(available)} of memory are free, which hold {gigabytes(beside)} of other lanes"
            raise _refused(need, cause, "kv_type")
        raise _refused(need, f"{gigabytes(available)} of memory are free", "kv_type")


def gigabytes(size_bytes: float) -> str:
    """As people say it."""
    return f"{size_bytes / 1e9:.2f} GB"


def _on_gpu(load: Load, head: Head) -> float:
    """Which part of the model goes to the GPU; the output counts as a layer."""
    if load.gpu_layers is None or load.gpu_layers < 0 or not head.layers:
        return 1.0
    return min(1.0, load.gpu_layers / (head.layers + 1))


def _refused(need: Need, cause: str, knob: str) -> Failing:
    remedy = f"a smaller model or quantisation, less concurrency or context_tokens, engine.kv_tokens, engine.{knob}"
    return Failing(Failure.NO_MEMORY, f"the model needs about {need}, and {cause}; what helps: {remedy}")


def _of_machine(meminfo: Path) -> Iterator[int]:
    for line in cgroup.lines(meminfo):
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            with suppress(ValueError, IndexError):
                yield int(rest.split()[0]) * 1024


def _of_groups(root: Path, own: Path) -> Iterator[int]:
    """What each limit leaves; pages of files count as free, the kernel gives them back."""
    for folder in cgroup.folders("memory", root=root, own=own):
        for limit, usage in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            with suppress(ValueError, IndexError):
                files = _statistics(folder)
                reclaimable = files.get("file", files.get("total_cache", files.get("cache", 0)))
                used = max(0, int(cgroup.words(folder / usage)[0]) - reclaimable)
                yield max(0, int(cgroup.words(folder / limit)[0]) - used)


def _statistics(folder: Path) -> dict[str, int]:
    pairs = (line.split() for line in cgroup.lines(folder / "memory.stat"))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}  # noqa: PLR2004
