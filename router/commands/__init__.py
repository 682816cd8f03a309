"""The router's commands, a file each, with `register(policy_app)` that adds it to `tidegate policy`.

A new command is a file here and a name in `COMMANDS` of `router/cli.py`. What they share stands in `terminal`.
Exit codes: 0 holds, 1 falls short, 2 misuse.
"""
