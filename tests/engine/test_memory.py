"""Memory that is kept is not asked for again."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from intarsia.engine import memory
assert not sys.argv[1:] or memory.keep_memory()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = b"x" * (80 << 20)
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, "torch" in sys.modules)
"""


def faults(*arguments):
    run = subprocess.run([sys.executable, "-c", FAULTS, *arguments], capture_output=True, text=True, check=True)
    count, torch = run.stdout.split()
    assert torch == "False"
    return int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator can be asked")
def test_what_is_freed_is_kept():
    assert 2 * faults("keep") < faults()
