"""`osetra plan` of what the page asks for, in a process of its own, since it trains for some seconds.

Knows nothing of: elements, how a plan comes about.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from osetra.core.errors import StudyError
from osetra.ui.access import TOKEN_VARIABLE
from osetra.ui.flags import flags

LATEST_S = 300.0
PLANNED = (
    "target", "budget", "trials", "epochs", "epochs_per_trial", "patience", "strategy", "task", "seed", "drop", "sizes", "groups", "time",
    "weights", "class_weight", "workers", "no_finals", "no_test",
)  # fmt: skip
"""Options of `osetra fit` that `osetra plan` knows too."""


class Planning:
    """One plan at a time; a new one takes the place of the one before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def plan(self, data: Path, edits: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
        """As `CostPlan.to_dict` gives it. Raises StudyError with what the command said where it could not be done."""
        self.stop()
        arguments = [part for name, value in options.items() if name in PLANNED for part in flags(name, value)]
        arguments += [f"--set={name}={value}" for name, value in edits.items()]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "osetra", "plan", "--json", *arguments, "--", str(data), cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name not in (TOKEN_VARIABLE, "OSETRA_STORE")},
        )  # fmt: skip
        self._process = process
        try:
            out, err = await asyncio.wait_for(process.communicate(), LATEST_S)
        except asyncio.CancelledError:
            self.stop()
            raise
        except TimeoutError:
            self.stop()
            raise StudyError(
                f"a plan should take some seconds, got none in {LATEST_S:g} s; start the fit, or ask on the command line"
            ) from None
        if process.returncode != 0:
            raise StudyError(_last_words(err.decode("utf-8", "replace")) or "the plan was ended before it was made; ask again")
        return json.loads(out)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def stop(self) -> None:
        """End the one that is being made, if any."""
        if self._process is not None and self.is_running:
            self._process.kill()


def _last_words(said: str) -> str:
    lines = [line.removeprefix("osetra: ") for line in said.splitlines() if line.startswith("osetra: ")]
    return lines[-1] if lines else ""
