"""supervisord's side of an installation: its configuration, and the process that runs it.

supervisord restarts what dies, rotates logs and stops everything in order; nothing of that is written here again.
"""

import ctypes
import os
import shlex
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from supervisor import supervisord

from tidegate.runtime.programs import Program

STOP_WAIT_S = 15
"""supervisord's patience with one process; more than a worker's own grace."""

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal to send to this process when its parent dies."""


def configuration(programs: Iterable[Program], *, data: Path) -> str:
    """The supervisor's file. Early programs stand alone and stop last; the others stop together, before them."""
    programs = tuple(programs)
    logs = data / "logs"
    sections = [_head(logs, pid_file=data / "run" / "supervisor.pid")]
    sections += [_section(program, logs) for program in programs]
    together = ",".join(program.name for program in programs if not program.first)
    sections.append(f"[group:tidegate]\nprograms={together}\npriority=100\n")
    return "\n".join(sections)


def main(config: str, *, parent: int) -> None:
    """Become supervisord; stop everything when the process that started us dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked to be told; in a container it may itself be process 1
        sys.exit(1)
    supervisord.main(["-c", config])


def _head(logs: Path, *, pid_file: Path) -> str:
    lines = {
        "nodaemon": "true",
        "silent": "true",
        "minfds": "256",
        "minprocs": "10",
        "logfile": _escaped(str(logs / "supervisor.log")),
        "pidfile": _escaped(str(pid_file)),
        "childlogdir": _escaped(str(logs)),
    }
    return _block("supervisord", lines)


def _section(program: Program, logs: Path) -> str:
    hidden = [part for name in program.hidden for part in ("-u", name)]
    command = ("/usr/bin/env", *hidden, *program.command)
    environment = ",".join(f'{name}="{_escaped(value)}"' for name, value in program.env.items())
    lines = {
        "command": _escaped(shlex.join(command)),
        "priority": "1" if program.first else "100",
        "autorestart": "true",
        "startsecs": "1",
        "startretries": "10",
        "stopwaitsecs": str(STOP_WAIT_S),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _escaped(str(logs / f"{program.name}.log")),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "2",
        **({"environment": environment} if environment else {}),
    }
    return _block(f"program:{program.name}", lines)


def _block(name: str, lines: Mapping[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def _escaped(text: str) -> str:
    """Supervisord expands percent signs."""
    return text.replace("%", "%%")


if __name__ == "__main__":
    main(sys.argv[1], parent=int(sys.argv[2]))
