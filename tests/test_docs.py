"""The documentation is true where it can be run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from recorded.make import PASSWORD

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "recorded"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The stand-alone reader printed in the description of the format."""
    page = (ROOT / "docs" / "container-format.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "import intarsia" not in source and "from intarsia" not in source
    path = tmp_path_factory.mktemp("reader") / "reader.py"
    path.write_text(source)
    return path


@pytest.mark.parametrize("container", sorted(RECORDED.glob("v1-exact-*")), ids=lambda path: path.name)
def test_the_reader_in_the_format_description_opens_every_recorded_container(container, reader, tmp_path):
    command = [sys.executable, reader, container, PASSWORD, tmp_path / "out"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("exact, kind ")
    assert (tmp_path / "out").stat().st_size > 0


def test_every_page_is_in_the_navigation_and_every_link_leads_somewhere():
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert str(page.relative_to(ROOT / "docs")) in navigation
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists()


def test_the_project_speaks_of_itself_alone():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".yml", ".cff", "") and path.is_file():
            text = path.read_text(errors="replace")
            assert not re.search(r"(?<![\w./-])/(work|root)/", text), f"{name} names a machine's path"
