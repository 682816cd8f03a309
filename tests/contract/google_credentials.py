"""Credentials of a service account that Google never heard of: their tokens come from whatever server is named."""

import json
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def credentials(token_url: str, *, name: str = "tester") -> str:
    """As JSON, the way Google hands them out."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "1",
            "private_key": _key(),
            "client_email": f"{name}@project.iam.gserviceaccount.com",
            "token_uri": token_url,
        }
    )


@cache
def _key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
