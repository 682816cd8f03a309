"""Logs: an event's name and fields on one line, to standard error. Never text of a job."""

import logging
import sys

import structlog

_CHATTY = ("celery.app.trace", "celery.worker.strategy", "httpx2", "httpx", "presidio-analyzer")
"""They say of each message what our own events say better."""


def configure(level: str) -> None:
    """Set up this process's logging, ours and the libraries'."""
    logging.basicConfig(
        level=level, stream=sys.stderr, force=True, format="%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"
    )
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.LogfmtRenderer(key_order=["event"], drop_missing=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for events: `logger(__name__).info("job.placed", job=…, rule=…)`."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return bound
