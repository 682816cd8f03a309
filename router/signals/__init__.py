"""signals: one file per measured fact about a job. Each is a pure function or a port with its adapters."""
