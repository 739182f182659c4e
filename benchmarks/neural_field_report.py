"""The neural field's lines in words: a table for each kind of fit, means and worst."""

from pathlib import Path
from typing import Any

import numpy as np


def report(out: Path, rows: list[dict[str, Any]]) -> None:
    """Write DIR/report.md, and print it."""
    lines: list[str] = []
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        words = " ".join(f"{key}={value}" for key, value in row.get("settings", {}).items())
        groups.setdefault(f"{row['table']} {words}", []).append(row)
    for title, found in groups.items():
        lines += [f"## {title}", "", *_table(found), ""]
    (out / "report.md").write_text("\n".join(lines))
    print("\n".join(lines))


def _table(rows: list[dict[str, Any]]) -> list[str]:
    left_out = ("key", "table", "item", "settings", "date", "container")
    names = [name for name in dict.fromkeys(key for row in rows for key in row) if name not in left_out]
    head = ["| item | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    body = [f"| {row['item']} | " + " | ".join(_said(row.get(name)) for name in names) + " |" for row in rows]
    numbers = [[row[name] for row in rows if isinstance(row.get(name), int | float)] for name in names]
    mean = [_said(float(np.mean(values))) if values else "" for values in numbers]
    most = [_said(max(values)) if values else "" for values in numbers]
    return [*head, *body, f"| mean of {len(rows)} | " + " | ".join(mean) + " |", "| most | " + " | ".join(most) + " |"]


def _said(value: object) -> str:
    if value is None:
        return "n/a"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
