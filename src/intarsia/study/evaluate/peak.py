"""The most memory a stretch of work takes on top of what was held before, where the system can tell (Linux).

resident before ─┐
├─► difference, MB          elsewhere: what the highest mark of the process rose by
highest within ──┘
"""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass
class Memory:
    """Megabytes; known when the block ends."""

    megabytes: float = 0.0


@contextlib.contextmanager
def watched() -> Iterator[Memory]:
    """Watch a block."""
    found = Memory()
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")  # the highest mark of resident memory begins anew
    before = _highest()
    try:
        yield found
    finally:
        found.megabytes = max(0.0, _highest() - before)


def _highest() -> float:
    with contextlib.suppress(OSError, StopIteration, ValueError, IndexError):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    with contextlib.suppress(ImportError):
        import resource

        unit = 1 << 20 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return 0.0
