"""Any release reveals the containers of every earlier one."""

import json
from pathlib import Path

import pytest

import intarsia
from recorded.make import PASSWORD, fingerprint

FOLDER = Path(__file__).parent / "recorded"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_container(name):
    found = fingerprint(intarsia.reveal(FOLDER / name, password=PASSWORD).value)
    for key in ("mean", "deviation"):
        if key in found:
            assert found.pop(key) == pytest.approx(EXPECTED[name][key], abs=0.2)
    assert found == {key: value for key, value in EXPECTED[name].items() if key not in ("mean", "deviation")}


def test_every_recorded_container_is_expected():
    assert {path.name for path in FOLDER.iterdir() if path.suffix not in (".py", ".json", "")} == set(EXPECTED)
