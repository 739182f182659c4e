"""A sound's channel: a body of bytes in frames that are found wherever they are.

    header ‖ payload ─erasure─► shares ─checksum─► digits ─mask─► 943 samples of each frame
    record ─Reed-Solomon─► blocks ─AES─► 81 digits ─────────────► its first 81 samples

Every frame is written and read for itself, so a sound of any length goes through in pieces, and what is left of it
after a cut is read like a whole one.
"""

import contextlib
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, NoSecretError
from . import erasure, frames, modulo, order, seal, shaping, sync
from .channel import PLAIN, Channel, Manner, Tick
from .filling import Coder, Writer
from .frames import DIGITS, FRAME, Ground, Layout, Signal
from .keys import Keys, hkdf

NONCE_BYTES = 16
_BATCH = 256  # frames worked on at once
_SPAN = 1 << 20  # samples read at once to write a batch
_SCAN = 1 << 16  # offsets looked at together: their numbers stay in a processor's cache
_LESS = 0.05  # steps by which less of a header is protected where a sound is too short


def file_keys(shared: Keys, nonce: bytes) -> Keys:
    """Return the keys of one file from the password's own and the file's nonce."""
    return Keys(hkdf(shared.master, b"intarsia/v1/audio/file", 32, salt=nonce))


def _masked(layout: bytes, shared: Keys, nonce: bytes) -> bytes:
    """Mask the layout in a record, or unmask it: what files have in common must not be seen to be the same."""
    mask = hkdf(shared.master, b"intarsia/v1/audio/layout", len(layout), salt=nonce)
    return bytes(a ^ b for a, b in zip(layout, mask, strict=True))


def _sync_key(shared: Keys) -> bytes:
    return shared.derive("intarsia/v1/audio/sync")


