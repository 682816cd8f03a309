"""The policy: what operators write, read and checked (loader), and what it says about a job (engine)."""
