"""The command `osetra`."""

DEFAULT_STORE = "osetra.db"
