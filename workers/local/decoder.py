"""The model in memory: one job's messages in, one answer out, and nothing left behind.

This is the only file that decodes. It serves one job at a time, because `llama_cpp.Llama` holds one sequence; batching
replaces what is in here and moves nothing around it.
"""

import codecs
import ctypes
import secrets
from collections.abc import Iterator

import llama_cpp
from llama_cpp.llama_grammar import LlamaGrammar

from tidegate.job import Params
from tidegate.result import FinishReason, Usage
from workers.local import shape
from workers.local.failing import Failing
from workers.local.prompt import Prompter
from workers.local.protocol import Ask, Done, Failure, Load, Ready

PREFILL_CHUNK_TOKENS = 256
"""How much of a prompt is computed in one step; a build that ignores the abort flag (GPU) stops at the next step."""

FEWEST_USEFUL_TOKENS = 16
"""A prompt that leaves less room than this (and less than was asked for) is refused."""


class Decoder:
    """A loaded model."""

    def __init__(self, load: Load) -> None:
        self._llm = _loaded(load)
        self._prompter = Prompter(self._llm)
        self._abort = ctypes.create_string_buffer(2)
        self._limit = min(load.context_tokens, self._llm.n_ctx(), self._llm._model.n_ctx_train())  # noqa: SLF001
        _watch_flag(self._llm, self._abort)

    @property
    def ready(self) -> Ready:
        """What the parent may know about the model."""
        return Ready(context_tokens=self._limit, gpu=llama_cpp.llama_supports_gpu_offload())

    def arm(self) -> None:
        """Make ready for a job: forget an earlier `abort`."""
        self._abort[0] = b"\x00"

    def abort(self) -> None:
        """Stop the running job inside the current step; safe from another thread."""
        self._abort[0] = b"\x01"

    def answer(self, ask: Ask) -> Done:
        """Run one job. Raises Failing."""
        try:
            return self._answer(ask)
        finally:
            self._forget()

    def _answer(self, ask: Ask) -> Done:
        grammar = shape.grammar(ask.params.response_format)
        prompt = self._prompter.tokens(ask.messages)
        room = self._room(len(prompt), ask.params.max_tokens)
        text = _Text(ask.params.stop)
        reason: FinishReason = "length"
        count = 0
        for token in self._sampled(prompt, ask.params, grammar):
            if llama_cpp.llama_vocab_is_eog(self._llm._model.vocab, token):  # noqa: SLF001
                reason = "stop"
                break
            count += 1
            if text.add(self._piece(token)):
                reason = "stop"
                break
            if count >= room:
                break
        shape.check(text.value, ask.params.response_format, finish_reason=reason)
        usage = Usage(prompt_tokens=len(prompt), completion_tokens=count)
        return Done(id=ask.id, text=text.value, finish_reason=reason, usage=usage)

    def _room(self, prompt_tokens: int, max_tokens: int) -> int:
        room = self._limit - prompt_tokens
        if room < min(max_tokens, FEWEST_USEFUL_TOKENS):
            numbers = f"prompt {prompt_tokens:,} tokens + {max_tokens:,} requested > context {self._limit:,}"
            raise Failing(Failure.CONTEXT_OVERFLOW, numbers)
        if prompt_tokens == 0:
            raise Failing(Failure.BAD_REQUEST, "the model's chat template made an empty prompt")
        return min(max_tokens, room)

    def _sampled(self, prompt: list[int], params: Params, grammar: LlamaGrammar | None) -> Iterator[int]:
        """Token after token. Raises Failing(cancelled) inside a step or between two."""
        self._llm.set_seed(params.seed if params.seed is not None else secrets.randbits(31))
        tokens = self._llm.generate(prompt, temp=params.temperature, grammar=grammar)
        while True:
            self._stop_if_aborted()
            try:
                token = next(tokens)
            except RuntimeError as exc:
                self._stop_if_aborted()
                raise Failing(Failure.BROKEN, f"llama.cpp cannot decode: {exc}") from None
            yield token

    def _stop_if_aborted(self) -> None:
        if self._abort[0] != b"\x00":
            raise Failing(Failure.CANCELLED, "cancelled")

    def _piece(self, token: int) -> bytes:
        """The bytes of a token. `Llama.detokenize` loses tokens of more than 32 bytes."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._llm._model.vocab, token, buffer, size, 0, False)  # noqa: SLF001
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def _forget(self) -> None:
        """Nothing of a job stays: neither for the next job's prefix match nor in the memory of the cache."""
        self._llm.reset()  # type: ignore[no-untyped-call]
        self._llm._sampler = None  # noqa: SLF001 holds the last tokens for penalties
        self._llm._ctx.kv_cache_clear()  # type: ignore[no-untyped-call]  # noqa: SLF001
        self._llm.input_ids.fill(0)


class _Text:
    """The answer so far, cut at the first stop string."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._longest = max(map(len, stops), default=0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.value = ""

    def add(self, piece: bytes) -> bool:
        """Whether a stop string was completed. Half a character waits for its other half."""
        seen = max(0, len(self.value) - self._longest)
        self.value += self._decoder.decode(piece)
        at = min((found for stop in self._stops if (found := self.value.find(stop, seen)) >= 0), default=-1)
        if at < 0:
            return False
        self.value = self.value[:at]
        return True


def _loaded(load: Load) -> llama_cpp.Llama:
    try:
        return llama_cpp.Llama(
            load.path,
            n_ctx=load.context_tokens,
            n_batch=PREFILL_CHUNK_TOKENS,
            n_ubatch=PREFILL_CHUNK_TOKENS,
            n_threads=load.threads,
            n_threads_batch=load.threads,
            n_gpu_layers=-1 if llama_cpp.llama_supports_gpu_offload() else 0,
            verbose=False,
        )
    except (ValueError, RuntimeError, AssertionError):
        # The words name the path only; what is wrong went to llama.cpp's own log.
        cause = "truncated, damaged, too large for the memory, or of an architecture unknown to this llama.cpp"
        raise Failing(Failure.MODEL_MISSING, f"the file cannot be loaded: {cause}") from None


def _watch_flag(llm: llama_cpp.Llama, flag: ctypes.Array[ctypes.c_char]) -> None:
    """Let llama.cpp look at the flag before each operation of a step.

    The C library's `strlen` is the callback: of a flag of one byte and a zero it returns 1 or 0. A callback in Python
    would take the interpreter's lock hundreds of times per token, which costs a small model a third of its speed.
    """
    strlen = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)
    llama_cpp.llama_set_abort_callback(llm.ctx, strlen, ctypes.cast(flag, ctypes.c_void_p))
