"""What llama.cpp says of GPUs, and what is made of it."""

import pytest

from workers.local import native
from workers.local.devices import LoadLog, Offloaded
from workers.local.failing import Failing
from workers.local.protocol import Load


def load(layers: int | None) -> Load:
    """A model with so many layers asked for on the GPU."""
    return Load(path="x", context_tokens=64, threads=1, gpu_layers=layers)


def test_the_log_says_what_was_offloaded() -> None:
    """The one place where llama.cpp tells; nothing said is nothing offloaded."""
    log = LoadLog()
    assert log.offloaded(layers=5) == Offloaded(0, 5)
    log._hear(2, b"load_tensors: offloaded 4/33 layers to GPU\n", None)
    log._hear(2, b"load_tensors: something else\n", None)
    assert log.offloaded(layers=5) == Offloaded(4, 33)


@pytest.mark.parametrize(
    ("asked", "got"), [(None, (0, 33)), (0, (0, 33)), (-1, (33, 33)), (4, (4, 33)), (99, (33, 33))]
)
def test_what_was_asked_and_got_is_served(asked: int | None, got: tuple[int, int]) -> None:
    """And so is a lane that asked for nothing, wherever it computes."""
    native.check_gpu(load(asked), Offloaded(*got))


@pytest.mark.parametrize(("asked", "got"), [(-1, (0, 33)), (-1, (32, 33)), (4, (0, 33)), (99, (4, 33))])
def test_a_gpu_that_is_not_used_is_told(asked: int, got: tuple[int, int]) -> None:
    """A lane that asked for a GPU must not crawl on the CPU in silence."""
    with pytest.raises(Failing, match=rf"{got[0]} of 33 layers are on a GPU: build"):
        native.check_gpu(load(asked), Offloaded(*got))
