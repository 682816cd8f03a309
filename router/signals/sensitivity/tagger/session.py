"""Sessions of onnxruntime as the router needs them: one thread, no arena that grows, silent."""

from typing import Any

import onnxruntime


def session(model: bytes) -> Any:
    """A session on the calling thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
