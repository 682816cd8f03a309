"""A lane's batch jobs through its provider's batch API: collected, sent once, polled, and settled line by line."""
