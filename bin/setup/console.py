"""What the person sees: steps with their times, progress on one line, and an error that says what to do.

Everything goes to stderr, since stdout belongs to the command that follows; the programs' own output goes to the log.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

# Seconds between two lines of progress where there is no terminal to rewrite one.
_QUIET_INTERVAL_S = 20
# From here on, minutes read better than seconds.
_LONG_S = 100

_Watch = Callable[[str], str | None]

# What a program's output says about its failure -> what to tell the person. The first match wins: an error about a
# certificate also looks like one about the network, and a full disk can look like anything.
_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"No space left on device|Disk quota exceeded|os error 28\b|os error 122\b",
        "The disk is full. Make room (about 2 GB), then run the same command again.",
    ),
    (
        r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|UnknownIssuer|invalid peer certificate",
        (
            "The package index's certificate is not trusted here. Behind a company's proxy, name the file with its\n"
            "  certificates in SSL_CERT_FILE, then run the same command again."
        ),
    ),
    (
        (
            r"dns error|name resolution|Name or service not known|nodename nor servname|Network is unreachable"
            r"|Connection refused|No route to host|timed out|error sending request|NewConnectionError|Failed to fetch"
            r"|Max retries exceeded|tunnel error|Failed to download|Unable to connect|Failed to connect"
            r"|Could not resolve|Temporary failure resolving"
        ),
        (
            "What is to be downloaded cannot be reached. Check the network; behind a proxy set HTTPS_PROXY, with a\n"
            "  mirror of PyPI set UV_DEFAULT_INDEX or pip's index-url. Then run the same command again."
        ),
    ),
    (
        r"DO NOT MATCH THE HASHES|[Hh]ash mismatch",
        "A download is not the file that is pinned here. Try again; if it stays so, go no further.",
    ),
    (
        r"Killed signal|out of memory|Cannot allocate memory|virtual memory exhausted",
        "The machine ran out of memory while compiling. Free some, then run the same command again.",
    ),
)


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


class Console:
    """One set-up's voice: lines for the person, everything else for the log."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._log: IO[str] | None = None
        self._inherited: tuple[int, ...] = ()
        self._step_started = 0.0

    def open_log(self, path: Path) -> None:
        """Start a new log, under the lock: the one before belongs to a set-up that has ended."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = path.open("w", encoding="utf-8", errors="replace")

    def say(self, text: str) -> None:
        """Print one line."""
        self._print(f"tidegate: {text}")

    def error(self, text: str) -> None:
        """Print what went wrong, and where the details are."""
        where = f"\n  Details: {self._log.name}" if self._log else ""
        self._print(self._paint("31", "tidegate: ") + text + where)

    @contextlib.contextmanager
    def step(self, title: str, *, usually: str) -> Iterator[None]:
        """Announce a step and how long it takes, then say how long it took."""
        self.say(self._paint("1", title) + self._paint("2", f" (usually {usually})"))
        self._step_started = time.monotonic()
        yield
        self._print(self._paint("32", f"  done in {self._elapsed()}"))

    @contextlib.contextmanager
    def inherited(self, handle: int) -> Iterator[None]:
        """Programs started inside keep this file open, and so the lock on it."""
        before, self._inherited = self._inherited, (*self._inherited, handle)
        try:
            yield
        finally:
            self._inherited = before

    def run(self, command: Sequence[str | Path], *, env: Mapping[str, str], watch: _Watch | None = None) -> str:
        """Run to the end, output into the log; return the output. `watch` says what to show of a line, or None."""
        words = [str(word) for word in command]
        self._note(f"$ {shlex.join(words)}")
        process = subprocess.Popen(
            words,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self._inherited,
        )
        try:
            lines = list(self._follow(process, watch or (lambda line: line.strip() or None)))
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            self._clear()
        if code:
            raise SetupError(_diagnose(words[0], code, lines))
        return "\n".join(lines)

    def _follow(self, process: subprocess.Popen[bytes], watch: _Watch) -> Iterator[str]:
        """Each line as it comes. The line on the terminal moves every second, even while a long compile is silent."""
        if process.stdout is None:
            return
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        pending, shown, last_quiet = b"", "", time.monotonic()
        while True:
            if selector.select(timeout=1.0):
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    break
                *whole, pending = (pending + chunk).replace(b"\r", b"\n").split(b"\n")
                for raw in whole:
                    line = raw.decode(errors="replace")
                    self._note(line)
                    shown = watch(line) or shown
                    yield line
            if self._terminal:
                self._rewrite(shown)
            elif shown and time.monotonic() - last_quiet >= _QUIET_INTERVAL_S:
                last_quiet = time.monotonic()
                self._print(f"  {shown} after {self._elapsed()}")
        if pending:
            self._note(pending.decode(errors="replace"))
            yield pending.decode(errors="replace")

    def _rewrite(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write("\r\x1b[K" + f"  {self._elapsed()}  {text}"[:width])
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")

    def _print(self, text: str) -> None:
        # A reader that went away (a pipe into head) is no reason to stop.
        with contextlib.suppress(BrokenPipeError):
            print(text, file=sys.stderr, flush=True)

    def _note(self, line: str) -> None:
        if self._log:
            print(line, file=self._log, flush=True)

    def _elapsed(self) -> str:
        seconds = time.monotonic() - self._step_started
        return f"{seconds:.0f} s" if seconds < _LONG_S else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _diagnose(program: str, code: int, lines: list[str]) -> str:
    output = "\n".join(lines)
    for pattern, advice in _CAUSES:
        if re.search(pattern, output):
            return advice
    last = "\n".join(f"  | {line}" for line in [line for line in lines if line.strip()][-8:])
    return f"{Path(program).name} failed with exit code {code}:\n{last}"
