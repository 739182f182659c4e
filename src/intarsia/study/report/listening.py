"""A blind test for ears: which of two is X? And how likely as many right answers are by guessing.

    cover, container ─► A and B by chance, X one of them ─► the listener's answers ─► right of n ─► binomial p-value

The page keeps nothing and sends nothing; what is drawn by chance is drawn in the browser, trial by trial.
"""

import base64
import html
import json
import math
from collections.abc import Sequence
from pathlib import Path

from ..evaluate.plans import FILE
from ..evaluate.tables import Table
from . import views

MOST = 12
"""Pairs on the page."""


def p_value(right: int, trials: int) -> float:
    """Return how likely at least `right` of `trials` answers are right by guessing: sum of C(n, k) / 2^n from k on.

    Raises:
        ValueError: fewer than none, or more than there were.
    """
    if not 0 <= right <= trials:
        raise ValueError(f"{right} right of {trials}")
    return float(sum(math.comb(trials, k) for k in range(right, trials + 1)) / 2**trials)


def page(tables: Sequence[Table], folder: Path) -> str | None:
    """Return the page; None where there are no sounds with something in them."""
    pairs = []
    for table in tables:
        for row in table.rows:
            if row.column == FILE:
                pairs += [(f"{table.title}: {row.label}", line["files"]) for line in row.lines[:2]]
    heard = [(name, kept) for name, kept in pairs if str(kept.get("container")).endswith(".wav")][:MOST]
    if not heard:
        return None
    sounds = [{"name": name, "cover": _data(folder, kept, "cover"), "container": _data(folder, kept, "container")}
              for name, kept in heard]  # fmt: skip
    return _PAGE.replace("SOUNDS", json.dumps(sounds).replace("</", "<\\/")).replace(
        "COUNT", html.escape(str(len(heard)))
    )


def _data(folder: Path, kept: dict[str, str], name: str) -> str:
    return "data:audio/wav;base64," + base64.b64encode(views.player(folder / kept[name])).decode()


_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><title>Intarsia: listening</title><style>
body { font: 16px/1.6 system-ui, sans-serif; margin: 2rem auto; max-width: 720px; padding: 0 1rem }
button { font: inherit; padding: .3rem 1rem; margin-right: .5rem } .play { min-width: 5rem }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; border-bottom: 1px solid #ccc; text-align: left }
</style></head><body><h1>Which of the two is X?</h1>
<p>COUNT pairs of a recording and the same with something hidden in it. A and B are the two, in an order drawn anew for
every trial; X is one of them. Listen as often as you like, then answer. Nothing leaves this page.</p>
<p><button class=play data-which=a>A</button><button class=play data-which=b>B</button>
<button class=play data-which=x>X</button></p>
<p><button class=say data-say=a>X is A</button><button class=say data-say=b>X is B</button></p>
<p id=score aria-live=polite></p>
<table id=by><tr><th>pair</th><th>right</th><th>of</th><th>p</th></tr></table>
<script>
const sounds = SOUNDS; let trial; const tally = sounds.map(() => [0, 0]); const player = new Audio();
function coin() { return crypto.getRandomValues(new Uint32Array(1))[0] & 1; }
function next() {
  const pair = crypto.getRandomValues(new Uint32Array(1))[0] % sounds.length;
  trial = { pair, a: coin() ? 'cover' : 'container', x: coin() ? 'a' : 'b' };
  trial.b = trial.a === 'cover' ? 'container' : 'cover'; player.pause();
}
function p(right, n) {
  let sum = 0, term = Math.pow(0.5, n);
  for (let k = 0; k <= n; k++) { if (k >= right) sum += term; term = term * (n - k) / (k + 1); }
  return Math.min(1, sum);
}
function show() {
  const [right, n] = tally.reduce((one, other) => [one[0] + other[0], one[1] + other[1]]);
  document.getElementById('score').textContent =
    right + ' right of ' + n + '; by guessing, at least as many with p = ' + p(right, n).toFixed(4);
  const table = document.getElementById('by'); while (table.rows.length > 1) table.deleteRow(1);
  tally.forEach(([r, of], i) => {
    if (!of) return;
    const row = table.insertRow();
    [sounds[i].name, r, of, p(r, of).toFixed(4)].forEach(t => row.insertCell().textContent = t);
  });
}
document.querySelectorAll('.play').forEach(b => b.onclick = () => {
  const which = b.dataset.which === 'x' ? trial.x : b.dataset.which;
  player.src = sounds[trial.pair][trial[which]]; player.play();
});
document.querySelectorAll('.say').forEach(b => b.onclick = () => {
  tally[trial.pair][1]++; if (b.dataset.say === trial.x) tally[trial.pair][0]++; show(); next();
});
next();
</script></body></html>
"""
