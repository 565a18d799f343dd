"""`python -m osetra` is the command `osetra`."""

from osetra.cli.app import main

main()
