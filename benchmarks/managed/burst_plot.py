"""The burst as a picture: what came and where it went, how long the inside let wait, what it cost."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

MOST_OF_IT = 0.5
"""A second counts as in overflow where it was for this share of it."""

INSIDE, OUTSIDE, GREY = "#0b6e4f", "#c8553d", "#8a8f99"


def plot(found: dict[str, Any], path: Path) -> None:
    """Three panels over the same seconds."""
    rows, phases, policy = found["seconds"], found["phases"], found["policy"]
    at = [row["second"] for row in rows]
    figure, (share, wait, cost) = plt.subplots(3, 1, figsize=(8, 7.2), sharex=True)
    for panel in (share, wait, cost):
        panel.axvspan(phases["calm_s"], phases["calm_s"] + phases["burst_s"], color="#f2f2f2", zorder=0)
        panel.spines[["top", "right"]].set_visible(False)
        _overflow(panel, rows)
    share.bar(at, [row["came"] for row in rows], width=1, color="#d9dce1", align="edge", label="jobs that came")
    share.set_ylabel("jobs a second")
    right = share.twinx()
    right.step(
        at, [row["share_outside"] for row in rows], where="post", color=OUTSIDE, label="share of simple ones outside"
    )
    right.set_ylim(0, 1.05)
    right.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
    right.spines[["top"]].set_visible(False)
    _legend(share, right)
    wait.plot(at, [row["wait_inside_p50_s"] for row in rows], color=INSIDE, label="wait inside, p50")
    wait.plot(at, [row["wait_inside_max_s"] for row in rows], color=INSIDE, linestyle=":", label="longest")
    wait.axhline(policy["over_s"], color=GREY, linewidth=0.8, linestyle="--")
    wait.axhline(policy["until_s"], color=GREY, linewidth=0.8, linestyle="--")
    wait.text(0.2, policy["over_s"], "over", fontsize=8, color=GREY, va="bottom")
    wait.text(0.2, policy["until_s"], "until under", fontsize=8, color=GREY, va="bottom")
    wait.set_ylabel("seconds")
    wait.legend(loc="upper right", fontsize=8, frameon=False)
    cost.plot(at, [row["cost_usd"] * 100 for row in rows], color=OUTSIDE, label="spent so far")
    cost.set_ylabel("US cents")
    cost.set_xlabel("seconds; grey: the burst; striped: the rule is in overflow")
    cost.legend(loc="upper left", fontsize=8, frameon=False)
    figure.tight_layout()
    mpl.rcParams["svg.hashsalt"] = "tidegate"
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _overflow(panel: Any, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if (row["overflow"] or 0) >= MOST_OF_IT:
            panel.axvspan(
                row["second"], row["second"] + 1, facecolor="none", edgecolor="#e8d5cf", hatch="///", linewidth=0
            )


def _legend(*panels: Any) -> None:
    both = [panel.get_legend_handles_labels() for panel in panels]
    handles = [handle for one in both for handle in one[0]]
    labels = [label for one in both for label in one[1]]
    panels[-1].legend(handles, labels, loc="upper right", fontsize=8, frameon=False)
