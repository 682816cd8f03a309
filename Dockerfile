# One image for every process of ours: docker-compose.yml says which command runs where. Two targets:
#   docker build -t tidegate:local .                      local models on the CPU
#   docker build -t tidegate:local-gpu --target gpu .     the same with llama.cpp for NVIDIA
# What is built, and from what, is bin/setup's business and docs/building.md's subject; here it only gets a place.

# What the environment is made from. It comes before our code, so that a change of code builds nothing anew.
FROM python:3.13.14-slim-trixie AS builder
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY bin bin
# Build flags of llama.cpp: none make libraries for any x86-64 CPU with AVX2, or any ARM64.
# An image goes to other machines than the one that built it.
ARG LLAMA_CMAKE_ARGS=-DGGML_NATIVE=OFF
RUN --mount=type=cache,id=tidegate-cpu,target=/root/.cache \
    export TIDEGATE_LLAMA_CMAKE_ARGS="$LLAMA_CMAKE_ARGS" \
    && . bin/setup/ready.sh && make_ready /app run

FROM nvidia/cuda:12.8.1-devel-ubuntu24.04 AS builder-gpu
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends g++ python3.12 python3.12-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY bin bin
# NO_VMM: without it the libraries need the driver's libcuda.so, which no machine has while it builds an image.
# Your generation of GPU alone builds far faster: add -DCMAKE_CUDA_ARCHITECTURES=90 and the like.
ARG CUDA_CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_CUDA=ON -DGGML_CUDA_NO_VMM=ON"
RUN --mount=type=cache,id=tidegate-gpu,target=/root/.cache \
    export TIDEGATE_LLAMA_CMAKE_ARGS="$CUDA_CMAKE_ARGS" \
    && . bin/setup/ready.sh && make_ready /app run

# What runs. No compiler, no cache, no key, and nothing that its user may write to.
FROM nvidia/cuda:12.8.1-runtime-ubuntu24.04 AS gpu
ENV PATH=/app/.venv/bin:$PATH TIDEGATE_HOME=/app HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends python3.12 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=builder-gpu /app/.venv .venv
COPY tidegate tidegate
COPY router router
COPY workers workers
COPY policies policies
COPY models models
RUN python -m compileall -q tidegate router workers
USER 10001:10001
# The base's own prints a banner before every command.
ENTRYPOINT []
CMD ["tidegate", "--help"]

# Last, so that it is what a build without --target makes.
FROM python:3.13.14-slim-trixie AS cpu
ENV PATH=/app/.venv/bin:$PATH TIDEGATE_HOME=/app HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=builder /app/.venv .venv
COPY tidegate tidegate
COPY router router
COPY workers workers
COPY policies policies
COPY models models
RUN python -m compileall -q tidegate router workers
USER 10001:10001
CMD ["tidegate", "--help"]
