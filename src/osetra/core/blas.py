"""Holds BLAS to one thread while models train, each on a core of its own.

Besides speed this is what makes a trial's bits independent of the number of cores. The limit is of the whole process, so it is
counted: the first to enter sets it, the last to leave restores what was.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_holders = 0
_limit: Any = None


@cache
def _controller() -> Any:
    import scipy.linalg.cython_blas  # noqa: F401 -- the BLAS that compiled code calls must be loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within it every BLAS of the process runs on the calling thread alone."""
    global _holders, _limit
    with _lock:
        if _holders == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
            _limit.__enter__()
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0:
                _limit.__exit__(None, None, None)
                _limit = None
