"""The frontier as a picture."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

STYLES = {
    "tidegate, tagger's thresholds times a factor": ("#0b6e4f", "-", None),
    "tidegate as shipped": ("#0b6e4f", "", "*"),
    "tidegate without its tagger": ("#6bbf59", "", "s"),
    "patterns and the CRF baseline": ("#c8553d", "-", None),
    "Presidio, blank engine": ("#4a4e69", "--", "o"),
}
WIDEST = 0.5
"""Nobody runs a system that keeps every second harmless prompt inside."""


def plot(found: dict[str, Any], path: Path) -> None:
    """One panel for each of the data."""
    kinds = [name for name in ("development", "held out") if name in found]
    figure, panels = plt.subplots(1, len(kinds), figsize=(6.2 * len(kinds), 4.6), sharey=True, squeeze=False)
    for panel, name in zip(panels[0], kinds, strict=True):
        _draw(panel, found[name], name)
    panels[0][0].set_ylabel("personal documents kept inside")
    panels[0][-1].legend(loc="lower right", fontsize=8, frameon=False)
    if found["presidio_as_it_comes"]:
        figure.text(0.01, 0.005, "Presidio as it comes does not start without a model and a network.", fontsize=7)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    mpl.rcParams["svg.hashsalt"] = "tidegate"
    figure.savefig(path, metadata={"Date": None})


def _draw(panel: Any, here: dict[str, Any], name: str) -> None:
    for system, points in here["systems"].items():
        colour, line, marker = STYLES[system]
        shown = sorted({(point["false_alarms"], point["recall"]) for point in points if point["recall"]})
        panel.plot(
            [alarms for alarms, _ in shown], [recall for _, recall in shown], linestyle=line or "none", marker=marker,
            markersize=12 if marker == "*" else 5, color=colour, label=system,
        )  # fmt: skip
    panel.axhline(0.98, color="#bbbbbb", linewidth=0.8)
    panel.axvline(0.08, color="#bbbbbb", linewidth=0.8)
    panel.set_xlim(0, WIDEST)
    panel.set_ylim(0, 1.01)
    panel.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
    panel.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
    panel.set_xlabel("harmless prompts kept inside")
    panel.set_title(f"{name}: {here['personal']:,} personal, {here['clean']:,} harmless", fontsize=10)
