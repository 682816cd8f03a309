"""Google's access tokens for one deployment: from its credentials, renewed before they end, by Google's own library.

Nothing that the library says of a failure is passed on: its messages may quote a key or a token.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import google.auth
import requests
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request

from tidegate.errors import AuthFailed, NetworkFailed, RunError
from tidegate.lane import Lane
from workers.managed.credentials import given

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

TIMEOUT_S = 10.0
"""For each request to a token server: what hangs must not hold up more than the calls that wait for it."""


class Access:
    """The token of now. On an event loop; what blocks runs in a thread beside it."""

    def __init__(self, lane: Lane, *, key_env: str | None) -> None:
        self._lane = lane.name
        self._key_env = key_env
        self._written: str | None = None
        self._credentials: Any = None
        self._lock = asyncio.Lock()

    @property
    def token(self) -> str:
        """What a call carries, once it was renewed."""
        return self._credentials.token if self._credentials is not None else ""

    async def renew(self) -> None:
        """Get a token where there is none that holds for some minutes more. Raises AuthFailed or NetworkFailed."""
        if self._state() is TokenState.FRESH:
            return
        async with self._lock:
            if self._state() is not TokenState.FRESH:
                failure = await asyncio.to_thread(self._renewed)
                if failure is not None and self._state() is TokenState.INVALID:
                    raise failure

    def forget(self) -> None:
        """The provider refused the token: get another one next time."""
        self._credentials = None

    def _state(self) -> TokenState:
        return TokenState.INVALID if self._credentials is None else self._credentials.token_state

    def _renewed(self) -> RunError | None:
        """Why there is no new token. Returned, so that the library's own exception does not hang on to it."""
        try:
            with requests.Session() as session:
                request = _bounded(Request(session))
                credentials = self._present(request)
                credentials.refresh(request)
        except TransportError:
            return NetworkFailed("no connection to Google's token server")
        except RefreshError as error:
            if error.retryable:
                return NetworkFailed("Google's token server has no room now")
            return AuthFailed(f"lane {self._lane}: Google gives no token for these credentials")
        except (GoogleAuthError, OSError, ValueError, TypeError, AttributeError):
            return AuthFailed(f"lane {self._lane}: {self._advice()}")
        self._credentials = credentials
        return None

    def _present(self, request: Any) -> Any:
        """The credentials as they lie in their place now; the same object while nothing changed."""
        written = _written(self._key_env) if self._key_env else ""
        if self._credentials is not None and written == self._written:
            return self._credentials
        if self._key_env is None:
            found, _project = google.auth.default(scopes=SCOPES, request=request)
        else:
            load: Any = google.auth.load_credentials_from_dict
            found, _project = load(json.loads(written), scopes=SCOPES)
        self._written = written
        return found

    def _advice(self) -> str:
        if self._key_env is None:
            return "put the path of Google credentials into GOOGLE_APPLICATION_CREDENTIALS, or name a key_env"
        return f"put the path of a Google credentials file into the environment variable {self._key_env}"


def _written(name: str) -> str:
    """Credentials as JSON: in the variable itself, or in the file whose path it holds."""
    text = given(name)
    return text if text.startswith("{") else Path(text).read_text(encoding="utf-8")


def _bounded(request: Request) -> Any:
    """Google's library waits two minutes where it is not told otherwise."""

    def ask(*args: Any, **kwargs: Any) -> Any:
        return request(*args, **{**kwargs, "timeout": TIMEOUT_S})

    return ask
