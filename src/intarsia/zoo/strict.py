"""JSON without its loopholes: no name twice, nothing that is no number, no halves of characters, no bottomless nesting.

bytes ──► text ──► values that mean one thing to every reader
"""

import json
from typing import Any


def parse(data: bytes | str) -> Any:  # noqa: ANN401 (whatever was written)
    """Return what a JSON text says.

    Raises:
        ValueError: it is none, or one that readers disagree about.
    """
    text = data if isinstance(data, str) else data.decode()
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
        # Fails for halves of characters, which no message could show.
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no number")
