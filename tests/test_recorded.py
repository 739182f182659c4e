"""Any release reveals the containers of every earlier one."""

import json
from pathlib import Path

import pytest

import intarsia
from intarsia.engine import hardware
from intarsia.media import metrics
from recorded.make import HIDDEN, PASSWORD, fingerprint, with_model

FOLDER = Path(__file__).parent / "recorded"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_container(name, monkeypatch):
    monkeypatch.setattr(hardware, "has_bfloat16", lambda _where: True)  # as where they were recorded
    values = intarsia.reveal(FOLDER / name, password=PASSWORD, **with_model(name)).values
    expected = EXPECTED[name] if isinstance(EXPECTED[name], list) else [EXPECTED[name]]
    assert len(values) == len(expected)
    for value, wanted in zip(values, expected, strict=True):
        found = fingerprint(value)
        for key in ("mean", "deviation"):
            if key in found:
                assert found.pop(key) == pytest.approx(wanted[key], abs=0.2)
        assert found == {key: it for key, it in wanted.items() if key not in ("mean", "deviation")}


def test_a_processor_without_bfloat16_reveals_as_well(monkeypatch):
    found = []
    for has in (True, False):
        monkeypatch.setattr(hardware, "has_bfloat16", lambda _where, has=has: has)
        (value,) = intarsia.reveal(FOLDER / "v1-stegnet.png", password=PASSWORD, **with_model("v1-stegnet.png")).values
        found.append(metrics.psnr(HIDDEN, value.samples))
    assert found[0] == pytest.approx(found[1], abs=0.1)  # dB


def test_every_recorded_container_is_expected():
    assert {path.name for path in FOLDER.iterdir() if path.suffix not in (".py", ".json", "")} == set(EXPECTED)
