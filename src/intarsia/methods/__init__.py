"""The table of methods: one line for each room.

Rooms are imported when they are asked for, so a method that needs a large library costs nothing until then. A
method of another package works by its address, `their_package.module:METHOD`.
"""

import difflib
import importlib
import sys
import types
from typing import Any

from ..errors import UsageError
from .base import Facts, Method

TABLE = {
    "exact": "intarsia.methods.exact:METHOD",
    "lsb": "intarsia.methods.lsb:METHOD",
    "stegnet": "intarsia.methods.stegnet:METHOD",
    "deep_steg": "intarsia.methods.deep_steg:METHOD",
    "neural_field": "intarsia.methods.neural_field:METHOD",
    "image_in_speech": "intarsia.methods.image_in_speech:METHOD",
    "ditas": "intarsia.methods.ditas:METHOD",
    "hide_and_speak": "intarsia.methods.hide_and_speak:METHOD",
}
DEFAULT = "exact"


def load(name: str) -> Method[Any]:
    """Return the method called `name`, from the table or by its address `package.module:NAME`.

    Raises:
        UsageError: there is no such method; the message names the nearest ones.
    """
    address = TABLE.get(name, name)
    module, colon, attribute = address.partition(":")
    if not colon:
        near = difflib.get_close_matches(name, TABLE, n=3, cutoff=0.3) or list(TABLE)
        raise UsageError(f"unknown method {name!r}; did you mean {' or '.join(near)}? (intarsia methods lists them)")
    try:
        method = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"method {name!r} cannot be imported: {error}") from error
    if not isinstance(method, Method):
        raise UsageError(f"method {name!r} is a {type(method).__name__}; expected an intarsia.methods.base.Method")
    return method


def load_named_by_a_file(name: str, trusted: str | None) -> Method[Any]:
    """Return the method a container names, which must be ours or the one the caller named as well.

    Loading runs a module's code; a stranger's file may not choose which.
    """
    if name not in TABLE and name != trusted:
        raise UsageError(f"made by method {name!r}, which is not ours; if you trust that package, add --method {name}")
    return load(name)


def facts() -> tuple[Facts, ...]:
    """Return the facts of every method in the table."""
    return tuple(load(name).facts for name in TABLE)


class _Room(types.ModuleType):
    """`intarsia.methods` is this package and, called, the list of what stands in it."""

    def __call__(self) -> tuple[Facts, ...]:
        return facts()


# Importing a submodule binds its name in the parent, so `intarsia.methods` can only be this module: it answers
# the call itself.
sys.modules[__name__].__class__ = _Room
