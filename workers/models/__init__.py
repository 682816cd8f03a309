"""Model files: which are known, where they lie, whether they are whole, and how to pull one."""
