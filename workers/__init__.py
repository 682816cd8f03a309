"""workers: execute. The guard, a backend, the result; retries and dead letters."""
