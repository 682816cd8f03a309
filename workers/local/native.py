"""llama.cpp's model and context, as the engine needs them: tokens in, logits out, sequences forgotten or copied.

The only file that calls llama.cpp to compute. Everything here belongs to the thread that decodes; `abort` alone may be
called from another.
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from workers.local import memory
from workers.local.devices import Gpu, LoadLog, Offloaded, gpus
from workers.local.failing import Failing
from workers.local.protocol import Failure, Load
from workers.local.scores import Score, Scores
from workers.local.stepbatch import Fed, StepBatch

OK, NO_ROOM, ABORTED = 0, 1, 2
"""What `llama_decode` returns; below zero is an error of the library."""

CPU_MIXED_TOKENS = 63
"""From 64 tokens on ggml's attention on a CPU works in tiles, which spare a token the cells of other sequences only
where a whole tile has none: good for one prompt, and many times the work for tokens of 64 sequences."""

FLASH_ATTENTION: Mapping[str, int] = {
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}
KV_TYPES: Mapping[str, int] = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}


class Native:
    """A loaded model with room for several sequences."""

    def __init__(self, load: Load) -> None:
        self.model, self.context, self.devices, self.offloaded = loaded(load, context_of=_context)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.vocab_size: int = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.cells: int = llama_cpp.llama_n_ctx(self.context)
        self.trained_tokens: int = llama_cpp.llama_model_n_ctx_train(self.model)
        self.step_tokens: int = llama_cpp.llama_n_batch(self.context)
        self.recurrent: bool = llama_cpp.llama_model_is_recurrent(self.model) or llama_cpp.llama_model_is_hybrid(
            self.model
        )
        """Such a model keeps a state a sequence that cannot be cut back to an earlier token."""
        self.mixed_tokens = self.step_tokens if self.offloaded.layers else min(CPU_MIXED_TOKENS, self.step_tokens)
        self._pieces: dict[int, bytes] = {}
        self._memory = llama_cpp.llama_get_memory(self.context)
        self._batch = StepBatch(self.step_tokens)
        self._scores = Scores(np.empty((0, self.vocab_size), np.float32), ())
        self._abort = ctypes.create_string_buffer(2)
        watch_flag(self.context, self._abort)
        _check_writes(self.model, self._memory)

    def decode(self, fed: Sequence[Fed]) -> tuple[int, list[int]]:
        """One step over all; llama.cpp's code, and for each that wanted logits the row where they are."""
        rows = self._batch.fill(fed)
        code = int(llama_cpp.llama_decode(self.context, self._batch.native))
        if code == OK and rows:
            self._scores = Scores(self._logits(len(rows)), rows)
        return code, rows

    def logits(self, row: int) -> NDArray[np.float32]:
        """The logits of a row of the last step; a view that the next step overwrites."""
        return self._scores.logits(row)

    def best(self, row: int) -> int:
        """The likeliest token by a row of the last step."""
        return self._scores.best(row)

    def score(self, row: int, token: int) -> Score:
        """How likely a token was by a row of the last step."""
        return self._scores.score(row, token)

    def forget(self, seq: int, *, start: int = 0) -> bool:
        """Drop a sequence from a position on; whether the model can: some only forget the whole."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, seq, start, -1))

    def share(self, source: int, target: int, *, tokens: int) -> None:
        """Let a sequence begin with the first tokens of another; nothing is computed or moved."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, tokens)

    def wipe(self) -> None:
        """Overwrite the whole memory; only while no sequence is alive."""
        llama_cpp.llama_memory_clear(self._memory, True)

    def ends(self, token: int) -> bool:
        """Whether a token ends a generation."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    def piece(self, token: int) -> bytes:
        """The bytes of a token; control tokens have none."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._spelt(token)
        return known

    def tokens(self, text: str, *, trusted: bool) -> list[int]:
        """Text -> tokens; only in a trusted text do control tokens' spellings act."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 2
        while True:
            found = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self.vocab, data, len(data), found, room, False, trusted)
            if count >= 0:
                return found[:count]
            room = -count

    def abort(self) -> None:
        """Stop inside the running step; safe from another thread."""
        self._abort[0] = b"\x01"

    def resume(self) -> None:
        """Forget an earlier `abort`."""
        self._abort[0] = b"\x00"

    def warm_up(self) -> None:
        """Compute one token, as the first job will: what cannot is found now, and its pages and kernels are there."""
        first = max(0, llama_cpp.llama_vocab_bos(self.vocab))
        code, rows = self.decode([Fed(0, 0, [first], wanted=True)])
        if code != OK or not np.isfinite(self.logits(rows[0])).any():
            raise Failing(Failure.MODEL_MISSING, f"the model computes no token here (code {code})")
        self.forget(0)
        self.wipe()

    def close(self) -> None:
        """Free what llama.cpp holds."""
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def _logits(self, rows: int) -> NDArray[np.float32]:
        """llama.cpp's own memory: the wanted rows one after the other, in the batch's order."""
        found = llama_cpp.llama_get_logits(self.context)
        array: Any = (ctypes.c_float * (rows * self.vocab_size)).from_address(ctypes.addressof(found.contents))
        # numpy's own way from a pointer to an array takes longer than a small model's step.
        flat: NDArray[np.float32] = np.frombuffer(array, np.float32)
        return flat.reshape(rows, self.vocab_size)

    def _spelt(self, token: int) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length


class Loaded(NamedTuple):
    """A model, its context, the GPUs that there are, and how much of the model they hold."""

    model: Any
    context: Any
    devices: tuple[Gpu, ...]
    offloaded: Offloaded


def loaded(load: Load, *, context_of: Callable[[Any, Load], Any]) -> Loaded:
    """A model that fits, where it was asked for. Raises Failing."""
    llama_cpp.llama_backend_init()
    with LoadLog() as log:
        devices = gpus()
        free_bytes = sum(gpu.free_bytes for gpu in devices) if devices else None
        memory.check(load, gpu_bytes=free_bytes, available=memory.available_bytes())
        model = _model(load)
        offloaded = log.offloaded(layers=llama_cpp.llama_model_n_layer(model) + 1)
        check_gpu(load, offloaded)
        return Loaded(model, context_of(model, load), devices, offloaded)


def _model(load: Load) -> Any:
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = -1 if load.gpu_layers is None else load.gpu_layers
    params.main_gpu = load.main_gpu
    params.load_mode = llama_cpp.LLAMA_LOAD_MODE_MMAP if load.mmap else llama_cpp.LLAMA_LOAD_MODE_NONE
    split = (ctypes.c_float * llama_cpp.llama_max_devices())(*load.tensor_split[: llama_cpp.llama_max_devices()])
    if load.tensor_split:
        params.tensor_split = ctypes.cast(split, ctypes.POINTER(ctypes.c_float))
    model = llama_cpp.llama_model_load_from_file(load.path.encode(), params)
    if not model:
        cause = "truncated, damaged, too large for the memory, or of an architecture unknown to this llama.cpp"
        raise Failing(Failure.MODEL_MISSING, f"the file cannot be loaded: {cause}")
    return model


def _check_writes(model: Any, memory_: Any) -> None:
    reads_only = not memory_ or not llama_cpp.llama_model_has_decoder(model)  # BERT and its like remember nothing
    if reads_only or llama_cpp.llama_model_has_encoder(model):
        cause = "the model only reads, or reads with an encoder: a lane needs one that writes"
        raise Failing(Failure.MODEL_MISSING, f"{cause}; for vectors say capabilities: [embeddings]")


def check_gpu(load: Load, offloaded: Offloaded) -> None:
    """Hold llama.cpp to the layers that were asked for: it computes on the CPU without a word where it sees no GPU."""
    asked = load.gpu_layers or 0
    wanted = offloaded.of if asked < 0 else min(asked, offloaded.of)
    if offloaded.layers < wanted:
        found = f"{offloaded.layers} of {offloaded.of} layers are on a GPU"
        remedy = "build llama-cpp-python for the GPU, see that the driver is there, or leave n_gpu_layers out"
        raise Failing(Failure.MODEL_MISSING, f"engine.n_gpu_layers asks for {wanted}, and {found}: {remedy}")


def _context(model: Any, load: Load) -> Any:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = load.cells
    # Every sequence that writes must find a place in a step, or some would never have their turn.
    params.n_batch = params.n_ubatch = max(load.slots, min(load.step_tokens, load.cells))
    params.n_seq_max = load.slots + load.prefixes
    params.kv_unified = True  # else ids that are not consecutive halve the speed
    params.n_threads = params.n_threads_batch = load.threads
    params.flash_attn_type = FLASH_ATTENTION[load.flash_attention]
    params.type_k = params.type_v = KV_TYPES[load.kv_type]
    params.no_perf = True
    context = llama_cpp.llama_init_from_model(model, params)
    if not context:
        cause = f"no memory for a context of {load.cells:,} tokens"
        if load.kv_type != "f16":
            cause += f", or the model cannot keep its context as {load.kv_type}"
        raise Failing(Failure.MODEL_MISSING, cause)
    return context


def watch_flag(context: Any, flag: ctypes.Array[ctypes.c_char]) -> None:
    """Let llama.cpp look at the flag before each operation of a step.

    The C library's `strlen` is the callback: of a flag of one byte and a zero it returns 1 or 0. A callback in Python
    would take the interpreter's lock hundreds of times per token, which costs a small model a third of its speed.
    """
    strlen = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)
    llama_cpp.llama_set_abort_callback(context, strlen, ctypes.cast(flag, ctypes.c_void_p))
