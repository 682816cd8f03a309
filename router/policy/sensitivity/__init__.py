"""What a policy says about sensitivity: how it is written, what may be wrong with it, and what becomes of it."""
