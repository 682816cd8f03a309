"""The table of aims: what must be kept inside is, and what is harmless is not."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any
from zlib import crc32

from systems import inspector

from router.evaluation import tally
from router.evaluation.looking import outcomes
from router.evaluation.rows import Row, read_rows
from router.evaluation.tally import Pair, Share
from router.inspection import Inspector

MOST_BYTES = 4_000_000

HARD = frozenset({
    "API_KEY", "BANK_ACCOUNT_NUMBER", "CARD", "CONNECTION_STRING", "CREDIT_CARD", "CREDIT_CARD_NUMBER", "EMAIL",
    "EMAIL_ADDRESS", "IBAN", "IBAN_CODE", "IP", "IP_ADDRESS", "JWT", "MAC_ADDRESS", "PASSWORD", "PHONE", "PHONE_NUMBER",
    "PRIVATE_KEY", "SOCIAL_SECURITY_NUMBER", "SSN", "US_DRIVER_LICENSE", "US_SSN",
})  # fmt: skip
STRICT = HARD | {"PERSON", "PERSON_NAME", "STREET_ADDRESS", "ADDRESS"}
"""A name, an address or a hard identifier."""

CONTROL = "control"
"""Harmless words and numbers in the disguises of the personal ones: reported, and no prompts that anybody writes."""

CLEAN = ("clean_self_instruct", "clean_humaneval", "clean_gsm8k")
DISGUISED = ("evasion_one_value", "adversarial_one_value")


@dataclass(frozen=True)
class Data:
    """Files by name, public and held out."""

    public: Mapping[str, tuple[Row, ...]]
    held_out: Mapping[str, tuple[Row, ...]]
    folds: Mapping[tuple[int, int], Path]
    folder: Path

    @classmethod
    def read(
        cls, folder: Path, *, held_out: Path | None, folds: Mapping[tuple[int, int], Path], every: int = 1
    ) -> "Data":
        """Every file of both folders, every so many rows of each."""
        return cls(_files(folder, every), _files(held_out, every) if held_out else {}, folds, folder)


def _files(folder: Path, every: int) -> dict[str, tuple[Row, ...]]:
    return {path.stem: read_rows(path, max_bytes=MOST_BYTES)[::every] for path in sorted(folder.glob("*.jsonl"))}


def measures(data: Data) -> list[dict[str, Any]]:
    """Each aim with what was measured."""
    with inspector() as inside:
        public = {name: look(rows, inside) for name, rows in data.public.items()}
        held_out = {name: look(rows, inside) for name, rows in data.held_out.items()}
    every = [*public.items(), *((f"held out: {name}", pairs) for name, pairs in held_out.items())]
    found = [
        _recall("hard identifier", 0.999, _hard(pairs), name=name)
        for name, pairs in every
        if name not in DISGUISED and "disguised" not in name
    ]
    synth = public.get("presidio_synth_v2", ())
    if data.folds and synth:
        folded = by_template_folds(data)
        found.append(
            _recall(
                "name, address or hard identifier", 0.98, strict(folded), name="presidio_synth_v2, templates held out"
            )
        )
        found.append(
            _alarms(
                0.08, [pair for pair in folded if not pair[0].personal], name="presidio_synth_v2, templates held out"
            )
        )
    learnt = " (its templates are in the tagger's training)"
    found.append(_recall("name, address or hard identifier", 0.98, strict(synth), name=f"presidio_synth_v2{learnt}"))
    found += [
        _recall("name, address or hard identifier", 0.98, pairs, name=f"held out: {name}")
        for name, pairs in held_out.items()
        if name in ("named", "hard")
    ]
    found += [_recall("disguised identifier", 0.95, public[name], name=name) for name in DISGUISED if name in public]
    for name in ("disguised_novel", "disguised_shown", "disguised_listed"):
        if name in held_out:
            found.append(
                _recall("disguised identifier", 0.95, held_out[name], name=f"held out: {name}", by="transform")
            )
    found += [
        _alarms(0.08 if name != "clean_gsm8k" else None, public[name], name=name) for name in CLEAN if name in public
    ]
    clean = [pair for name, pairs in held_out.items() for pair in pairs if not pair[0].personal and name != CONTROL]
    for group in tally.by_group(clean, "source"):
        members = [pair for pair in clean if pair[0].source == group.name]
        found.append(_alarms(0.08, members, name=f"held out: {group.name}"))
    if clean:
        found.append(_alarms(0.08, clean, name="held out: all clean prompts"))
    found.append(_alarms(None, held_out.get(CONTROL, ()), name="held out: harmless in disguise"))
    return [row for row in found if row["of"]]


def look(rows: Sequence[Row], inside: Inspector) -> list[Pair]:
    """What the inspection says of each row."""
    look_at: Callable[..., Any] = lambda job: inside.inspect(job).sensitivity  # noqa: E731
    return list(zip(rows, outcomes(rows, opener=lambda: nullcontext(look_at)), strict=True))


def strict(pairs: Iterable[Pair]) -> list[Pair]:
    """Those that hold a name, an address or a hard identifier."""
    return [pair for pair in pairs if pair[0].types & STRICT]


def by_template_folds(data: Data) -> list[Pair]:
    """Presidio's generated sentences, each judged with a tagger that has not seen a sentence of its template."""
    from models.tagger import recipe  # noqa: PLC0415 -- only where folds were given

    templates = {
        example.text: example.template for example in recipe.public(data.folder.parent) if "presidio" in example.source
    }
    found: list[Pair] = []
    for (part, parts), artefact in data.folds.items():
        rows = [
            row for row in data.public["presidio_synth_v2"]
            if row.job.text in templates and _part(templates[row.job.text], parts) == part
        ]  # fmt: skip
        with inspector(artefact=artefact) as inside:
            found += look(rows, inside)
    return found


