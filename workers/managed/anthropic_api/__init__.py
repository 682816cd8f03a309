"""Anthropic's Messages API, by its own SDK: what a run is in its words, and what its answers are in ours."""
