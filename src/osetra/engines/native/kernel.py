"""How the native engine's functions are compiled, and where the result is kept.

Inner functions are compiled into the entry points that call them. Only entry points are kept on disk, in the user's cache folder,
under a stamp of every source file of this package: Numba's own stamp covers a single file and would serve stale code after an
edit in another one.

    OSETRA_CACHE_DIR    puts the cache elsewhere

Floating point: sums may be reordered and fused (reassoc, contract), NaN and infinity keep their meaning, so divergence is seen.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numba
from numba.core import caching

FAST_MATH = {"reassoc", "contract", "nsz", "arcp", "afn"}
OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": FAST_MATH, "error_model": "numpy"}
INLINED = OPTIONS | {"forceinline": True}
"""Of what entry points call. Not for speed: a call that is not inlined runs the copy in the entry point's own code when that comes from
disk, but one compiled by itself, with other rounding, in the process that compiled it; so the first run would differ in its last bits."""


AS_INLINED: dict[str, Any] = {"jit_options": INLINED}
"""The same for `numba.extending.overload`."""


def inner(function: Callable[..., Any]) -> Any:
    """Compile into the entry points that call it."""
    return cast("Any", numba.njit)(**INLINED)(function)


def entry(function: Callable[..., Any]) -> Any:
    """Compile on first use and keep the machine code on disk."""
    dispatcher = cast("Any", numba.njit)(**OPTIONS)(function)
    dispatcher._cache = _KernelCache(function)
    return dispatcher


def is_cached(dispatcher: Any) -> bool:
    """Whether machine code of this entry point is on disk for these sources on this machine."""
    name = f"{dispatcher._cache._impl.filename_base}.nbi"
    return os.path.exists(os.path.join(dispatcher._cache.cache_path, name))  # noqa: PTH110, PTH118 -- False, not an error, below a file


def cache_folder() -> Path:
    """Where compiled code of the present sources lies; not created by asking."""
    chosen = os.environ.get("OSETRA_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        base = Path(chosen)
    else:
        import platformdirs

        base = Path(platformdirs.user_cache_dir("osetra", appauthor=False))
    return base / f"native-{_source_stamp()[:16]}"


@cache
def _source_stamp() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Locator(cast("Any", caching)._CacheLocator):
    """Tells Numba's cache to use our folder and our stamp."""

    def __init__(self, function: Callable[..., Any], _path: str) -> None:
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return _source_stamp()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], path: str) -> "_Locator":
        return cls(function, path)


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012 -- Numba's own attribute


class _KernelCache(caching.FunctionCache):
    _impl_class = _Implementation

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code kept for a signature; None where there is none or it cannot be read."""
        try:
            return super().load_overload(sig, target_context)
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code; on a full or read-only disk go on without, at the price of compiling again next time."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)