class Framed(Channel):
    """A sound to write into.

    Args:
        signal: the cover's samples.
        ground: what `frames.survey` found in it.
        shared: the password's keys, the same for every sound.
        nonce: 16 bytes, new for every container.
        method: name of the method, part of the payload's key and of what is authenticated.
        header_size: bytes of the sealed header that will stand in front of the payload.
        associated: what the payload is authenticated with besides itself (version, media kind).
        stale: where sync blocks of an earlier container under this password stand; each is broken by one step.
    """

    def __init__(
        self,
        signal: Signal,
        ground: Ground,
        shared: Keys,
        nonce: bytes,
        method: str,
        header_size: int,
        associated: bytes = b"",
        stale: Sequence[int] = (),
    ) -> None:
        self._signal = signal
        self._ground = ground
        self._shared = shared
        self._nonce = nonce
        self._stale = np.sort(np.array(stale, np.int64))
        super().__init__(file_keys(shared, nonce), method, associated)
        self._header = bytes(header_size)
        self._payload = b""
        self._manner = PLAIN
        self._replaced: NDArray[np.int32] | None = None

    @property
    def keys(self) -> Keys:
        """Keys of this file."""
        return self._keys

    # --- how much -----------------------------------------------------------------------------------------

    def layout(self, length: int | None, manner: Manner = PLAIN) -> Layout | None:
        """Return how a payload of `length` bytes would lie; None for the length: no payload, a header only."""
        body = len(self._header) + (0 if length is None else length + seal.OVERHEAD)
        return frames.least_visible(self._ground, body, manner.protect, self._gain(manner))

    def _budget(self, manner: Manner) -> int:
        """Return the most payload bytes that keep the sound at the least SNR; 0 when none do."""
        low, high = 0, 2 * len(self._ground.starts) * DIGITS
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._keeps(middle, manner) else (low, middle - 1)
        return low

    def expected_db(self, length: int, manner: Manner = PLAIN) -> float:
        """Expected SNR in dB with a payload of `length` bytes; -inf when it does not fit at all."""
        how = self.layout(length, manner)
        return -math.inf if how is None else self._ground.reported_snr(self._noise(how, manner))

    def _keeps(self, length: int, manner: Manner) -> bool:
        how = self.layout(length, manner)
        if how is None:
            return False
        noise = self._noise(how, manner)
        most = noise + 3 * self._deviation(how, manner)
        return manner.least_db is None or self._ground.snr(most) >= manner.least_db

    def _noise(self, how: Layout, manner: Manner) -> float:
        return frames.total_noise(self._ground, how, self._gain(manner))

    def _deviation(self, how: Layout, manner: Manner) -> float:
        """Return the standard deviation of the noise's sum."""
        if manner.shaping and how.m > frames.TERNARY:
            # Shaped noise has fewer degrees of freedom, by about the factor its power is raised.
            cubed = shaping.gain(self._signal, self._ground, manner.shaping).cubed
            return modulo.cost(how.m) * math.sqrt(2 * DIGITS * how.frames * cubed)
        # The square of a uniform change varies about its mean by m²/13.4; where few samples change, more widely.
        return math.sqrt(self._noise(how, manner) * max(1.0, how.m**2 / 15))

    def _gain(self, manner: Manner) -> float:
        return shaping.gain(self._signal, self._ground, manner.shaping).mean if manner.shaping else 1.0

    # --- in -----------------------------------------------------------------------------------------------

    def _put(self, stream: bytes, manner: Manner, tick: Tick | None) -> None:
        # The samples are made when they are asked for, behind the header.
        self._payload, self._manner = stream, manner

    def _take(self, size: int, tick: Tick | None) -> bytes:
        return self._payload[:size]

    def write_header(self, sealed: bytes) -> None:
        """Set the sealed header that stands in front of the payload."""
        self._header = sealed

    def pieces(self, tick: Tick | None = None) -> Iterator[NDArray[np.int32]]:
        """Yield the written sound in pieces, int32 [n, C]."""
        how, starts = self._final()
        body = self._header + self._payload
        shares = erasure.spread(body, how.groups, how.share)
        if how.spare:
            shares = [share + zlib.crc32(share).to_bytes(frames.CHECK_BYTES, "little") for share in shares]
        record = self._nonce + _masked(how.pack(), self._shared, self._nonce)
        heads = sync.blocks(
            _sync_key(self._shared), record, how.frames, self._keys.derive("intarsia/v1/audio/spelling")
        )
        writer = Writer(self._keys, how, self._ground, self._manner.shaping)
        at = 0
        for first, last in _batches(starts):
            yield from self._untouched(at, int(starts[first]))
            at = -(-(int(starts[last - 1]) + FRAME) // self._ground.channels) * self._ground.channels
            span = self._span(int(starts[first]), at)
            rows = (starts[first:last] - starts[first])[:, None] + np.arange(FRAME)
            data = np.frombuffer(b"".join(shares[first:last]), np.uint8).reshape(last - first, -1)
            span[rows] = writer.write(span[rows], heads[first:last], data, first)
            if tick:
                tick(last / how.frames)
            yield span.reshape(-1, self._ground.channels)
        yield from self._untouched(at, self._ground.size)

    def _final(self) -> tuple[Layout, NDArray[np.int64]]:
        how = self.layout(len(self._payload) - seal.OVERHEAD if self._payload else None, self._manner)
        if how is None:
            raise ValueError("the payload is larger than the budget; it was not asked for")
        return how, _places(self._keys, self._ground.starts, how.frames)

    def _untouched(self, start: int, end: int) -> Iterator[NDArray[np.int32]]:
        for at in range(start, end, _SPAN - _SPAN % self._ground.channels):
            size = min(_SPAN - _SPAN % self._ground.channels, end - at)
            yield self._span(at, at + size).reshape(-1, self._ground.channels)

    def _span(self, start: int, end: int) -> NDArray[np.int32]:
        """Return samples start … end − 1 over all channels, an own copy."""
        if self._replaced is not None:
            return self._replaced[start:end].copy()
        channels = self._ground.channels
        span = self._signal.read(start // channels, (end - start) // channels).reshape(-1).astype(np.int32)
        first, last = np.searchsorted(self._stale, [start, end])
        broken = self._stale[first:last] - start
        span[broken] += np.where(span[broken] < self._ground.high, 1, -1)
        return span

    # --- for methods that write samples themselves --------------------------------------------------------

    @property
    def reserved(self) -> NDArray[np.int64]:
        """Positions of the frames that carry the header."""
        return (self._final()[1][:, None] + np.arange(FRAME)).reshape(-1)

    @property
    def samples(self) -> NDArray[np.int32]:
        """All samples in memory, int32 [N], channels interleaved; without what `write` was given."""
        return self._span(0, self._ground.size)

    def replace(self, samples: NDArray[Any]) -> None:
        """Set all samples but the reserved ones."""
        replaced = samples.reshape(-1).astype(np.int32)
        replaced[self.reserved] = self.samples[self.reserved]
        self._replaced = replaced

    def paint(self, samples: NDArray[Any], protect: float = 0.0) -> None:
        """Set all samples; frames will change theirs by at most one step where the payload is no more than a header."""
        self._replaced = samples.reshape(-1).astype(np.int32)
        for share in np.arange(protect, 0, -_LESS):
            manner = Manner(protect=float(share))
            how = self.layout(None, manner)
            if how is not None and how.m == frames.TERNARY:
                self._manner = manner
                break

    def timeline(self) -> int:
        """Return the sound's length, if frames may stand everywhere in it: digital silence would move them."""
        starts, size = self._ground.starts, self._ground.size
        return size // self._ground.channels if np.array_equal(starts, _everywhere(size, self._ground.channels)) else 0


def _batches(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Deal frames to batches that lie near enough to be read in one piece."""
    first = 0
    while first < len(starts):
        near = int(np.searchsorted(starts, starts[first] + _SPAN))
        last = min(first + _BATCH, max(near, first + 1))
        yield first, last
        first = last


def _places(keys: Keys, starts: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Choose one usable frame in each cell, int64 [count]."""
    bounds = frames.cell_bounds(starts, count)
    sizes = np.diff(bounds).astype(np.uint64)
    chosen = order.words(keys.derive("intarsia/v1/audio/places"), 0, count) % sizes
    places: NDArray[np.int64] = starts[bounds[:-1] + chosen.astype(np.int64)]
    return places


def _everywhere(size: int, channels: int) -> NDArray[np.int64]:
    """Return the starts of usable frames in a sound without digital silence, samples counted over all channels."""
    long = -(-FRAME // channels)
    return np.arange(size // channels // long) * long * channels


# --- out -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What the frames of a sound say, before anything in it was unsealed.

    Attributes:
        keys: of this file.
        body: header and payload, sealed, as far as the layout has room.
        loss: share of the frames that are missing or damaged.
        offsets: where each whole frame begins, by its index.
        frames: how many frames there were.
    """

    keys: Keys
    body: bytes
    loss: float
    offsets: Mapping[int, int]
    frames: int

    @property
    def reserved(self) -> NDArray[np.int64]:
        """Positions of the frames' samples, int64."""
        return (np.array(list(self.offsets.values()), np.int64)[:, None] + np.arange(FRAME)).reshape(-1)


def find(signal: Signal, shared: Keys, tick: Tick | None = None) -> Found:
    """Find the frames of a sound and put their bytes together; see `gather`."""
    return gather(signal, shared, scan(signal, shared, tick))


def gather(signal: Signal, shared: Keys, sightings: Sequence[sync.Sighting]) -> Found:
    """Put together the bytes of the frames that were seen in a sound.

    Where two containers under one password lie in one file, the one that is most nearly whole is taken.

    Raises:
        NoSecretError: there are none under this password, or too many are lost.
        InputError: a newer release laid them out.
    """
    found = []
    for record, agreeing in sync.records(sightings):
        layout = _masked(record[NONCE_BYTES:], shared, record[:NONCE_BYTES])
        how = Layout.unpack(layout)
        if Layout.is_reserved(layout) and len(agreeing) > sync.MIN_FRAMES:
            raise InputError(
                "the container's frames are laid out in a way this release does not know; a newer is needed"
            )
        if how is not None:
            whole = len({s.index for s in agreeing if s.index < how.frames}) / how.frames
            found.append((whole, len(agreeing), record, how, agreeing))
    for *_, record, how, agreeing in sorted(found, key=lambda each: each[:2], reverse=True):
        with contextlib.suppress(NoSecretError):
            return _gathered(signal, file_keys(shared, record[:NONCE_BYTES]), how, agreeing)
    raise NoSecretError


def _gathered(signal: Signal, keys: Keys, how: Layout, sightings: list[sync.Sighting]) -> Found:
    shares, offsets = _shares(signal, Coder(keys, how), how, sightings)
    body = erasure.gather(shares, how.groups)
    return Found(keys, body, 1 - len(shares) / how.frames, offsets, how.frames)


def scan(signal: Signal, shared: Keys, tick: Tick | None = None) -> list[sync.Sighting]:
    """Return every sync block of a password that stands in a sound."""
    key = _sync_key(shared)
    found: list[sync.Sighting] = []
    channels = signal.channels
    step = _SCAN // channels
    overlap = -(-sync.DIGITS // channels)
    for start in range(0, signal.length, step):
        piece = signal.read(start, min(step + overlap, signal.length - start)).reshape(-1)
        digits = modulo.read(piece, 3).astype(np.uint8)
        seen = sync.find(key, digits, channels)
        offsets = (each for each in seen if each.offset < step * channels)
        found += [sync.Sighting(each.offset + start * channels, each.index, each.share) for each in offsets]
        if tick:
            tick(min(1.0, (start + step) / signal.length))
    return found


def _shares(
    signal: Signal, coder: Coder, how: Layout, sightings: list[sync.Sighting]
) -> tuple[Mapping[int, bytes], Mapping[int, int]]:
    """Read the bytes of every frame that is whole; the first of two with one index counts if its checksum holds."""
    channels = signal.channels
    long = -(-FRAME // channels)
    shares: dict[int, bytes] = {}
    offsets: dict[int, int] = {}
    usable = [s for s in sightings if s.index < how.frames and s.offset + FRAME <= signal.length * channels]
    for at in range(0, len(usable), _BATCH):
        batch = usable[at : at + _BATCH]
        rows = [signal.read(s.offset // channels, long).reshape(-1)[:FRAME] for s in batch]
        data = coder.bytes(np.stack(rows)[:, sync.DIGITS :], [s.index for s in batch])
        for sighting, row in zip(batch, data, strict=True):
            share, check = row[: how.share].tobytes(), row[how.share :].tobytes()
            whole = not how.spare or zlib.crc32(share).to_bytes(frames.CHECK_BYTES, "little") == check
            if whole and sighting.index not in shares:
                shares[sighting.index] = share
                offsets[sighting.index] = sighting.offset
    return shares, offsets


class Received(Channel):
    """A sound to read from.

    Args:
        signal: the container's samples.
        found: what `find` found in it.
        method: name of the method, from the header.
        header_size: bytes of the sealed header in front of the payload.
        associated: what the payload was authenticated with.
    """

    def __init__(self, signal: Signal, found: Found, method: str, header_size: int, associated: bytes = b"") -> None:
        self._signal = signal
        self._found = found
        super().__init__(found.keys, method, associated)
        self._start = header_size

    def _take(self, size: int, tick: Tick | None) -> bytes:
        return self._found.body[self._start : self._start + size]

    @property
    def reserved(self) -> NDArray[np.int64]:
        """Positions of the frames."""
        return self._found.reserved

    @property
    def samples(self) -> NDArray[np.int32]:
        """All samples in memory, int32 [N], channels interleaved."""
        return self._signal.read(0, self._signal.length).reshape(-1).astype(np.int32)

    def aligned(self, timeline: int) -> NDArray[np.int32]:
        """Return all samples where they stood; frames tell by how much what is around them was moved."""
        samples, channels = self.samples, self._signal.channels
        if not timeline or not self._found.offsets:
            return samples
        places = _places(self._found.keys, _everywhere(timeline * channels, channels), self._found.frames)
        seen = sorted((offset, int(places[index])) for index, offset in self._found.offsets.items())
        return _moved_back(samples, seen, timeline * channels)

    def _budget(self, manner: Manner) -> int:
        """Nothing: a container is read."""
        return 0

    def expected_db(self, length: int, manner: Manner = PLAIN) -> float:
        """Nothing: a container is read."""
        return -math.inf

    def _put(self, stream: bytes, manner: Manner, tick: Tick | None) -> None:
        raise NotImplementedError("a received sound is read, not written")

    def replace(self, samples: NDArray[Any]) -> None:
        """Refuse: a container is read."""
        raise NotImplementedError("a received sound is read, not written")


def _moved_back(samples: NDArray[np.int32], seen: Sequence[tuple[int, int]], size: int) -> NDArray[np.int32]:
    """Return samples as they lay before something was cut out, [size]; 0 where nothing is known.

    Between two frames that were moved by different amounts it is not known where the cut was, so what stands there
    is left out.

    Args:
        samples: [N].
        seen: where frames are, and where they were, rising.
        size: samples before.
    """
    whole = np.zeros(size, np.int32)
    pieces: list[list[int]] = []  # from, to, by how much it was moved
    for offset, place in seen:
        moved = place - offset
        if not 0 <= place <= size - FRAME:
            continue
        if pieces and pieces[-1][2] == moved:
            pieces[-1][1] = offset + FRAME
        else:
            pieces.append([offset, offset + FRAME, moved])
    if pieces:
        pieces[0][0], pieces[-1][1] = max(0, -pieces[0][2]), min(len(samples), size - pieces[-1][2])
    for start, end, moved in pieces:
        whole[start + moved : end + moved] = samples[start:end]
    return whole