def _part(template: str, parts: int) -> int:
    """As `fold_of` of models/tagger/train.py, which cannot be imported without what training needs."""
    return crc32(template.encode(errors="surrogatepass")) % parts


def _hard(pairs: Iterable[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair[0].types & HARD]


def _recall(what: str, aim: float, pairs: Sequence[Pair], *, name: str, by: str | None = None) -> dict[str, Any]:
    share = tally.recall(pairs)
    row = _row(what, share, name=name, aim=f"at least {aim:.1%}", met=share.share is not None and share.share >= aim)
    if by is not None:
        groups = [group for group in tally.by_group(pairs, by) if group.recall.of]
        row["mean_over_groups"] = round(mean(group.recall.share or 0 for group in groups), 4)
        row["groups"] = {group.name: group.recall.share and round(group.recall.share, 3) for group in groups}
    templates: dict[str, list[bool]] = defaultdict(list)
    for pair in pairs:
        if pair[0].personal and pair[0].template is not None:
            templates[pair[0].template].append(pair[1].inside)
    if templates:
        row["templates"] = len(templates)
        row["mean_over_templates"] = round(mean(mean(kept) for kept in templates.values()), 4)
    return row


def _alarms(aim: float | None, pairs: Sequence[Pair], *, name: str) -> dict[str, Any]:
    share = Share(len(tally.alarms(pairs)), sum(not row.personal for row, _ in pairs))
    met = None if aim is None or share.share is None else share.share < aim
    row = _row(
        "clean prompt kept inside", share, name=name, aim="reported" if aim is None else f"under {aim:.0%}", met=met
    )
    row["types"] = dict(tally.alarm_types(pairs).most_common(6))
    return row


def _row(what: str, share: Share, *, name: str, aim: str, met: bool | None) -> dict[str, Any]:
    interval = share.interval
    return {
        "what": what, "data": name, "aim": aim, "share": share.share and round(share.share, 5), "inside": share.hits,
        "of": share.of, "interval": interval and [round(bound, 4) for bound in interval], "met": met,
    }  # fmt: skip
