"""Dead letters: looking at many, choosing some, and what can be done with them. The commands are in `cli/dead`."""

from tidegate.deadletters.letters import Choice, Letter, chosen
from tidegate.deadletters.redriving import Redriven, redrive, redriven
from tidegate.deadletters.removing import purge, purged

__all__ = ["Choice", "Letter", "Redriven", "chosen", "purge", "purged", "redrive", "redriven"]
