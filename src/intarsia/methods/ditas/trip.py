"""One trip through all stages, as it is learnt and as it is made.

    cover [B, 1, N L] ─ N pieces ─► for each stage i:
        cells of T_i, S_i ─► H_i ─► changed cells ─► sound at the SNR ─► 16 bits ─► what happens on the way ─► cells
        cells ─► R_i ─► revealed R_i;   S_i+1 = S_i - R_i

The published way has no file in it: what H_i made goes to R_i as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...engine import rounding
from ...engine.planes import at_snr
from .network import Ditas
from .tiles import Tiles

Way = Callable[[Tensor], Tensor]
"""What happens to a saved sound [B, 1, L] on its way."""

HELD = ("sound", "plane")


@dataclass(frozen=True)
class Terms:
    """How a trip is made.

    Attributes:
        tiles: what networks see.
        contrast: what the secret is multiplied by for them, at its common size.
        residual: what H makes is added to the tile.
        snr: carrier SNR of each piece, dB; 0: as it comes.
        held: where that is held, in the "sound" or in the "plane".
        file: whether the tile R is given is that of the saved sound.
        detach: no gradient through S_i - R_i.
    """

    tiles: Tiles
    contrast: float
    residual: bool
    snr: float
    held: str
    file: bool
    detach: bool = False


@dataclass(frozen=True)
class Step:
    """What a stage did.

    Attributes:
        secret: what it was to hide, S_i, [B, Q, h, w].
        revealed: what R_i found, the same shape.
        cover: cells of its piece.
        cells: what became of them, before the file.
        sound: the container [B, 1, L], not rounded.
    """

    secret: Tensor
    revealed: Tensor
    cover: Tensor
    cells: Tensor
    sound: Tensor


def pieces(sound: Tensor, count: int) -> list[Tensor]:
    """Return the pieces of a sound [B, 1, count L], each [B, 1, L]."""
    return list(sound.chunk(count, -1))


def go(net: Ditas, covers: Sequence[Tensor], picture: Tensor, terms: Terms, way: Way | None = None) -> list[Step]:
    """Hide a picture in pieces of sound, stage by stage, and reveal it.

    Args:
        net: the networks; in training mode, the sizes of what is hidden are learnt.
        covers: a piece for each stage, as many as are wanted, each [B, 1, L], -1..1.
        picture: [B, P, s, s], 0..1.
        terms: how.
        way: of the saved sounds; None: they arrive as they are.
    """
    secret, told_to_hide, told_to_reveal = terms.tiles.secret(picture - 0.5), None, None
    done = []
    for number, cover in enumerate(covers):
        stage = net.stage(number)
        if stage.training:
            net.measure(number, secret)
        cells = terms.tiles.cells(cover)
        given = secret * (terms.contrast / net.sizes[number])
        made, told_to_hide = stage.hide(terms.tiles.seen(cells), given, told_to_hide)
        changed, sound = _container(cover, cells, terms.tiles.heard(made), terms)
        if terms.file:
            saved = rounding.sound(sound)
            arrived = saved if way is None else way(saved)
            there = None if stage.training else terms.tiles.there(arrived)
            revealed, told_to_reveal = _read(net, number, terms.tiles.cells(arrived), there, told_to_reveal, terms)
        else:
            revealed, told_to_reveal = _read(net, number, changed, None, told_to_reveal, terms)
        done.append(Step(secret, revealed, cells, changed, sound))
        secret = secret - (revealed.detach() if terms.detach else revealed)
    return done


def _container(cover: Tensor, cells: Tensor, made: Tensor, terms: Terms) -> tuple[Tensor, Tensor]:
    """Return changed cells and the sound they give, at the SNR; where the sound is scaled, its cells."""
    changed = cells + made if terms.residual else made
    if terms.snr and terms.held == "plane":
        changed = at_snr(cells, changed, terms.snr)
    sound = terms.tiles.sound(cover, changed)
    if terms.snr and terms.held == "sound":
        sound = at_snr(cover, sound, terms.snr)
        changed = terms.tiles.cells(sound)
    return changed, sound


def read(net: Ditas, sounds: Sequence[Tensor], terms: Terms) -> list[Tensor]:
    """Return what each stage adds to the secret, [B, Q, h, w], of saved pieces [B, 1, L] in the order of the stages.

    Rows that are missing add nothing; a picture whose first stage is missing begins at mid-grey.
    """
    told, found = None, []
    for number, sound in enumerate(sounds):
        part, told = _read(net, number, terms.tiles.cells(sound), terms.tiles.there(sound), told, terms)
        found.append(part)
    return found


def _read(
    net: Ditas, number: int, cells: Tensor, there: Tensor | None, told: Tensor | None, terms: Terms
) -> tuple[Tensor, Tensor | None]:
    """Return what a stage reveals, and its features; nothing of either in rows that are not there."""
    part, features = net.stage(number).reveal(terms.tiles.seen(cells), told)
    part = part * (net.sizes[number] / terms.contrast)
    if there is None:
        return part, features
    return part * there, None if features is None else features * there


def shown(parts: Sequence[Tensor], tiles: Tiles) -> Tensor:
    """Return the picture that parts add up to, [B, P, s, s], about 0..1."""
    return tiles.picture(torch.stack(list(parts)).sum(0)) + 0.5
