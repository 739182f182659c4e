"""`intarsia evaluate`: its record, what it refuses, and that it goes on."""

import json

import samples


def test_the_record_and_that_it_goes_on(quick):
    (quick.folder / "data").mkdir()
    for number in range(2):
        samples.write(quick.folder / "data" / f"{number}.png", samples.photograph(40, 40, top=40 * number))
    words = ("evaluate", "lsb", "--data", "data", "-o", "report", "--limit", "1", "--json")
    record = json.loads(quick.works(*words, password=None).out)
    assert set(record) == {"what", "out", "tables", "measured", "known", "broken", "failed", "written", "seconds"}
    assert record["tables"] == ["pair-picture-in-picture"]
    assert record["measured"] == 3  # lsb, the exact method at the same cover, lsb through the channels
    again = json.loads(quick.works(*words, password=None).out)
    assert (again["measured"], again["known"]) == (0, 3)
    page = (quick.folder / "report" / "index.html").read_text()
    assert "exact at the same cover as lsb" in page


def test_a_broken_file_is_named_and_the_others_are_in_the_report(quick):
    (quick.folder / "data").mkdir()
    for number in range(3):
        samples.write(quick.folder / "data" / f"{number}.png", samples.photograph(40, 40, top=40 * number))
    samples.write(quick.folder / "data" / "damaged.png", b"\x89PNG\r\n\x1a\n and then nothing")
    outcome = quick("evaluate", "lsb", "--data", "data", "-o", "report", "--quiet", password=None)
    assert outcome.code == 3
    assert "damaged.png" in outcome.errors[0]
    assert (quick.folder / "report" / "index.html").exists()


def test_what_cannot_be_meant(cli):
    cli.refuses(2, "evaluate", "stegnet", "-o", "report", says="--data is missing")
    cli.refuses(2, "evaluate", "stegnet", "--data", ".", says="-o is missing")
    cli.refuses(2, "evaluate", "stegnett", "--data", ".", "-o", "report", says="stegnett")
    cli.refuses(2, "evaluate", "stegnet", "--data", ".", "-o", "r", "--model", "stegnet", says="METHOD=RUN")
    cli.refuses(3, "evaluate", "stegnet", "--data", "none", "-o", "r", says="no such folder")
    cli.refuses(3, "evaluate", "stegnet", "--data", ".", "-o", "r", says="no pictures and no sounds")
