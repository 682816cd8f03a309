"""The store's disk: one that can be full, and one whose power can fail.

As root on Linux the store writes to an ext4 of its own in a file. Shutting that file system down throws away whatever
was not flushed, which is what a cut of the power does; kill -9 alone loses nothing that the kernel already has.
"""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

SIZE_BYTES = 8 * 2**30
"""Sparse: only what is written takes room."""

_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN of the kernel's fs/ext4/ext4.h."""

_WITHOUT_FLUSHING = 2


class Disk:
    """A folder of the machine's disk. It can be neither full nor cut."""

    cuttable = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Make it ready."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def fill(self) -> None:
        """Leave no room."""
        raise NotImplementedError

    def empty(self) -> None:
        """Give the room back."""
        raise NotImplementedError

    def cut(self) -> None:
        """Lose what was not flushed; nobody may have a file open."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of it."""


class OwnDisk(Disk):
    """An ext4 in a file."""

    cuttable = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._image = folder.with_name(f"{folder.name}.img")

    def open(self) -> None:
        """Make the file system and mount it."""
        super().open()
        with self._image.open("wb") as file:
            file.truncate(SIZE_BYTES)
        _command("mkfs.ext4", "-q", "-m", "0", str(self._image))
        self._mount()

    def fill(self) -> None:
        """One file takes all the room that is left."""
        free = shutil.disk_usage(self.folder).free
        with self._ballast.open("wb") as file, contextlib.suppress(OSError):  # the store took the rest
            os.posix_fallocate(file.fileno(), 0, max(1, free - 2**14))

    def empty(self) -> None:
        """Take that file away."""
        self._ballast.unlink(missing_ok=True)

    def cut(self) -> None:
        """Shut the file system down without flushing, and mount it as after a restart of the machine."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING))
        finally:
            os.close(descriptor)
        _command("umount", str(self.folder))
        self._mount()
        (self.folder / "mounted").touch()  # raises where it is still the file system that was shut down

    def close(self) -> None:
        """Unmount it and throw it away."""
        with contextlib.suppress(subprocess.CalledProcessError):
            _command("umount", str(self.folder))
        self._image.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _mount(self) -> None:
        _command("mount", "-o", "loop", str(self._image), str(self.folder))


def open_disk(folder: Path) -> Disk:
    """The best disk that this machine and this user allow."""
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mkfs.ext4"):
        disk: Disk = OwnDisk(folder)
        try:
            disk.open()
        except (OSError, subprocess.CalledProcessError):
            disk.close()
        else:
            return disk
    disk = Disk(folder)
    disk.open()
    return disk


def _command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)
