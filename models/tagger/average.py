#!/usr/bin/env python3
"""The mean of checkpoints of one line of training: steadier on what none of them has seen than the last alone."""

import argparse
from pathlib import Path

import torch


def main() -> None:
    """Write the mean."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    saved = [torch.load(path, weights_only=True) for path in options.checkpoints]
    networks = [each["network"] for each in saved]
    mean = {name: sum(network[name] for network in networks) / len(networks) for name in networks[0]}
    torch.save({**saved[-1], "network": mean}, options.out)


if __name__ == "__main__":
    main()
