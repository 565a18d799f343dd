"""Every error that osetra raises on purpose.

    OsetraError
    |-- InputError (ValueError)      the caller can mend it: what was required, what came, what to do
    |   |-- DataError                a file, table, column or target
    |   |-- SpaceError               a hyperparameter, its range or its value
    |   |-- StudyError               a study, its name, its budget
    |   |-- ModelError               a saved model, or data that does not fit it
    |   `-- StoreError               a store that cannot be opened, read or written
    `-- MissingExtra (ImportError)   an optional dependency is not installed

Our own mistakes are asserts, never one of these.
"""


class OsetraError(Exception):
    """Root of the tree."""


class InputError(OsetraError, ValueError):
    """Something given to osetra cannot be used as it is."""


class DataError(InputError):
    """A file, table, column or target cannot be used."""


class SpaceError(InputError):
    """A hyperparameter, its range or its value makes no sense."""


class StudyError(InputError):
    """A study is unknown, its name is taken or its budget makes no sense."""


class ModelError(InputError):
    """A saved model cannot be read, or the data does not fit it."""


class StoreError(InputError):
    """A store cannot be opened, read or written."""


class MissingExtra(OsetraError, ImportError):  # noqa: N818 -- named for what is missing, as ImportError is
    """An optional dependency is needed and not installed."""
