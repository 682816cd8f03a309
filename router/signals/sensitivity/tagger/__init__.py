"""The tagger: names, addresses, dates of birth, facts about health and money, found by a small trained network.

What it was trained on and how well it does is in `models/tagger/MODEL_CARD.md`. It needs numpy and onnxruntime, and
never the network.
"""
