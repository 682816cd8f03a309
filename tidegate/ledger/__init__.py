"""The ledger: the state of every job, the truth that messages only point to."""
