"""How things look in a terminal: tables, the progress line, JSON.

Results go to standard output; progress and notices to standard error, so that output can be piped.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from osetra.core.records import Trial, TrialState
from osetra.report import words

PLAIN_EVERY_S = 10.0
"""Where the output is no terminal, a line of progress this often."""
STATE_STYLE = {TrialState.FINISHED: "green", TrialState.DIVERGED: "red", TrialState.FAILED: "red", TrialState.STOPPED: "yellow"}


def output() -> Console:
    """Standard output. A pipe gets lines as long as they need to be."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)


def print_json(facts: Any) -> None:
    """One JSON document; NaN and infinities do not occur in it."""
    print(json.dumps(facts, indent=1, allow_nan=False, default=str))  # noqa: T201


def trials_table(trials: Sequence[Trial], *, error_name: str, title: str | None = None, columns: int = 7) -> Table:
    """Trials in the order given, with up to `columns` of the hyperparameters that differ among them."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for heading in ("trial", f"dev {error_name}", "train", "epochs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    show_state = any(trial.state is not TrialState.FINISHED for trial in trials)
    if show_state:
        table.add_column("state", no_wrap=True)
    names = words.varying(trials)[:columns]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for trial in trials:
        row: list[str | Text] = [
            str(trial.number),
            words.error(trial.dev_error, error_name),
            words.error(trial.train_error, error_name),
            str(trial.epochs),
            words.duration(trial.seconds),
        ]
        if show_state:
            row.append(Text(str(trial.state), style=STATE_STYLE.get(trial.state, "")))
        table.add_row(*row, *(words.value(trial.configuration.get(name, "-")) for name in names))
    return table


class TerminalProgress:
    """`osetra.core.ports.Progress` on standard error: a live line in a terminal, plain lines elsewhere."""

    def __init__(self, error_name: str = "error") -> None:
        self._console = Console(stderr=True, highlight=False)
        self.error_name = error_name
        self._bar = Progress(
            BarColumn(bar_width=24), TextColumn("{task.description}"), console=self._console, transient=True, refresh_per_second=5
        )
        self._task = self._bar.add_task("", total=1.0)
        self._started = False
        self._printed = time.monotonic()

    def __enter__(self) -> "TerminalProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._bar.stop()

    def notice(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, style="dim", soft_wrap=not self._console.is_terminal)

    def update(self, facts: Mapping[str, Any]) -> None:
        """Redraw the live line."""
        line = describe(facts, self.error_name)
        if self._console.is_terminal:
            if not self._started:
                self._bar.start()
                self._started = True
            self._bar.update(self._task, completed=facts["share_done"], description=line)
        elif time.monotonic() - self._printed >= PLAIN_EVERY_S:
            self._printed = time.monotonic()
            self._console.print(line, soft_wrap=True)


def describe(facts: Mapping[str, Any], error_name: str) -> str:
    """The state of a search in one line."""
    parts = [f"{facts['trials_done']} trials"]
    if facts["diverged"]:
        parts.append(f"{facts['diverged']} diverged")
    parts.append(f"{facts['epochs_per_s']:.1f} epochs/s")
    if facts["best_error"] is not None:
        parts.append(f"best dev {error_name} {words.error(facts['best_error'], error_name)}")
    if facts["seconds_left"] is not None:
        parts.append(f"{words.duration(facts['seconds_left'])} left")
    else:
        parts.append(f"{100 * facts['share_done']:.0f} % done")
    return " · ".join(parts)
