"""The router's commands, mounted on `tidegate`: those of `tidegate policy`, and `tidegate explain`.

Each stands in a file of its own under `router/commands`. Exit codes: 0 holds, 1 falls short, 2 misuse.
"""

import typer

from router import checkup
from router.commands import (
    apply,
    check,
    decisions,
    diff,
    evaluate,
    fmt,
    history,
    levels,
    prove,
    record,
    rollback,
    schema,
    simulate,
    test,
)
from router.commands import explain as explain_one
from router.commands.record import explain, on_record

__all__ = ["app", "explain", "mount", "on_record", "policy_app"]

COMMANDS = (check, prove, diff, test, explain_one, levels, simulate, fmt, schema, apply, history, rollback, decisions)
"""In the order in which the help shows them."""

policy_app = typer.Typer(no_args_is_help=True, help="Write, check, test and preview policies.")
app = typer.Typer(no_args_is_help=True, help="The router's commands.")

for command in COMMANDS:
    command.register(policy_app)


def mount(root: typer.Typer) -> None:
    """Add the commands to the `tidegate` command."""
    checkup.add()
    root.add_typer(policy_app, name="policy", rich_help_panel="Policy")
    record.mount(root)
    evaluate.mount(root)


mount(app)
