"""The house rules: furniture of every room, imports that run one way, and the public names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import intarsia
from intarsia import methods

PACKAGE = Path(intarsia.__file__).parent
ROOT = PACKAGE.parents[1]
FLOORS = [
    "errors",
    "media",
    "carrier",
    "codes",
    "engine",
    "zoo",
    "methods",
    "container",
    "hosts",
    "results",
    "pipeline",
    "spread",
    "survey",
]
FLOORS += ["checkup", "study", "cli"]
PUBLIC = ["capacity", "hide", "inspect", "methods", "reveal"]
SOURCES = sorted(PACKAGE.rglob("*.py"))


def floor(path: Path) -> int | None:
    """Number of the floor a file lives on; None for the package's own front door."""
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return None if name in ("__init__", "__main__") else FLOORS.index(name)


def imported(path: Path) -> list[str]:
    """Absolute names of what a file imports, relative imports resolved."""
    package = ["intarsia", *path.relative_to(PACKAGE).parts[:-1]]
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names += [f"{module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    here = floor(path)
    if here is None:
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "intarsia" and len(parts) > 1 and parts[1] in FLOORS:
            assert FLOORS.index(parts[1]) <= here, f"{path.name} imports {name}, which lives above it"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_below_the_engine_nothing_knows_torch(path):
    here = floor(path)
    if here is not None and here < FLOORS.index("engine"):
        assert not any(name.split(".")[0] == "torch" for name in imported(path))


@pytest.mark.parametrize("name", methods.TABLE)
def test_every_room_has_its_furniture(name):
    room = PACKAGE / "methods" / name
    assert (room / "method.py").is_file()
    door = ast.parse((room / "__init__.py").read_text())
    picture = ast.get_docstring(door) or ""
    assert any(arrow in picture for arrow in "►◄▼"), f"{name} does not draw its flow"
    assert "METHOD" in {target.id for node in door.body if isinstance(node, ast.Assign) for target in node.targets}
    assert (ROOT / "docs" / "rooms" / f"{name}.md").is_file()
    assert (ROOT / "tests" / "methods" / f"test_{name}.py").is_file()


def test_rooms_and_table_agree():
    rooms = {path.parent.name for path in (PACKAGE / "methods").glob("*/method.py")}
    assert rooms == set(methods.TABLE)


def test_public_names():
    assert sorted(intarsia.__all__) == PUBLIC
    assert all(callable(getattr(intarsia, name)) for name in PUBLIC)
    assert [facts.name for facts in intarsia.methods()] == list(methods.TABLE)
    assert (PACKAGE / "py.typed").is_file()


def test_importing_the_package_or_asking_for_help_loads_nothing_heavy():
    code = "import sys, intarsia, intarsia.cli.app; print([m for m in ('numpy', 'PIL', 'torch') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_exact_path_never_imports_torch(tmp_path):
    code = (
        "import sys, numpy, intarsia; from intarsia.media import Blob, Image;"
        f"intarsia.hide(Image(numpy.full((64, 64, 3), 90, 'u1')), Blob(b'x'), {str(tmp_path / 'c.png')!r});"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_pillow_floor_has_the_decoder_fixes():
    import tomllib

    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert any(need.startswith("pillow>=12.2") for need in needs)
