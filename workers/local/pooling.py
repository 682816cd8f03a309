"""llama.cpp's model and context for vectors: tokens in, one vector a text out. Belongs to the thread that computes."""

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from workers.local import native
from workers.local.failing import Failing
from workers.local.native import OK
from workers.local.protocol import Failure, Load

SEQUENCES = 64
"""Texts in one step at most."""

Vector = NDArray[np.float64]


class Pooled:
    """A loaded model that turns texts into vectors of length one. Encoders such as BERT are welcome here."""

    def __init__(self, load: Load) -> None:
        self.model, self.context, self.devices, self.offloaded = native.loaded(load, context_of=_context)
        self._vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.limit: int = min(load.context_tokens, llama_cpp.llama_model_n_ctx_train(self.model))
        """Tokens of one text."""
        self.step_tokens: int = llama_cpp.llama_n_batch(self.context)
        self._width: int = llama_cpp.llama_model_n_embd_out(self.model)
        self._memory = llama_cpp.llama_get_memory(self.context)
        """None of a model that keeps nothing between tokens."""
        self._batch = llama_cpp.llama_batch_init(self.step_tokens, 0, 1)
        self._abort = ctypes.create_string_buffer(2)
        native.watch_flag(self.context, self._abort)

    def tokens(self, text: str) -> list[int]:
        """With the marks that the model wants around a text; a control token's spelling in it is only text."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            found = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self._vocab, data, len(data), found, room, True, False)
            if count >= 0:
                return found[:count]
            room = -count

    def compute(self, texts: Sequence[Sequence[int]]) -> tuple[int, list[Vector]]:
        """A step over all; llama.cpp's code, and the vectors where it is OK. Raises Failing where one is no vector."""
        index, batch = 0, self._batch
        for seq, tokens in enumerate(texts):
            for position, token in enumerate(tokens):
                batch.token[index], batch.pos[index] = token, position
                batch.n_seq_id[index], batch.seq_id[index][0] = 1, seq
                batch.logits[index] = 1
                index += 1
        batch.n_tokens = index
        self.forget()
        code = int(llama_cpp.llama_decode(self.context, batch))
        return code, [self._vector(seq) for seq in range(len(texts))] if code == OK else []

    def forget(self, *, wipe: bool = False) -> None:
        """Drop what the last step left; overwrite it as well."""
        if self._memory:
            llama_cpp.llama_memory_clear(self._memory, wipe)

    def abort(self) -> None:
        """Stop inside the running step; safe from another thread."""
        self._abort[0] = b"\x01"

    def resume(self) -> None:
        """Forget an earlier `abort`."""
        self._abort[0] = b"\x00"

    def _vector(self, seq: int) -> Vector:
        found = llama_cpp.llama_get_embeddings_seq(self.context, seq)
        if not found:
            raise Failing(Failure.BROKEN, "the model made no vector")
        vector = np.ctypeslib.as_array(found, shape=(self._width,)).astype(np.float64)
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise Failing(Failure.BROKEN, "the model made a vector without a direction")
        return vector / length


def _context(model: Any, load: Load) -> Any:
    if llama_cpp.llama_model_has_encoder(model):
        raise Failing(Failure.MODEL_MISSING, "the model has an encoder apart (T5): none for a lane here")
    params = llama_cpp.llama_context_default_params()
    params.embeddings = True
    # A text is pooled within one step, so a step holds the longest text.
    params.n_ctx = params.n_batch = params.n_ubatch = load.most_tokens
    params.n_seq_max = min(SEQUENCES, llama_cpp.llama_max_parallel_sequences())
    params.kv_unified = True
    params.n_threads = params.n_threads_batch = load.threads
    params.flash_attn_type = native.FLASH_ATTENTION[load.flash_attention]
    params.no_perf = True
    context = llama_cpp.llama_init_from_model(model, params)  # the pooling is what the file says
    if context and llama_cpp.llama_pooling_type(context) == llama_cpp.LLAMA_POOLING_TYPE_NONE:
        llama_cpp.llama_free(context)  # a model that was made to write: the mean of its tokens
        params.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_MEAN
        context = llama_cpp.llama_init_from_model(model, params)
    if not context:
        raise Failing(Failure.NO_MEMORY, f"no memory for a context of {params.n_ctx:,} tokens")
    if llama_cpp.llama_pooling_type(context) == llama_cpp.LLAMA_POOLING_TYPE_RANK:
        raise Failing(Failure.MODEL_MISSING, "the model ranks documents: a lane for embeddings needs one that embeds")
    return context
