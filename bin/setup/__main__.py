"""The set-up, from nothing to a .venv that works: the steps, in order, and how each ends.

Run by ready.sh with the system's own Python, so everything in this folder is standard library only. What a step does is
in the file that it calls; what belongs here is the order, the lock, the stamp and the exit code.
"""

from __future__ import annotations

import argparse
import errno
import signal
import sys
import time
from pathlib import Path

import environment
import machine
import native
from console import Console, SetupError
from places import Places
from stamp import Stamp


def main() -> int:
    """Take every step under the lock; whatever goes wrong ends as one message and an exit code."""
    parser = argparse.ArgumentParser(prog="bin/setup", description="Make .venv what uv.lock says.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--for", dest="purpose", choices=["run", "dev"], required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console()
    try:
        places = Places.of(arguments.root)
        with machine.lock(places.lock, console, "another set-up of this checkout"):
            console.open_log(places.log)
            _set_up(places, Stamp.wanted(places.stamp, key=arguments.key, purpose=arguments.purpose), console)
    except KeyboardInterrupt:
        console.error("Stopped. Nothing half done is taken for whole: the same command goes on from here.")
        return 130
    except SetupError as problem:
        console.error(str(problem))
        return 1
    except OSError as problem:
        console.error(_explain(problem))
        return 1
    return 0


def _set_up(places: Places, wanted: Stamp, console: Console) -> None:
    if wanted.is_on(places.stamp) and machine.runs(places.venv_python):
        return  # somebody else made it while we waited for the lock
    started = time.monotonic()
    if places.stamp.exists():
        console.say("Bringing .venv up to what this checkout asks for: seconds, mostly.")
    else:
        console.say("Setting up: minutes the first time on a machine, seconds in the next checkout, then never again.")
    if wanted.flags:
        console.say(f"llama.cpp will be built with: {wanted.flags}")
    machine.prepare(places, console)
    if wanted.purpose == "dev":
        machine.servers_for_tests(console)
    with console.step("Tools: uv, cmake and ninja from PyPI", usually="10 s"):
        tools = environment.tools(places, console)
    with console.step("Packages: everything in uv.lock, into .venv", usually="20 s to a minute"):
        environment.packages(places, wanted, tools, console)
    native.libraries(places, wanted.flags, tools, console)
    with console.step("Check: the native libraries load", usually="2 s"):
        native.check(places, console)
    wanted.write(places.stamp)
    console.say(f"Ready, after {time.monotonic() - started:.0f} s.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _explain(problem: OSError) -> str:
    where = f" ({problem.filename})" if problem.filename else ""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full{where}. Make room (about 2 GB), then run the same command again."
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"May not write{where}. The checkout and the cache folder must be writable; "
            "TIDEGATE_CACHE names another cache folder."
        )
    return f"{problem.strerror or problem}{where}."


if __name__ == "__main__":
    sys.exit(main())
