"""Other tools beside us on the same picture: `make bench`.

    python benchmarks/compare.py [COVER.png] [--stegano PATH] [--json FILE]

Without COVER, scikit-image's coffee photograph (enlarged to 512x512). Each tool hides 10 KB, 64 KB and the largest
random file it takes; the file is revealed in a new process and compared byte for byte. Wall-clock and CPU time and
peak memory are those of whole processes, best of three; the password's cost is inside them, and shown apart for
us. PSNR is over RGB from the saved file. Tools that are not installed are skipped and said so.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pil

PASSWORD = "benchmark"
SIZES = (10_000, 65_536)
RUNS = 3


@dataclass(frozen=True)
class Tool:
    """A tool: the commands that hide and reveal, and the container's suffix."""

    name: str
    suffix: str
    hide: Callable[[str, str, str], list[str]]
    reveal: Callable[[str, str], list[str]]
    upper: int  # bytes it cannot take, where the search for the largest begins


@dataclass(frozen=True)
class Cost:
    """What one whole process took: seconds of wall clock and CPU, peak memory in MB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Row:
    """One tool with one payload; `psnr` in dB over RGB."""

    tool: str
    size: int
    hide: Cost
    reveal: Cost
    psnr: float

    def line(self) -> str:
        """Return the row of the table."""
        costs = " | ".join(f"{c.wall:.2f} | {c.cpu:.2f} | {c.memory:.0f}" for c in (self.hide, self.reveal))
        return f"| {self.tool} | {self.size:,} | {costs} | {self.psnr:.1f} |"


def tools(stegano: str | None) -> list[Tool]:
    """Return the tools that are installed."""
    ours = [sys.executable, "-m", "intarsia"]
    quiet = ["--force", "--quiet"]
    found = [
        Tool(
            "intarsia",
            ".png",
            lambda c, s, o: [*ours, "hide", c, s, "-o", o, *quiet],
            lambda c, o: [*ours, "reveal", c, "-o", o, *quiet],
            156_000,
        )
    ]
    if stegano:
        found.append(
            Tool(
                "stegano (no encryption)",
                ".png",
                lambda c, s, o: [stegano, "hide", "-i", c, "-f", s, "-o", o],
                lambda c, o: [stegano, "reveal", "-i", c, "-o", o],
                100_000,
            )
        )
    if shutil.which("steghide"):
        found.append(
            Tool(
                "steghide",
                ".bmp",
                lambda c, s, o: ["steghide", "embed", "-cf", c, "-ef", s, "-sf", o, "-p", PASSWORD, "-f", "-q"],
                lambda c, o: ["steghide", "extract", "-sf", c, "-xf", o, "-p", PASSWORD, "-f", "-q"],
                50_000,
            )
        )
    if shutil.which("stegosuite"):
        found.append(
            Tool(
                "stegosuite",
                ".png",
                lambda c, s, o: ["stegosuite", "embed", "-k", PASSWORD, "-f", s, "-o", o, c],
                # It writes the file beside the picture, under the name it was hidden with.
                lambda c, o: [
                    "sh",
                    "-c",
                    f"cp {c} {Path(o).parent} && exec stegosuite extract -k {PASSWORD} {Path(o).parent / Path(c).name}",
                ],
                100_000,
            )
        )
    return found


_METER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
quiet = subprocess.DEVNULL
process = subprocess.Popen(sys.argv[1:], stdout=quiet, stderr=quiet)
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - started
print(json.dumps([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


def timed(command: list[str]) -> Cost | None:
    """Run a whole process; None when it failed.

    A bare interpreter starts it: a child's peak memory includes that of whoever forked it.
    """
    environment = os.environ | {"INTARSIA_PASSWORD": PASSWORD}
    meter = [sys.executable, "-ISc", _METER, *command]
    code, wall, cpu, memory = json.loads(subprocess.run(meter, capture_output=True, env=environment, check=True).stdout)
    return Cost(wall, cpu, memory) if code == 0 else None


def tried(tool: Tool, cover: Path, size: int, folder: Path, runs: int = 1) -> Row | None:
    """Hide and reveal `size` random bytes `runs` times; None when any of it fails or differs."""
    secret, container, back = folder / "secret.bin", folder / f"container{tool.suffix}", folder / "back" / "secret.bin"
    secret.write_bytes(np.random.default_rng(size).bytes(size))
    costs = []
    for _ in range(runs):
        container.unlink(missing_ok=True)
        shutil.rmtree(back.parent, ignore_errors=True)
        back.parent.mkdir()
        hidden = timed(tool.hide(str(cover), str(secret), str(container)))
        revealed = timed(tool.reveal(str(container), str(back))) if hidden and container.exists() else None
        if hidden is None or revealed is None or not back.exists() or back.read_bytes() != secret.read_bytes():
            return None
        costs.append((hidden, revealed))
    best = [min(column, key=lambda cost: cost.wall) for column in zip(*costs, strict=True)]
    return Row(tool.name, size, best[0], best[1], psnr(cover, container))


def largest(tool: Tool, cover: Path, folder: Path) -> int:
    """Return the largest size, to 256 bytes, that comes back."""
    low, high = 0, tool.upper
    while high - low > 256:
        middle = (low + high) // 2
        low, high = (middle, high) if tried(tool, cover, middle, folder) else (low, middle)
    return low


def psnr(cover: Path, container: Path) -> float:
    """PSNR in dB over RGB of two picture files."""
    a, b = (np.asarray(Pil.open(path).convert("RGB")).astype(float) for path in (cover, container))
    return float(10 * np.log10(255**2 / np.mean((a - b) ** 2)))


def covers(given: Path | None, folder: Path) -> dict[str, Path]:
    """Return the cover as PNG and as BMP (which is all that steghide takes)."""
    if given is None:
        from skimage import data

        picture = Pil.fromarray(data.coffee()).resize((512, 512), Pil.Resampling.LANCZOS)
    else:
        picture = Pil.open(given).convert("RGB")
    paths = {suffix: folder / f"cover{suffix}" for suffix in (".png", ".bmp")}
    for path in paths.values():
        picture.save(path)
    return paths


def ourselves() -> list[str]:
    """Measure what is only ours: the password's cost, the bare carrier, and --help."""
    from intarsia.carrier.keys import Keys, stretch
    from intarsia.carrier.places import Places
    from intarsia.carrier.scattered import Scattered

    started = time.perf_counter()
    stretch(PASSWORD, bytes(16))
    lines = [f"password to key (Argon2id, 64 MiB, t = 3): {time.perf_counter() - started:.2f} s"]
    samples = np.random.default_rng(0).integers(1, 255, 24_000_000, dtype=np.uint8)
    for order in (1, 2, 3):
        channel = Scattered(Places(samples), Keys(bytes(32)), "exact", 64)
        payload = np.random.default_rng(1).bytes(channel.capacity_at(order))
        started = time.perf_counter()
        channel.write(payload)
        written = time.perf_counter()
        assert channel.read(len(payload)) == payload
        rates = (24 / (written - started), 24 / (time.perf_counter() - written))
        lines.append(
            f"carrier alone, r = {order}, full: writes {rates[0]:.0f}, reads {rates[1]:.0f} MB of cover per second"
        )
    helps = [timed([sys.executable, "-m", "intarsia", "--help"]) for _ in range(RUNS)]
    lines.append(f"intarsia --help: {min(cost.wall for cost in helps if cost):.2f} s")
    return lines


def main() -> None:
    """Print the table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cover", type=Path, nargs="?")
    parser.add_argument("--stegano", default=shutil.which("stegano-lsb"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print("| tool | bytes | hide (s) | CPU (s) | MB | reveal (s) | CPU (s) | MB | cover PSNR (dB) |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = covers(options.cover, folder)
        for tool in tools(options.stegano):
            for size in (*SIZES, largest(tool, paths[tool.suffix], folder)):
                row = tried(tool, paths[tool.suffix], size, folder, RUNS)
                rows += [row] if row else []
                print(row.line() if row else f"| {tool.name} | {size:,} | does not fit |  |  |  |  |  |  |", flush=True)
    for line in ourselves():
        print(line)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
