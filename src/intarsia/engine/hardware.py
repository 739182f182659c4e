"""Where and in which numbers a network runs."""

import os
import platform
from collections.abc import Callable

import torch

from ..errors import UsageError

_CPU_BFLOAT16 = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")


def device(wanted: str, tell: Callable[[str], None]) -> torch.device:
    """Return the device for "auto", "cpu" or "cuda"; where there is no GPU, the CPU, and says so."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is {wanted!r}; expected auto, cpu or cuda")
    if wanted != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if wanted == "cuda":
        tell("no GPU that torch can use was found; going on with the CPU")
    return torch.device("cpu")


def has_bfloat16(where: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 itself; elsewhere it would only be slower."""
    if where.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    asked = (getattr(torch.cpu, name, None) for name in _CPU_BFLOAT16)
    return any(ask() for ask in asked if ask is not None)


def describe(where: torch.device, processes: int = 1) -> str:
    """Return the hardware in words, for cards and run folders."""
    if where.type == "cuda":
        name = torch.cuda.get_device_name(where)
        return f"{processes} x {name}"
    threads = f"{torch.get_num_threads()} threads of {os.cpu_count()} cores"
    return f"CPU {_processor()}, {threads}" + (f", {processes} processes" if processes > 1 else "")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123 (no file of the user's)
            names = [line.partition(":")[2].strip() for line in stream if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
