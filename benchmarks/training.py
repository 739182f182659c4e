"""How fast small convolutional networks learn on a CPU, against a plain loop in float32.

    python benchmarks/training.py [--net NAME]... [--threads N] [--repeats N] [--json]

Each row is one network, each column one way to run it; ways take turns, step by step, each in a process of its own, so
that all meet the same disturbances and no one's memory settings reach another. What is timed is a whole step: forward,
losses, backward, Adam; for `use`, hiding and revealing. Networks:

    stegnet   embedder and decoder, 64 pairs of 64x64, equation 7
    plain     six 3x3 convolutions of 64 channels with ReLU, 16 times 64x64, mean squared error
    ditas     a stage of DITAS, twice six 3x3 convolutions of 64 channels, batch-normed, four tiles of 128x128
    use       StegNet's embedder and decoder, one pair of 512x512, no gradient
    field     the neural field of a video: six layers, 512 wide, 4,096 points, the picture's 786,432 weights learnt

Ways:

    torch     torch's own layers, float32, channels first
    ours      bfloat16 under autocast where the processor multiplies it itself (elsewhere float32),
              channels last, `engine.fast`, Adam in one piece
    memory    the same, and the allocator keeps what is freed (`engine.memory`)
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from intarsia.carrier import order
from intarsia.engine import hardware, memory
from intarsia.engine.feed import rows_of_pixels
from intarsia.methods.ditas.network import Architecture, Stage
from intarsia.methods.ditas.objective import squared
from intarsia.methods.neural_field import plan
from intarsia.methods.neural_field.network import Field
from intarsia.methods.stegnet.network import StegNet, Tower
from intarsia.methods.stegnet.objective import absolute, variance

HALF = hardware.has_bfloat16(torch.device("cpu"))
WAYS = ("torch", "ours", "memory")
WARM = 4  # steps that are not counted; until then a virtual machine still hands out its memory, page by page
ITEMS = {"stegnet": 64, "plain": 16, "ditas": 4, "use": 1, "field": 4096}
SIDE = {"stegnet": 64, "plain": 64, "ditas": 128, "use": 512}  # of pictures


def stock(tower: Tower, x: Tensor) -> Tensor:
    """Run one of StegNet's networks by torch's own layers."""
    for layer in tower.separable:
        y = layer.pointwise(layer.depthwise(functional.elu(layer.norm(x))))
        more = y.shape[1] - x.shape[1]
        x = y + functional.pad(x, (0, 0, 0, 0, more // 2, more - more // 2))
    for layer in tower.plain:
        x = layer.convolution(functional.elu(layer.norm(x)))
    return x


def stegnet_losses(net: StegNet, cover: Tensor, secret: Tensor, way: str) -> Tensor:
    """Return equation 7."""
    if way == "torch":
        container = stock(net.embedder, torch.cat([cover, secret], 1))
        revealed = stock(net.decoder, container)
    else:
        container = net.embed(cover, secret)
        revealed = net.decode(container)
    terms = (absolute(cover, container), absolute(secret, revealed))
    return (sum(terms) + variance(cover - container) + variance(revealed - secret)) / 4


def ditas_losses(net: Stage, tile: Tensor, secret: Tensor) -> Tensor:
    """Return L_Hi + L_Ri of a stage, the sound between them left out."""
    container, _ = net.hide(tile, secret, None)
    revealed, _ = net.reveal(container, None)
    return squared(container, tile) + squared(revealed, secret)


def prepare_field(way: str) -> Callable[[], object]:
    """Return one step of a neural field; by torch, its layers and sines one by one in float32."""
    reach = plan.reach("siren", 512, 30.0)
    own = plan.Plan("siren", 3, 3, 512, (1, 2, 3), 30.0, -reach, reach, 8.0)
    drawn = plan.drawn(own, lambda purpose, length: order.key_stream(bytes(32), purpose.encode().ljust(12), length))
    levels = np.random.default_rng(0).integers(0, 256, (3, 512, 512), dtype=np.uint8)
    net = Field(own, drawn, levels, np.ones(levels.shape, np.bool_))
    x, wanted = torch.rand(4096, 3) * 2 - 1, torch.rand(4096, 3) * 2 - 1
    cover = torch.from_numpy(levels).float()
    optimiser = torch.optim.Adam(net.parameters(), 1.0, fused=True if way != "torch" else None)

    def through(levels: Tensor) -> Tensor:
        weights, biases = net.all_weights(levels)
        if way != "torch":
            return net.through(x, (weights, biases), half=HALF)
        hidden = x
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = torch.sin(30 * functional.linear(hidden, weight, bias))
        return 8 * functional.linear(hidden, weights[-1], biases[-1])

    def step() -> None:
        optimiser.zero_grad()
        levels = net.whole_levels()
        change = functional.mse_loss(levels, cover) / 255**2
        (functional.mse_loss(through(levels), wanted) + change).backward()
        optimiser.step()

    return step


def network(name: str) -> nn.Module:
    """Return the network of a name."""
    if name == "plain":
        return nn.Sequential(*(each for _ in range(6) for each in (nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())))
    return Stage(Architecture(tile=1, secret=3), 0) if name == "ditas" else StegNet()


def prepare(name: str, way: str) -> Callable[[], object]:
    """Return one step, or one use, of a network."""
    if name == "field":
        return prepare_field(way)
    torch.manual_seed(0)
    count, side = ITEMS[name], SIDE[name]
    net = network(name)
    fast = way != "torch"
    if fast:
        net.to(memory_format=torch.channels_last)
    channels = {"plain": (64, 64), "ditas": (1, 3)}.get(name, (3, 3))
    cover, secret = (torch.rand(count, each, side, side) * 2 - 1 for each in channels)
    optimiser = torch.optim.Adam(net.parameters(), 1e-5, fused=True if fast else None)

    def losses() -> Tensor:
        given, wanted = (rows_of_pixels(each) if fast else each for each in (cover, secret))
        with torch.autocast("cpu", torch.bfloat16, enabled=fast and HALF):
            if name == "plain":
                # As a sum: torch spreads the gradient of a mean out channels first, whatever the layout.
                return (net(given).float() - wanted).square().sum() / wanted.numel()
            return ditas_losses(net, given, wanted) if name == "ditas" else stegnet_losses(net, given, wanted, way)

    def step() -> None:
        optimiser.zero_grad()
        losses().backward()
        optimiser.step()

    def use() -> None:
        with torch.inference_mode():
            losses()

    net.train(name != "use")
    return use if name == "use" else step


def work(name: str, way: str, threads: int) -> None:
    """Take one step for each line that comes in, and say how long it took."""
    torch.set_num_threads(threads)
    if way == "memory":
        memory.keep_memory()
    step = prepare(name, way)
    for _ in sys.stdin:
        began, cpu = time.perf_counter(), os.times()
        step()
        spent = os.times()
        print(time.perf_counter() - began, spent.user - cpu.user, spent.system - cpu.system, flush=True)


def measure(name: str, threads: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return seconds a step by way: median and best of the clock, medians of processor time."""
    command = [sys.executable, str(Path(__file__).resolve()), "--threads", str(threads), "--net", name, "--worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = {way: subprocess.Popen([*command, way], **pipes) for way in WAYS}
    taken: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for number in range(repeats + WARM):
        for way, worker in workers.items():
            print(file=worker.stdin, flush=True)
            found = [float(value) for value in worker.stdout.readline().split()]
            if number >= WARM:
                taken[way].append(found)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return {way: summary(rows) for way, rows in taken.items()}


def summary(rows: list[list[float]]) -> dict[str, float]:
    """Return what is told of a way."""
    wall, user, system = zip(*rows, strict=True)
    middle = statistics.median
    return {"median": middle(wall), "best": min(wall), "user": middle(user), "system": middle(system)}


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--net", action="append", choices=tuple(ITEMS), help="all when not given")
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--repeats", type=int, default=7)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.worker:
        work(given.net[0], given.worker, given.threads)
        return
    found = {name: measure(name, given.threads, given.repeats) for name in given.net or ITEMS}
    if given.json:
        facts = {"threads": given.threads, "bfloat16": HALF, "repeats": given.repeats}
        print(json.dumps({**facts, "seconds": found, "items": ITEMS}))
        return
    print(f"{'bfloat16' if HALF else 'no bfloat16 in this processor: float32'} in ours and memory")
    print(f"{given.threads} thread(s), median (best) of {given.repeats}; user + system: seconds of processor time")
    print(f"{'net':10}{'way':9}{'items/s':>17}{'times torch':>17}{'user + system':>17}")
    for name, ways in found.items():
        for way, took in ways.items():
            rates = [ITEMS[name] / took[key] for key in ("median", "best")]
            times = [ways["torch"][key] / took[key] for key in ("median", "best")]
            shown = (f"{rates[0]:.2f} ({rates[1]:.2f})", f"{times[0]:.2f} ({times[1]:.2f})")
            print(f"{name:10}{way:9}{shown[0]:>17}{shown[1]:>17}{took['user']:>9.2f} + {took['system']:.2f}")


if __name__ == "__main__":
    main()
