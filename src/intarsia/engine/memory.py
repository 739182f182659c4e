"""What a program that trains can ask of the memory allocator."""

import ctypes
import os
import platform

_TRIM, _MAPPED = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h


def keep_memory() -> bool:
    """Ask the allocator to keep what is freed, and for large pages; True if there is such an allocator (glibc).

    A training step frees and takes the same gigabytes again and again, and each time the system clears every page.
    This holds for the whole process and cannot be undone, so it is for programs that train, not for libraries.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it at its first large tensor
    if platform.libc_ver()[0] != "glibc":
        return False
    change = ctypes.CDLL(None).mallopt
    return bool(change(_TRIM, 2**31 - 1)) and bool(change(_MAPPED, 0))
