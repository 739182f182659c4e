"""The feed: batches in order, drawn ahead, none lost."""

import threading
import time

import numpy as np
import pytest
import torch

from intarsia.engine.feed import AHEAD, Feed, Part
from toys import Noise

CPU = torch.device("cpu")


def test_batches_come_in_order_from_any_step():
    noise = Noise(4)
    feed = Feed(noise, 7, Part(1, 2), CPU, channels_last=True)
    for step in (7, 8, 9):
        batch = feed.take()
        assert np.array_equal(batch["cover"].numpy(), noise.draw(step)["cover"][1:3])
        assert batch["cover"].is_contiguous(memory_format=torch.channels_last)
    feed.close()


def test_another_salt_draws_others():
    one, other = (Feed(Noise(4), 0, Part(0, 4), CPU, salt=salt, channels_last=False) for salt in (0, 1))
    assert not torch.equal(one.take()["cover"], other.take()["cover"])
    one.close()
    other.close()


def test_waiting_is_measured_and_only_waiting():
    class Slow(Noise):
        def draw(self, step, first=0, count=None):
            time.sleep(0.05)
            return super().draw(step, first, count)

    feed = Feed(Slow(4), 0, Part(0, 4), CPU, channels_last=False)
    for _ in range(3):
        feed.take()
    assert feed.waited > 0.1
    time.sleep(0.05 * (AHEAD + 1))
    before = feed.waited
    feed.take()
    assert feed.waited - before < 0.02
    feed.close()


def test_trouble_comes_out_and_closing_ends_the_thread():
    class Broken(Noise):
        def draw(self, step, first=0, count=None):
            raise OSError("gone")

    feed = Feed(Broken(4), 0, Part(0, 4), CPU, channels_last=False)
    with pytest.raises(OSError, match="gone"):
        feed.take()
    feed.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "feed"]
