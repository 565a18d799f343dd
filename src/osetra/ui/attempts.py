"""Wrong tokens, counted by the address that they come from, so that nobody tries many.

Knows nothing of: tokens.
"""

import time
from collections import OrderedDict

from starlette.types import Scope

MOST = 10
"""Failures within `WINDOW_S` after which an address has to wait."""
WINDOW_S = 60.0
_MOST_ADDRESSES = 1_000


class Attempts:
    """Failures of late."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def are_too_many(self, scope: Scope) -> bool:
        """Whether the one who asks has to wait."""
        return len(self._recent(_address(scope))) >= MOST

    def note_failure(self, scope: Scope) -> None:
        """Count one."""
        address = _address(scope)
        self._failures[address] = [*self._recent(address), time.monotonic()][-MOST:]
        self._failures.move_to_end(address)
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        since = time.monotonic() - WINDOW_S
        return [at for at in self._failures.get(address, ()) if at > since]


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
