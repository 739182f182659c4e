"""The demo shows every method of the table, on pictures and sounds, and its page is whole."""

import re

from intarsia import methods, zoo
from intarsia.methods.base import no_progress
from intarsia.methods.learned import Learned
from intarsia.study import demo


def test_the_demo_runs_every_method_and_writes_a_page_a_table_and_a_sheet(tmp_path, monkeypatch):
    by_method = {case.method: case for case in demo.CASES}
    quick = (*by_method.values(), *(case for case in demo.CASES if case.secret in ("text", "bytes") or case.cut))
    monkeypatch.setattr(demo, "CASES", quick)
    rows = demo.run(str(tmp_path), no_progress)
    ready = {name for name in methods.TABLE if methods.load(name).recipe is None or name in zoo.names()}
    assert {row.case.method for row in rows} == ready
    learned = {name for name in ready if isinstance(methods.load(name), Learned)}
    assert all(row.carrier_db > (20 if row.case.method in learned else 35) for row in rows)
    page = (tmp_path / "index.html").read_text()
    for source in re.findall(r'src="([^"]+)"', page):
        assert (tmp_path / source).is_file()
    assert len((tmp_path / "table.md").read_text().splitlines()) == len(rows) + 2
    assert (tmp_path / "sheet.png").is_file()
