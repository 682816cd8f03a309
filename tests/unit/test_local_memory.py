"""Whether a model will fit: estimates against numbers that were counted by hand, and limits of every kind."""

from pathlib import Path

import pytest

from tidegate.settings import load as settings
from workers.local import memory
from workers.local.failing import Failing
from workers.local.protocol import Failure, Load
from workers.models import catalogue, gguf
from workers.models.gguf import Head

LLAMA_8B = Head(
    architecture="llama",
    context_tokens=8192,
    name=None,
    licence=None,
    layers=32,
    embedding=4096,
    heads=32,
    kv_heads=(8,),
    vocabulary=128_256,
)


def tiny() -> Path:
    """The shipped model."""
    return next(model for model in catalogue.known(settings()) if model.origin == "shipped").path


@pytest.mark.parametrize(("kv_type", "expected"), [("f16", 131_072), ("q8_0", 69_632), ("q4_0", 36_864)])
def test_what_a_token_takes_is_known(kv_type: str, expected: int) -> None:
    """32 layers of 8 heads with 128 numbers for key and value each: 128 kB in f16."""
    assert memory.kv_bytes_per_token(LLAMA_8B, kv_type) == expected


def test_layers_may_differ() -> None:
    """A model whose layers keep different numbers of heads, or none, takes their sum."""
    mixed = Head(
        architecture="x",
        context_tokens=None,
        name=None,
        licence=None,
        layers=3,
        embedding=64,
        heads=4,
        kv_heads=(4, 0, 2),
    )
    assert memory.kv_bytes_per_token(mixed, "f16") == 6 * 32 * 2
    unknown = Head(architecture="x", context_tokens=None, name=None, licence=None)
    assert memory.kv_bytes_per_token(unknown, "f16") == 0


def test_the_context_of_all_jobs_is_counted() -> None:
    """Sixteen jobs of 8,192 tokens each; `kv_tokens` bounds them together."""
    load = Load(path="x", context_tokens=8192, threads=1, slots=16)
    assert memory.needed(LLAMA_8B, load, size_bytes=5_000_000_000).kv == 16 * 8192 * 131_072
    bounded = load.model_copy(update={"kv_tokens": 16_384})
    assert memory.needed(LLAMA_8B, bounded, size_bytes=5_000_000_000).kv == 16_384 * 131_072


def free(folder: Path, **files: str) -> int | None:
    """What is free by these files."""
    for name, content in files.items():
        (folder / name.replace("_dot_", ".")).write_text(content)
    (folder / "own").write_text("0::/\n")
    return memory.available_bytes(meminfo=folder / "meminfo", root=folder, own=folder / "own")


def test_the_tightest_limit_counts(tmp_path: Path) -> None:
    """The machine's, then the container's, less what it uses; pages of files count as free."""
    assert free(tmp_path) is None
    assert free(tmp_path, meminfo="MemTotal: 9 kB\nMemAvailable:    5000 kB\n") == 5_120_000
    assert free(tmp_path, memory_dot_max="max", memory_dot_current="1") == 5_120_000
    assert free(tmp_path, memory_dot_max="4000000", memory_dot_current="3000000") == 1_000_000
    assert free(tmp_path, memory_dot_stat="anon 1000000\nfile 2000000\n") == 3_000_000
    assert free(tmp_path, memory_dot_current="9000000") == 0


def test_nonsense_is_no_limit(tmp_path: Path) -> None:
    """Whatever the files hold, there is an answer."""
    assert free(tmp_path, meminfo="MemAvailable: much", memory_dot_max="lots", memory_dot_current="x") is None


def test_a_model_that_will_not_fit_is_refused_with_the_numbers() -> None:
    """Before anything is loaded: what it needs, what is there, and what helps."""
    load = Load(path=str(tiny()), context_tokens=1024, threads=1, slots=512)
    memory.check(load, gpu_bytes=None, available=10**10)
    memory.check(load, gpu_bytes=None, available=None)
    with pytest.raises(Failing, match=r"needs about .* KV .*0\.10 GB of memory are free.*kv_tokens") as caught:
        memory.check(load, gpu_bytes=None, available=10**8)
    assert caught.value.failure is Failure.NO_MEMORY


def test_what_lies_on_the_gpu_is_counted_there() -> None:
    """All of it, or the share of its layers."""
    load = Load(path=str(tiny()), context_tokens=1024, threads=1)
    memory.check(load, gpu_bytes=10**9, available=2 * 10**8)
    with pytest.raises(Failing, match=r"the GPU has 0\.00 GB free"):
        memory.check(load, gpu_bytes=1000, available=10**10)
    memory.check(load.model_copy(update={"gpu_layers": 0}), gpu_bytes=1000, available=10**10)


def test_what_is_no_model_is_left_to_the_load(tmp_path: Path) -> None:
    """Which says what is wrong with it."""
    memory.check(Load(path=str(tmp_path / "no.gguf"), context_tokens=64, threads=1), gpu_bytes=None, available=0)


def test_the_shipped_model_says_what_it_takes() -> None:
    """Its head has all that the estimate needs."""
    assert memory.kv_bytes_per_token(gguf.read(tiny()), "f16") > 0


def test_an_engine_for_vectors_keeps_one_step_and_no_words() -> None:
    """A text is computed in one step, so the step grows with the context; there are no logits."""
    load = Load(path="m", context_tokens=2048, threads=1, slots=8, embeds=True)
    assert load.cells == load.most_tokens == 2048
    assert memory.needed(LLAMA_8B, load, size_bytes=0).work == 2048 * 4 * memory.WORK_WIDTHS * 4096


def test_weights_of_one_file_are_there_once() -> None:
    """Two lanes of one model share what is mapped, and keep a memory each; copies are no sharing."""
    need = memory.Need(weights=1000, kv=10, work=1)
    load = Load(path="m", context_tokens=64, threads=1)
    alone = memory.together([(load, need)])
    assert alone == 1011 + memory.PROCESS_BYTES
    assert memory.together([(load, need)] * 2) == 2 * alone - 1000
    copied = load.model_copy(update={"mmap": False})
    assert memory.together([(copied, need)] * 2) == 2 * alone


def test_other_lanes_of_the_worker_count() -> None:
    """Their weights are pages of files: the kernel calls them free, and they are read for every token."""
    load = Load(path=str(tiny()), context_tokens=64, threads=1)
    free = 10**9
    memory.check(load, gpu_bytes=None, available=free)
    with pytest.raises(Failing, match=r"1.00 GB of memory are free, which hold 0.90 GB of other lanes") as refused:
        memory.check(load.model_copy(update={"beside_bytes": 9 * 10**8}), gpu_bytes=None, available=free)
    assert refused.value.failure is Failure.NO_MEMORY
