"""llama.cpp's model and context, as the engine needs them: tokens in, logits out, sequences forgotten or copied.

The only file that calls llama.cpp to compute. Everything here belongs to the thread that decodes; `abort` alone may be
called from another.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from workers.local.failing import Failing
from workers.local.protocol import Failure, Load

OK, NO_ROOM, ABORTED = 0, 1, 2
"""What `llama_decode` returns; below zero is an error of the library."""


class Fed(NamedTuple):
    """Tokens of one sequence for one step; the last one's logits are wanted or not."""

    seq: int
    start: int
    """The position of the first token in its sequence."""
    tokens: Sequence[int]
    wanted: bool


class Native:
    """A loaded model with room for several sequences."""

    def __init__(self, load: Load) -> None:
        _be_quiet()
        self.model = _model(load)
        self.context = _context(self.model, load)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.vocab_size: int = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.cells: int = llama_cpp.llama_n_ctx(self.context)
        self.trained_tokens: int = llama_cpp.llama_model_n_ctx_train(self.model)
        self.step_tokens: int = llama_cpp.llama_n_batch(self.context)
        self.recurrent: bool = llama_cpp.llama_model_is_recurrent(self.model)
        """Such a model keeps a state a sequence that cannot be cut back to an earlier token."""
        self._memory = llama_cpp.llama_get_memory(self.context)
        self._batch = llama_cpp.llama_batch_init(self.step_tokens, 0, 1)
        self._abort = ctypes.create_string_buffer(2)
        _watch_flag(self.context, self._abort)

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]:
        """One step over all; llama.cpp's code, and for each that wanted logits the row where they are."""
        rows, index, batch = [], 0, self._batch
        for seq, start, tokens, wanted in fed:
            for offset, token in enumerate(tokens):
                batch.token[index] = token
                batch.pos[index] = start + offset
                batch.n_seq_id[index] = 1
                batch.seq_id[index][0] = seq
                batch.logits[index] = 0
                index += 1
            if wanted:
                batch.logits[index - 1] = 1
                rows.append(index - 1)
        batch.n_tokens = index
        return int(llama_cpp.llama_decode(self.context, batch)), rows

    def logits(self, row: int) -> NDArray[np.float32]:
        """The logits of a row of the last step; a view that the next step overwrites."""
        found = llama_cpp.llama_get_logits_ith(self.context, row)
        return np.ctypeslib.as_array(found, shape=(self.vocab_size,))

    def forget(self, seq: int, *, start: int = 0) -> None:
        """Drop a sequence from a position on."""
        llama_cpp.llama_memory_seq_rm(self._memory, seq, start, -1)

    def share(self, source: int, target: int, *, tokens: int) -> None:
        """Let a sequence begin with the first tokens of another; nothing is computed or moved."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, tokens)

    def wipe(self) -> None:
        """Overwrite the whole memory; only while no sequence is alive."""
        llama_cpp.llama_memory_clear(self._memory, True)  # noqa: FBT003 - a C function's flag

    def ends(self, token: int) -> bool:
        """Whether a token ends a generation."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    def piece(self, token: int) -> bytes:
        """The bytes of a token; control tokens have none."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, size, 0, False)  # noqa: FBT003
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def tokens(self, text: str, *, trusted: bool) -> list[int]:
        """Text -> tokens; only in a trusted text do control tokens' spellings act."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        while True:
            found = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self.vocab, data, len(data), found, room, False, trusted)  # noqa: FBT003
            if count >= 0:
                return found[:count]
            room = -count

    def abort(self) -> None:
        """Stop inside the running step; safe from another thread."""
        self._abort[0] = b"\x01"

    def resume(self) -> None:
        """Forget an earlier `abort`."""
        self._abort[0] = b"\x00"

    def close(self) -> None:
        """Free what llama.cpp holds."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)


_SILENT = llama_cpp.llama_log_callback(lambda *_: None)


def _be_quiet() -> None:
    """llama.cpp logs to the terminal what nobody asked for."""
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


def _model(load: Load) -> Any:
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = -1 if llama_cpp.llama_supports_gpu_offload() else 0
    model = llama_cpp.llama_model_load_from_file(load.path.encode(), params)
    if not model:
        cause = "truncated, damaged, too large for the memory, or of an architecture unknown to this llama.cpp"
        raise Failing(Failure.MODEL_MISSING, f"the file cannot be loaded: {cause}")
    return model


def _context(model: Any, load: Load) -> Any:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = load.cells
    params.n_batch = params.n_ubatch = min(load.step_tokens, load.cells)
    params.n_seq_max = load.slots + load.prefixes
    params.kv_unified = True  # else ids that are not consecutive halve the speed
    params.n_threads = params.n_threads_batch = load.threads
    params.no_perf = True
    context = llama_cpp.llama_init_from_model(model, params)
    if not context:
        raise Failing(Failure.MODEL_MISSING, f"no memory for a context of {load.cells:,} tokens")
    return context


def _watch_flag(context: Any, flag: ctypes.Array[ctypes.c_char]) -> None:
    """Let llama.cpp look at the flag before each operation of a step.

    The C library's `strlen` is the callback: of a flag of one byte and a zero it returns 1 or 0. A callback in Python
    would take the interpreter's lock hundreds of times per token, which costs a small model a third of its speed.
    """
    strlen = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)
    llama_cpp.llama_set_abort_callback(context, strlen, ctypes.cast(flag, ctypes.c_void_p))
