"""The command line: thin verbs over the library; one small file for each family of them.

    main ─► app (typer) ─► hide · reveal · look (capacity, info, methods, doctor) · demo
                               │
                               ├─ options   what every verb accepts; where passwords come from
                               └─ console   progress, one-line errors, exit codes, Ctrl-C

Everything heavy is imported by the verb that needs it, so `intarsia --help` stays instant.
"""

from .app import main

__all__ = ["main"]
