"""Export: dead letters as JSON lines in a file of mode 600, without their texts unless they are revealed."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tidegate.deadletters.letters import Letter
from tidegate.errors import Conflict, Misuse, PayloadMissing, SealBroken, StorageFull, UnknownJob
from tidegate.job import Job


def export(letters: Iterable[Letter], file: Path, *, reveal: Callable[[str], Job] | None = None) -> int:
    """Write each letter on a line of its own. Returns how many. An unfinished file does not get the name.

    Raises Misuse where the file exists or its folder does not, StorageFull where it cannot be written.
    """
    if file.exists():
        raise Misuse(f"{file}: exists already; give another name, or remove it")
    if not file.parent.is_dir():
        raise Misuse(f"{file.parent}: no such folder")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    count = 0
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as lines:
            for letter in letters:
                lines.write(json.dumps(_line(letter, reveal), ensure_ascii=False) + "\n")
                count += 1
        draft.replace(file)
    except OSError as exc:
        raise StorageFull(f"{file}: cannot be written: {exc.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def _line(letter: Letter, reveal: Callable[[str], Job] | None) -> dict[str, Any]:
    facts = letter.model_dump(mode="json", exclude_none=True)
    if reveal is None:
        return facts
    try:
        return {**facts, "job": reveal(letter.id).model_dump(mode="json", exclude_none=True)}
    except (Conflict, PayloadMissing, SealBroken, UnknownJob) as exc:
        return {**facts, "job": None, "missing": type(exc).__name__}
