"""A checkpoint as a file that other programs run: GGUF, for llama.cpp and what is built on it."""
