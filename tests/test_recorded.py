"""Any release reveals the containers of every earlier one."""

import json
from pathlib import Path

import pytest

import intarsia
from recorded.make import PASSWORD, fingerprint, with_model

FOLDER = Path(__file__).parent / "recorded"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_container(name):
    values = intarsia.reveal(FOLDER / name, password=PASSWORD, **with_model(name)).values
    expected = EXPECTED[name] if isinstance(EXPECTED[name], list) else [EXPECTED[name]]
    assert len(values) == len(expected)
    for value, wanted in zip(values, expected, strict=True):
        found = fingerprint(value)
        for key in ("mean", "deviation"):
            if key in found:
                assert found.pop(key) == pytest.approx(wanted[key], abs=0.2)
        assert found == {key: it for key, it in wanted.items() if key not in ("mean", "deviation")}


def test_every_recorded_container_is_expected():
    assert {path.name for path in FOLDER.iterdir() if path.suffix not in (".py", ".json", "")} == set(EXPECTED)
