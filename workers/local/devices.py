"""The GPUs that llama.cpp sees, and whether it really put a model's layers there: it says so in its log alone."""

import ctypes
import re
from typing import Any, NamedTuple, Self

import llama_cpp
from llama_cpp import _ggml

GPU_KINDS = frozenset({1, 2})
"""ggml's `GGML_BACKEND_DEVICE_TYPE_GPU` and `_IGPU`."""

_OFFLOADED = re.compile(rb"offloaded (\d+)/(\d+) layers to GPU")


class Gpu(NamedTuple):
    """A device that computes beside the CPU."""

    name: str
    free_bytes: int
    total_bytes: int


class Offloaded(NamedTuple):
    """Layers on the GPU, of all layers."""

    layers: int
    of: int


def gpus() -> tuple[Gpu, ...]:
    """Those that this build of llama.cpp can use; none where it was built for the CPU alone."""
    if not llama_cpp.llama_supports_gpu_offload():
        return ()
    ggml = _library()
    devices = [ctypes.c_void_p(ggml.ggml_backend_dev_get(index)) for index in range(ggml.ggml_backend_dev_count())]
    return tuple(_gpu(ggml, device) for device in devices if ggml.ggml_backend_dev_type(device) in GPU_KINDS)


class LoadLog:
    """Listens to llama.cpp while it loads, and is silent: nobody asked for what it would print."""

    def __init__(self) -> None:
        self._offloaded = Offloaded(0, 0)
        self._callback = llama_cpp.llama_log_callback(self._hear)

    def __enter__(self) -> Self:
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))
        return self

    def __exit__(self, *_: object) -> None:
        llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))

    def offloaded(self, *, layers: int) -> Offloaded:
        """What was said of a model with so many layers; nothing said means that all are on the CPU."""
        return self._offloaded if self._offloaded.of else Offloaded(0, layers)

    def _hear(self, _level: int, text: bytes, _data: Any) -> None:
        if found := _OFFLOADED.search(text or b""):
            self._offloaded = Offloaded(int(found[1]), int(found[2]))


_SILENT = llama_cpp.llama_log_callback(lambda *_: None)


def _library() -> Any:
    ggml = _ggml.libggml
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_type.restype = ctypes.c_int
    ggml.ggml_backend_dev_description.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_description.restype = ctypes.c_char_p
    size = ctypes.POINTER(ctypes.c_size_t)
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    ggml.ggml_backend_dev_memory.restype = None
    return ggml


def _gpu(ggml: Any, device: ctypes.c_void_p) -> Gpu:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
    name = ggml.ggml_backend_dev_description(device) or b"GPU"
    return Gpu(name.decode("utf-8", "replace"), free.value, total.value)
