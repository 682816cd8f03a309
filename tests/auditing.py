"""The audit log in tests: a keeper with a fixed key, and what its files say."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tidegate.audit.folder import Folder, files_of
from tidegate.audit.head import read_head
from tidegate.audit.keeper import Keeper
from tidegate.audit.verify import Verdict, Verified, raw_lines, verified
from tidegate.connections import StoreClient
from tidegate.keys import Signer
from tidegate.ledger.store import Ledger

KEY = Signer(Ed25519PrivateKey.from_private_bytes(b"a" * 32))
THIEF = Signer(Ed25519PrivateKey.from_private_bytes(b"t" * 32))


def keeper(redis: StoreClient, path: Path, *, name: str = "k1") -> Keeper:
    """A keeper that writes to this folder."""
    return Keeper(redis, Folder(path), signs=KEY, verifier=lambda: KEY.verifier, name=name)


def checked(redis: StoreClient, *folders: Path) -> Verified:
    """What verifying all files says, against the store's head."""
    files = sorted((file for folder in folders for file in files_of(folder)), key=lambda file: file.name)
    return verified(raw_lines(files), KEY.verifier, head=read_head(redis, KEY.verifier))


def said(path: Path) -> list[dict[str, Any]]:
    """The lines of a folder."""
    return [json.loads(raw.raw) for raw in raw_lines(files_of(path))]


def submit(ledger: Ledger, *ids: str) -> None:
    """Put jobs on record."""
    for job_id in ids:
        ledger.accept(
            job_id, slot=f"{job_id}:payload:1", envelope=b"x", keep_s=90, deadline_s=60, look_in_s=9, fields={}
        )


def broken(result: Verified) -> list[str]:
    """What was found to be broken."""
    return [finding.what for finding in result.findings if finding.verdict is Verdict.BROKEN]
