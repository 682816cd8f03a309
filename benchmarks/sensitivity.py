"""How well and how fast the detectors judge: `python benchmarks/sensitivity.py DATA [--json PATH] [--gates]`.

DATA is a folder of JSONL files, one text a line: `text`, and `spans` ([[start, end, type]]), `types` or `type` for what
it holds; none of them means nothing personal. A text counts as held when the inspection says that it must stay inside.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from router.inspection import Inspector, open_inspector
from tidegate.job import Job
from tidegate.settings import Settings

NOT_PERSONAL = frozenset(
    """
    GPE ORGANIZATION ORGANIZATION_NAME DATE_TIME TIMESTAMP TITLE JOB_TITLE NRP DOMAIN_NAME ZIP_CODE AGE
    """.split()  # noqa: SIM905
)
"""Annotated in the data, and no reason to keep a text inside when nothing else is in it."""


def main() -> None:
    """Measure every file and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of JSONL files")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    parser.add_argument("--gates", action="store_true", help="compare Presidio with gates to its own engine instead")
    given = parser.parse_args()
    files = sorted(given.data.glob("*.jsonl"))
    if given.gates:
        measured: list[dict[str, Any]] = [compare(path) for path in files]
    else:
        inspector = open_inspector(Settings())
        inspector.inspect(Job(text="warm up, 12345678"))
        measured = [measure(path, inspector) for path in files]
    for row in measured:
        print("  ".join(f"{name}={value}" for name, value in row.items() if not isinstance(value, dict)))
        for name, inner in row.items():
            if isinstance(inner, dict) and inner:
                print(f"    {name}: " + ", ".join(f"{key} {value}" for key, value in inner.items()))
    if given.json:
        given.json.write_text(json.dumps(measured, indent=1))


def measure(path: Path, inspector: Inspector) -> dict[str, Any]:
    """Recall over documents with something personal, by type, and false alarms over the others."""
    personal, held, clean, alarms, cpu_s = 0, 0, 0, 0, 0.0
    of_type, held_of_type, alarm_types = Counter[str](), Counter[str](), Counter[str]()
    for text, types in read(path):
        started = time.process_time()
        found = inspector.inspect(Job(text=text)).sensitivity
        cpu_s += time.process_time() - started
        inside = found.level.sensitive
        if types - NOT_PERSONAL:
            personal, held = personal + 1, held + inside
            of_type.update(types)
            held_of_type.update(types if inside else ())
        else:
            clean, alarms = clean + 1, alarms + inside
            alarm_types.update(found.types if inside else ())
    return {
        "file": path.stem,
        "documents": personal + clean,
        "recall": round(held / personal, 4) if personal else None,
        "false_alarms": round(alarms / clean, 4) if clean else None,
        "cpu_ms": round(cpu_s / max(1, personal + clean) * 1000, 2),
        "held": {name: f"{held_of_type[name]}/{of_type[name]}" for name in sorted(of_type)},
        "alarms": dict(alarm_types.most_common()),
    }


def compare(path: Path) -> dict[str, Any]:
    """Documents where the gated detector and Presidio's own engine, with the same recognisers, disagree on a type."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: PLC0415

    from router.signals.sensitivity.levels import LEVELS, counts  # noqa: PLC0415
    from router.signals.sensitivity.presidio import LANGUAGE, NOT_PHONES, Presidio, Words  # noqa: PLC0415

    gated = Presidio()
    engine = AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=list(gated.recognizers)),
        nlp_engine=Words(),
        supported_languages=[LANGUAGE],
    )
    missed, added, both = Counter[str](), Counter[str](), Counter[str]()
    for text, _ in read(path):
        fast = {finding.type for finding in gated.find(text) if counts(finding)}
        results = engine.analyze(text, LANGUAGE)
        slow = {
            result.entity_type
            for result in results
            if result.score >= LEVELS[result.entity_type].least
            # Not asked on purpose: an IPv4 address is a phone number in Brazil.
            and not (result.entity_type == "PHONE_NUMBER" and NOT_PHONES.fullmatch(text[result.start : result.end]))
        }
        missed.update(slow - fast)
        added.update(fast - slow)
        both.update(slow & fast)
    return {"file": path.stem, "same": dict(both), "missed": dict(missed), "added": dict(added)}


def read(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Each text with the types that it holds."""
    for line in path.open(encoding="utf-8"):
        row = json.loads(line)
        spans = {kind for _, _, kind in row.get("spans", ())}
        yield row["text"], spans | set(row.get("types", ())) | ({row["type"]} if "type" in row else set())


if __name__ == "__main__":
    main()
