"""llama.cpp's server in a process of its own: `python -m benchmarks.local.server SETTINGS`; ends with its input."""

import json
import sys

import xllamacpp


def main() -> None:
    """Serve, say where, and stay until nobody listens any more."""
    told = json.loads(sys.argv[1])
    params = xllamacpp.CommonParams()
    params.model.path = told["path"]
    params.n_parallel = told["slots"]
    params.n_ctx = told["cells"]
    params.kv_unified = True
    params.n_gpu_layers = 0
    params.n_batch = params.n_ubatch = told["step_tokens"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = told["threads"]
    params.sampling.temp = 0.0
    # What it keeps of earlier prompts is switched off: the engine keeps nothing of them here either.
    params.cache_prompt = params.cache_idle_slots = params.fit_params = False
    params.cache_ram_mib = params.n_ctx_checkpoints = params.verbosity = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
