"""Ctrl-C while a study runs: the first one ends it cleanly, the second one at once.

Knows nothing of: what runs.
"""

import signal
import threading
from types import FrameType
from typing import Self


class CtrlC:
    """While entered, Ctrl-C is noted in `came` instead of raised.

    Only where Python's own handler is in place, and in the main thread, the only one that may set another; elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self.came = False
        self._is_ours = False

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._is_ours = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
