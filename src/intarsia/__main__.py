"""`python -m intarsia` is the command line."""

from .cli import main

main()
