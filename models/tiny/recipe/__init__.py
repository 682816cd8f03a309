"""The training data, as grammars: pure functions of a seed. Open `jobs.py` first; the other files feed it."""
