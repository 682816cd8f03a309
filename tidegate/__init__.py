"""tidegate: the contract. What crosses a queue, what producers import, and the command line.

A backend service needs three names from here: `Client`, `Job` and `JobResult`.
"""

from tidegate.client import AsyncClient, Client
from tidegate.decision import Decision
from tidegate.errors import TidegateError
from tidegate.job import Hints, Job, Message, Params, PromptRef
from tidegate.lane import Lane, Zone
from tidegate.ledger.states import State
from tidegate.result import JobResult

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Client",
    "Decision",
    "Hints",
    "Job",
    "JobResult",
    "Lane",
    "Message",
    "Params",
    "PromptRef",
    "State",
    "TidegateError",
    "Zone",
]
