"""The command `osetra`."""
