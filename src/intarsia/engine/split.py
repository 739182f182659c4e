"""Which groups are learnt from, and which are kept to validate on.

    group ──► hash of its name, 0..1 ──► below the share: validation
          ──► official part, where the data set has a validation part: that one counts instead

A group lies on one side, wherever its files are from. Nothing is drawn: the same name is on the same side on every
machine, and stays there when files are added. One exception, which only few groups can meet: a pair needs two files,
so where by the rule one side would have fewer than two groups (one, of two or three), those nearest to the border are
moved there.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

_SALT = b"intarsia/v1/split\0"


class Member(NamedTuple):
    """What the split needs to know of one file: its group, its data set, and its part of the official split."""

    group: str
    label: str
    part: str


def place_of(group: str) -> float:
    """Return where a group lies between 0 and 1, by its name."""
    digest = hashlib.sha256(_SALT + group.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def held_out(
    members: Sequence[Member], share: float, *, official: bool = True, what: str = "files"
) -> NDArray[np.bool_]:
    """Return which files are kept for validation.

    Args:
        members: the files.
        share: of the groups, 0..1; 0 keeps none, and leaves even an official validation part to be learnt from.
        official: whether the official validation part of a data set counts. Then all of it is kept, and nothing else
            of that set, if there is something else. False: by the share, as everywhere.
        what: how errors name the files.

    Returns:
        bool [n]: of each file, whether it is kept; at least two groups are on each side, or one where there are fewer
        than four.

    Raises:
        InputError: there is one group only, and the share is not 0.
    """
    groups = sorted({member.group for member in members})
    if not share or not members:
        return np.zeros(len(members), np.bool_)
    if len(groups) == 1:
        raise InputError(
            f"all {len(members):,} {what} belong together ({groups[0]}), so none of them can be kept to validate on; "
            "add others, or set validation=0"
        )
    places = {group: place_of(group) for group in groups}
    kept = {group for group, place in places.items() if place < share}
    if official:
        fixed = _official(members)
        kept = {group for group in groups if fixed.get(group, group in kept)}
    least = 2 if len(groups) >= 4 else 1
    nearest = sorted(groups, key=places.__getitem__)
    kept |= set([group for group in nearest if group not in kept][: max(0, least - len(kept))])
    spare = max(0, least - (len(groups) - len(kept)))
    kept -= set([group for group in reversed(nearest) if group in kept][:spare])
    return np.array([member.group in kept for member in members], np.bool_)


def _official(members: Sequence[Member]) -> dict[str, bool]:
    """Return the side of groups that have a file in a data set with an official validation part and another part."""
    with_validation = {member.label for member in members if member.part == "val"}
    with_more = {member.label for member in members if member.part != "val"}
    fixed: dict[str, bool] = {}
    for member in members:
        if member.label in with_validation & with_more:
            fixed[member.group] = fixed.get(member.group, False) or member.part == "val"
    return fixed
