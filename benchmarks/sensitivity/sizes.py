"""Large texts: a quarter, a half and one megabyte, plain and full of findings. Each in a process of its own.

Told are time, peak memory above that of the opened inspection, and the level: past the time limit it must be `unknown`.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KILOBYTES = (256, 512, 1024)
KINDS = ("plain", "dense", "digits", "one line")

_SENTENCE = """
the harbour wall was built in stages and each stage used a different stone which visitors notice before they notice
anything else about it while masons point out joints that are narrow where money was plentiful and wide where not
"""
_WORDS = _SENTENCE.split()


def sizes() -> list[dict[str, Any]]:
    """A row for each kind and size."""
    rows = [_apart(kind, size) for kind in KINDS for size in KILOBYTES]
    for kind in KINDS:
        half, whole = (row for row in rows if row["kind"] == kind and row["kilobytes"] >= KILOBYTES[1])
        whole["growth_from_half"] = round(whole["cpu_s"] / max(half["cpu_s"], 1e-9), 2)
    return rows


def _apart(kind: str, kilobytes: int) -> dict[str, Any]:
    # With the limit as shipped, whatever the rest of the benchmark is given.
    environ = {name: value for name, value in os.environ.items() if name != "TIDEGATE_DETECT_TIMEOUT_S"}
    command = [sys.executable, __file__, kind, str(kilobytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environ)
    if done.returncode:
        return {"kind": kind, "kilobytes": kilobytes, "error": done.stderr[-300:], "cpu_s": 0.0}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(kind: str, kilobytes: int) -> dict[str, Any]:
    """One text in this process."""
    from router.inspection import open_inspector  # noqa: PLC0415 -- the parent needs none
    from tidegate.job import Job  # noqa: PLC0415
    from tidegate.settings import Settings  # noqa: PLC0415

    settings = Settings()
    inside = open_inspector(settings)
    for text in ("warm up, call +1 212 555 0199", _text(kind, 8)):
        inside.inspect(Job(text=text))
    job = Job(text=_text(kind, kilobytes))
    before_kb = _peak_kb(afresh=True)
    started, cpu = time.monotonic(), time.process_time()
    found = inside.inspect(job).sensitivity
    wall_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
    return {
        "kind": kind, "kilobytes": kilobytes, "wall_s": round(wall_s, 3), "cpu_s": round(cpu_s, 3),
        "peak_mb_above": round((_peak_kb() - before_kb) / 1024, 1),
        "level": found.level.value, "cause": found.cause, "limit_s": settings.detect_timeout_s,
        "in_time": wall_s <= settings.detect_timeout_s + 0.5,
    }  # fmt: skip


def _peak_kb(*, afresh: bool = False) -> int:
    """The most memory that was resident, since the process began or afresh."""
    if afresh:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def _text(kind: str, kilobytes: int) -> str:
    rng, size, parts, length = random.Random(kilobytes), kilobytes * 1024, [], 0  # noqa: S311
    while length < size:
        part = _LINES[kind](rng)
        parts.append(part)
        length += len(part)
    return "".join(parts)[:size]


def _plain(rng: random.Random) -> str:
    return " ".join(rng.choices(_WORDS, k=14)).capitalize() + ".\n"


def _dense(rng: random.Random) -> str:
    name = f"{rng.choice(_WORDS)}.{rng.choice(_WORDS)}{rng.randint(1, 999)}"
    return (
        f"{name.title()}, {name}@mail{rng.randint(1, 99)}.com, +1 {rng.randint(201, 989)} {rng.randint(220, 989)}"
        f" {rng.randint(1000, 9999)}, card {rng.randint(4000, 4999)} {rng.randint(1000, 9999)}"
        f" {rng.randint(1000, 9999)} {rng.randint(1000, 9999)}, ip 10.{rng.randint(0, 255)}.{rng.randint(0, 255)}"
        f".{rng.randint(1, 254)}\n"
    )


def _digits(rng: random.Random) -> str:
    return f"{rng.randint(0, 10**9)} {rng.randint(0, 99)}-{rng.randint(0, 9999)}, "


def _one_line(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", k=64))


_LINES = {"plain": _plain, "dense": _dense, "digits": _digits, "one line": _one_line}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
