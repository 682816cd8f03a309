"""What the doctor checks of the router's side: that each detector is whole, and that the gate opens."""

import importlib.util
from collections.abc import Iterator

from tidegate.cli import doctor
from tidegate.cli.doctor import Finding
from tidegate.settings import Settings


def add() -> None:
    """Hand the checks to the doctor."""
    if _detectors not in doctor.CHECKS:  # mounted on the router's own app as well
        doctor.CHECKS += [_detectors]


def _detectors(settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("presidio_analyzer") is None:
        yield Finding("detectors", ok=None, detail="not installed here: needed only by routers")
        return
    from router.inspection import open_inspector  # noqa: PLC0415 - seconds of imports

    inspector = open_inspector(settings)
    try:
        for name, problem in inspector.checkup():
            yield Finding(f"detector {name}", ok=problem is None, detail=problem or "ready")
        gated = inspector.gated
        yield Finding("gate", ok=gated or None, detail="open" if gated else "closed: everything works, slower")
    finally:
        inspector.close()
