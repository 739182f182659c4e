"""The command line: thin verbs over the library; one small file for each family of them.

    main ─► app (typer) ─► hide · reveal · look (capacity, info, methods, doctor) · demo
                               │
                               ├─ options   what every verb accepts; where passwords come from
                               └─ console   progress, one-line errors, exit codes, Ctrl-C

Everything heavy is imported by the verb that needs it, so `intarsia --help` stays instant.
"""

import os


def main() -> None:
    """Run the command line; never returns."""
    # Products of matrices here are small, and the carrier works in threads of its own: a pool of BLAS threads
    # beside them only fights for the cores. Read by numpy when it is imported, so it is said before.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from .app import run
    except KeyboardInterrupt:
        os._exit(130)  # nothing was begun, and a traceback would tell nothing
    run()


__all__ = ["main"]
