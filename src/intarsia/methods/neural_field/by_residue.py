"""Our way: a weight is what a sample leaves when it is divided by m, so the cover stays as it is whatever is hidden."""

import struct
from collections.abc import Mapping

import numpy as np
import torch

from ...engine import hardware
from ...errors import UsageError
from ...media import Image, Value, Video
from ..base import Placed
from . import colours, residues
from .grids import Grids
from .objective import GridLearner, Points
from .settings import NeuralFieldConfig
from .signals import Coloured, Moving, Signal, Still, signal_of, targets, unpacked
from .work import Work, promise, remarks

_HEAD = struct.Struct("<cBI")
_SEED = 0  # of the first features: the sender's own business, and the same for the same command


def hide(work: Work, secret: Value, config: NeuralFieldConfig) -> Placed:
    """Fit grids of digits, and write them into the remainders of samples."""
    if not isinstance(secret, Image | Video):
        raise UsageError(f"recipe=residue hides videos and pictures, this is {secret.kind}; leave the recipe out")
    signal = signal_of(secret, means=config.seals_means)
    places = residues.places(work.channel, work.taken())[: config.symbols]
    torch.manual_seed(_SEED)
    net = Grids(_counts(signal), len(places), config.m)
    frames = colours.levels(targets(secret, signal)).reshape(*_counts(signal), 3)
    learner = GridLearner(net, frames)
    recipe = config.learning(signal.letter, 1)
    work.fit(learner, Points(learner.points, 1), recipe, config, secret)
    digits = net.best.cpu().numpy()
    where = places[: len(digits)]
    samples = residues.written(work.channel.samples, where, digits, config.m, work.channel)
    work.channel.replace(samples)
    settings = b"\x02" + _HEAD.pack(signal.letter.encode(), config.m, len(places)) + signal.pack()
    return Placed(0, promise(secret), settings, tuple(remarks(secret)), carried=_bytes(len(digits), config.m))


def reveal(work: Work, settings: bytes, name: str, asked: Mapping[str, object]) -> Value:
    """Read the digits, and let the grids draw."""
    letter, m, symbols = _HEAD.unpack_from(settings)
    signal = unpacked(letter.decode("latin-1"), settings[_HEAD.size :])
    assert isinstance(signal, Coloured)
    if asked:
        raise UsageError(f"recipe=residue is revealed at its own size and rate; leave out {', '.join(asked)}")
    net = Grids(_counts(signal), symbols, m)
    places = residues.places(work.channel, work.taken())[: net.best.numel()]
    net.take(torch.from_numpy(residues.read(work.picture.samples.reshape(-1), places, m, work.channel)))
    net.to(hardware.device(work.device, lambda _line: None))
    tick, parts = work.asking(), []
    with torch.inference_mode():
        for frame in range(net.counts[0]):
            parts.append(net(frame, frame + 1).permute(0, 2, 3, 1).cpu().numpy())
            tick((frame + 1) / net.counts[0])
    answers = np.concatenate(parts).reshape(-1, 3)
    if signal.means is not None:
        answers += colours.shift(answers, signal.means)
    return signal.value(answers, name)


def _counts(signal: Signal) -> tuple[int, int, int]:
    assert isinstance(signal, Moving | Still)
    frames, rows, columns = signal.counts if isinstance(signal, Moving) else (1, *signal.counts)
    return frames, rows, columns


def _bytes(digits: int, m: int) -> int:
    return int(digits * np.log2(m) / 8)
