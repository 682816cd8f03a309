"""Ports for servers that must be told theirs: neither another test process nor an outgoing connection gets them."""

import os
import random
import socket

_FIRST, _EACH, _PROCESSES = 12_000, 1_600, 12
"""Below the kernel's own range for outgoing connections, from 32,768: it stays free until a slow server has started."""

_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
_given = iter(random.sample(range(_FIRST + _process * _EACH, _FIRST + (_process + 1) * _EACH), _EACH))


def free_port() -> int:
    """A port that nobody listens on now, and that was given to nobody before."""
    for port in _given:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError("every port of this test process was given away")
