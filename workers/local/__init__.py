"""The local backend: llama.cpp in a guarded child process."""
