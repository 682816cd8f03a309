"""Images in a message, as OpenAI has them: in the message itself, or somewhere that the model's server fetches from.

Nothing of ours ever fetches one, and nothing of ours can look at one: see `sensitivity.images` in a policy.
"""

import binascii
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from tidegate.value import Value

MAX_IMAGE_BYTES = 5_000_000
"""What Anthropic takes; others take more. A whole job is bounded by `max_job_bytes`, too."""

MAX_IMAGES = 20
"""Of one job."""

MAX_URL_CHARS = 2048

BEGINS: Mapping[str, tuple[bytes, ...]] = {
    "data:image/png;base64,": (b"\x89PNG\r\n\x1a\n",),
    "data:image/jpeg;base64,": (b"\xff\xd8\xff",),
    "data:image/gif;base64,": (b"GIF87a", b"GIF89a"),
    "data:image/webp;base64,": (b"RIFF",),
}
"""The kinds that every provider takes, as a URL begins -> how their bytes begin."""


def _seen(url: str) -> str:
    """A URL as it was given. Raises ValueError with what was expected, without the URL."""
    for start, begins in BEGINS.items():
        if url.startswith(start):
            return _embedded(url, url[len(start) :], begins)
    if not _is_address(url):
        kinds = ", ".join(start.removeprefix("data:image/").removesuffix(";base64,") for start in BEGINS)
        raise ValueError(
            f"should be data:image/KIND;base64,… with KIND one of {kinds}, or an https URL of at most {MAX_URL_CHARS} "
            "characters without a user or a password"
        )
    return url


def _is_address(url: str) -> bool:
    if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.password is None


def _embedded(url: str, encoded: str, begins: tuple[bytes, ...]) -> str:
    if len(encoded) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise ValueError(f"an image has at most {MAX_IMAGE_BYTES:,} bytes")
    try:
        found = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        raise ValueError("what follows base64, is not base64") from None
    if not found.startswith(begins):
        raise ValueError("its bytes are no image of the kind that the URL names")
    return url


class ImageUrl(Value):
    """Where an image is, and how closely to look at it."""

    url: Annotated[str, AfterValidator(_seen)]
    """`data:image/png;base64,…` (png, jpeg, gif, webp), or an https URL that the model's server fetches."""
    detail: Literal["auto", "low", "high"] | None = None

    @property
    def embedded(self) -> bool:
        """Whether the image itself is here."""
        return self.url.startswith("data:")


class ImagePart(Value):
    """An image in a message's list form."""

    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl
