"""Where keys are read: a variable, a configured file, or a file in the data folder that is made on first use."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from tidegate.errors import InvalidSettings, StorageFull


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place with keys in it."""

    name: str
    """For people: the variable, or the file."""
    path: Path | None = None
    """The file; None where it is a variable, which a process reads once."""
    value: str | None = field(default=None, repr=False)
    make: Callable[[], str] | None = field(default=None, repr=False)
    """What a file that is missing gets; None where it was configured, and then must be there."""

    @property
    def made(self) -> bool:
        """Whether it is a file of ours in the data folder."""
        return self.make is not None

    @property
    def there(self) -> bool:
        """Whether there is something to read, without making it."""
        return self.make is None or (self.path is not None and self.path.exists())

    def text(self) -> str:
        """What stands there. Raises InvalidSettings, StorageFull."""
        if self.value is not None or self.path is None:
            return self.value or ""
        if self.make is not None:
            return kept(self.path, self.make)
        try:
            return self.path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as exc:
            raise InvalidSettings(f"{self.name}: {self.path} cannot be read ({type(exc).__name__})") from None


def configured(value: SecretStr | None, file: Path | None, name: str) -> Source | None:
    """The configured place, if there is one. Raises InvalidSettings where there are two."""
    if value is not None and file is not None:
        raise InvalidSettings(f"{name} and {name}_FILE are both set: give one")
    if value is not None:
        return Source(name=name, value=value.get_secret_value())
    return Source(name=f"{name}_FILE", path=file) if file is not None else None


def kept(path: Path, make: Callable[[], str]) -> str:
    """Read a key file, or make it with mode 600. Two processes at once agree on the first one's."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            draft = _draft(path, make())
            try:
                os.link(draft, path)  # atomic, and refuses to replace a key that came first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        if path.stat().st_mode & 0o077 and path.suffix == ".key":
            raise InvalidSettings(f"{path}: others may read this key; run: chmod 600 {path}")
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise InvalidSettings(f"{path}: this is no key file") from None
    except OSError as exc:
        raise StorageFull(f"{path}: the key file cannot be made or read: {exc.strerror}") from None


def replace(path: Path, text: str) -> None:
    """Put other keys into a file: whole or not at all, with the owner and mode it had, or 600. Raises StorageFull."""
    try:
        draft = _draft(path, text)
        if path.exists():
            before = path.stat()
            draft.chmod(before.st_mode & 0o777)
            if os.geteuid() == 0:  # root rotates; those who read it are somebody else
                os.chown(draft, before.st_uid, before.st_gid)
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as exc:
        raise StorageFull(f"{path}: the key file cannot be replaced: {exc.strerror}") from None


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text.rstrip("\n") + "\n")
        file.flush()
        os.fsync(file.fileno())
    return draft
