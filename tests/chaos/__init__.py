"""The chaos harness: real processes, faults drawn from a seed, and a ledger of what was accepted kept outside.

`bin/chaos` runs it. To follow one run, open in this order: `__main__`, `run`, `fleet`, `producer`, `faults`, `checks`.
"""
