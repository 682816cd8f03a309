"""The store's failures in our words: callers never see a vendor's exception."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from tidegate.errors import StorageFull, StoreUnavailable


@contextmanager
def store_errors() -> Iterator[None]:
    """Translate the client's errors."""
    try:
        yield
    except exceptions.OutOfMemoryError:
        raise StorageFull("the store is out of memory: raise its maxmemory, or let jobs end first") from None
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as exc:
        raise StoreUnavailable(f"the store does not answer ({type(exc).__name__}): is it running?") from exc
    except exceptions.NoPermissionError as exc:
        raise StoreUnavailable(
            "the store refuses this to our user: its rights are too few (its ACL LOG names what, deploy/redis/users "
            "has what each role needs)"
        ) from exc
    except exceptions.ResponseError as exc:
        if str(exc).startswith(("MISCONF", "OOM")) or "MISCONF" in str(exc):
            raise StorageFull("the store cannot write to its disk: free some space in its data folder") from None
        if str(exc).startswith(("LOADING", "BUSY")):
            raise StoreUnavailable("the store is still loading its data") from None
        raise
