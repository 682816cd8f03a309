"""Redaction: a job -> a copy with placeholders for what was found in it, looked at twice before it may leave."""
