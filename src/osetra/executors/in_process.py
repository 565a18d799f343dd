"""Objectives in this very process, one call after another: for debugging, and for those that take no time at all.

Knows nothing of: what is tuned, searches, the store.
"""

from collections.abc import Callable, Sequence
from typing import Any

from osetra.executors.objective import Call, Message, run


class InProcess:
    """One call at a time, carried out while `poll` is called. A call cannot be ended from outside; Ctrl-C ends it."""

    def __init__(self, objective: Callable[[Any], Any]) -> None:
        self._objective = objective
        self._call: Call | None = None

    @property
    def has_room(self) -> bool:
        """Whether a call can begin."""
        return self._call is None

    def start(self, call: Call) -> None:
        """Take a call, to be carried out by the next `poll`."""
        assert self._call is None, "a call is waiting"
        self._call = call

    def poll(self, _timeout_s: float, told_to_stop: Callable[[], bool] = lambda: False) -> Sequence[Message]:
        """Carry out the call that waits; all that it said. The objective asks `told_to_stop` whether to return."""
        said: list[Message] = []
        if self._call is not None:
            call, self._call = self._call, None
            run(self._objective, call, said.append, told_to_stop)
        return said

    def ask_to_stop(self) -> None:
        """Nothing: what runs asks by itself, and what waits was not begun."""

    def end(self, number: int) -> None:
        """Forget a call that waits."""
        if self._call is not None and self._call.number == number:
            self._call = None

    def close(self) -> None:
        """Nothing is left behind."""
