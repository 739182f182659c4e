"""LPIPS: how far two pictures are apart for a network that was taught to see.

    picture ─► five stages of AlexNet ─► unit-normalised over channels ─► squared difference ─► weights ─► mean ─► sum

R. Zhang, P. Isola, A. Efros, E. Shechtman, O. Wang: The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric, CVPR 2018, equation 1, version 0.1, AlexNet. Written in plain torch; **no weights come with it**: a safetensors
file with AlexNet's (`features.0.weight` ...) and LPIPS's own (`lin0.model.1.weight` ...) is named in INTARSIA_LPIPS;
pickles are never opened. Without it the answer is None, and tables say n/a.
"""

import os
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WeightsError
from ..media import files

VARIABLE = "INTARSIA_LPIPS"
"""Environment variable that names the file of weights."""

CHANNELS = (64, 192, 384, 256, 256)
_NUMBERS = (0, 3, 6, 8, 10)  # of the convolutions in torchvision's AlexNet
_SIZES = ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
_POOLED = (1, 2)  # stages that begin with a pooling
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """The distance of equation 1.

    Args:
        tensors: AlexNet's convolutions and LPIPS's five weights, by the names their own files give them.

    Raises:
        WeightsError: one is missing, or of another shape.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        self.weights: list[Tensor] = []
        before = 3
        for place, (number, channels, (size, stride, padding)) in enumerate(
            zip(_NUMBERS, CHANNELS, _SIZES, strict=True)
        ):
            layer = nn.Conv2d(before, channels, size, stride, padding)
            with torch.no_grad():
                for name, own in layer.named_parameters():
                    own.copy_(_one_of(tensors, own.shape, (f"features.{number}.{name}",)))
            names = (f"lin{place}.model.1.weight", f"lins.{place}.model.1.weight")
            self.register_buffer(f"lin{place}", _one_of(tensors, torch.Size((1, channels, 1, 1)), names))
            self.stages.append(layer)
            before = channels
        self.requires_grad_(False)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the distances [B] of pictures [B, 3, H, W], 0..1, at least 32 pixels along a side."""
        total = one.new_zeros(len(one))
        for place, (a, b) in enumerate(zip(self._features(one), self._features(other), strict=True)):
            difference = (_unit(a) - _unit(b)).square()
            total = total + (difference * cast(Tensor, getattr(self, f"lin{place}"))).sum(1).mean((1, 2))
        return total

    def _features(self, picture: Tensor) -> list[Tensor]:
        shift, scale = (picture.new_tensor(values).view(1, 3, 1, 1) for values in (_SHIFT, _SCALE))
        x, found = (2 * picture - 1 - shift) / scale, []
        for place, layer in enumerate(self.stages):
            x = functional.relu(layer(functional.max_pool2d(x, 3, 2) if place in _POOLED else x))
            found.append(x)
        return found


def load(path: files.PathLike | None = None) -> Lpips | None:
    """Return the measure with weights from a file, or from the one `VARIABLE` names; None when neither is given.

    Raises:
        WeightsError: it is no safetensors file, or holds other things.
        InputError: it cannot be read.
    """
    named = path or os.environ.get(VARIABLE)
    if not named:
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load as unpack

    try:
        return Lpips(unpack(files.read_bytes(named))).eval()
    except SafetensorError as error:
        raise WeightsError(
            f"{files.shown(named)}: no safetensors file; LPIPS's weights are read from no other"
        ) from error


def _one_of(tensors: Mapping[str, Tensor], shape: torch.Size, names: tuple[str, ...]) -> Tensor:
    for name in names:
        if name in tensors:
            if tensors[name].shape != shape:
                raise WeightsError(f"LPIPS: {name} is {list(tensors[name].shape)}; expected {list(shape)}")
            return tensors[name].float()
    raise WeightsError(f"LPIPS: the file of weights lacks {names[0]}; it needs AlexNet's and LPIPS's own")


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
