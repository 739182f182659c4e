"""What StegNet and Deep-Steg cost: weights, time and memory, to learn and to use.

    python benchmarks/against_deep_steg.py [--pairs 16] [--side 512] [--repeats 3] [--threads 1] [--json]

Each cell is measured in a process of its own: the best of some steps after a first one that is not counted, and the
largest resident memory above that before the networks were made. Both run as `intarsia` runs them, bfloat16 where the
processor multiplies it, channels last. Fresh weights will do; the time does not depend on them.

    learn    one step: pairs of 64x64, losses, backward, Adam
    use      container and revealed secret of one pair of SIDE x SIDE, in tiles, no gradient

How visible the secret is in container - cover, the third thing StegNet claims, needs trained networks: `stegnet.py`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

METHODS = ("stegnet", "deep_steg")
WORKS = ("learn", "use")


def memory() -> float:
    """Return the largest resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def learning(method: Any, pairs: int) -> Callable[[], object]:  # noqa: ANN401
    """Return one step of learning from `pairs` of 64 x 64."""
    import torch

    learner = method.learner(method.Config(), method.recipe)
    learner.net.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(learner.net.parameters(), 1e-5, fused=True)
    batch = {
        name: torch.randint(0, 256, (pairs, 3, 64, 64), dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
        for name in ("cover", "secret")
    }
    phase = learner.phases[0]

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            terms = learner.losses(batch, phase).terms
        sum(phase.weights.get(name, 1.0) * term for name, term in terms.items()).backward()
        optimiser.step()

    return step


def using(method: Any, side: int) -> Callable[[], object]:  # noqa: ANN401
    """Return hiding and revealing of one pair of `side` x `side`."""
    import torch

    config = method.Config()
    net = method.network(config).to(memory_format=torch.channels_last).eval()
    cover, secret = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)

    def use() -> None:
        tile = method.tile(config)
        container = method._through(lambda c, s: method.embed(net, c, s, config), net, tile, cover, secret)
        method._through(lambda c: method.extract(net, c, config), net, tile, container)

    return use


def measured(name: str, work: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure one cell in this process."""
    import torch

    from intarsia import methods

    torch.set_num_threads(options.threads)
    method: Any = methods.load(name)
    before = memory()
    step = learning(method, options.pairs) if work == "learn" else using(method, options.side)
    taken = []
    for _ in range(options.repeats + 1):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    weights = sum(weight.numel() for weight in method.network(method.Config()).parameters())
    return {"weights": weights, "seconds": min(taken[1:]), "megabytes": memory() - before}


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--pairs", type=int, default=16)
    asked.add_argument("--side", type=int, default=512)
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.cell:
        print(json.dumps(measured(*options.cell, options)))
        return
    found = {}
    for name in METHODS:
        for work in WORKS:
            done = subprocess.run(
                [sys.executable, *sys.argv, "--cell", name, work], check=True, stdout=subprocess.PIPE, text=True
            )
            found[f"{name} {work}"] = json.loads(done.stdout)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.threads} thread(s); learn: {options.pairs} pairs of 64x64; use: one pair of {options.side}")
    for name, cell in found.items():
        print(f"{name:18}{cell['weights']:>12,} weights{cell['seconds']:>9.2f} s{cell['megabytes']:>9.0f} MB")


if __name__ == "__main__":
    main()
