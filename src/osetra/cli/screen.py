"""How things look in a terminal: tables that fit it, the progress line, JSON.

Results go to standard output; progress and notices to standard error, so that output can be piped. Text that comes from a person or a
file (names of studies, columns, labels, paths) is shown as it is: no markup, no emoji codes, no control characters.
"""

import json
import math
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from osetra.core.records import Trial, TrialState
from osetra.report import words

PLAIN_EVERY_S = 10.0
"""Where the output is no terminal, a line of progress this often."""
STATE_STYLE = {TrialState.FINISHED: "green", TrialState.DIVERGED: "red", TrialState.FAILED: "red", TrialState.STOPPED: "yellow"}
_PIPE_WIDTH = 10_000
_GAP = 2


def printable(text: str) -> str:
    """The text with control characters, such as those that move the cursor, written out; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)


class PlainConsole(Console):
    """A console that shows text as it is."""

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        # A pipe gets lines as long as they need to be.
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else _PIPE_WIDTH)

    def render_str(self, text: str, **options: Any) -> Text:
        """As Rich does, control characters written out."""
        return super().render_str(printable(text), **options)


def output() -> PlainConsole:
    """Standard output."""
    return PlainConsole()


def error_output() -> PlainConsole:
    """Standard error."""
    return PlainConsole(stderr=True)


def say(console: Console, text: str, *, style: str = "") -> None:
    """A sentence, its further lines indented."""
    lines = textwrap.wrap(printable(text), console.width - 1, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    console.print("\n".join(lines), style=style, soft_wrap=True)


def print_json(facts: Any) -> None:
    """One JSON document; NaN and infinities become null."""
    print(json.dumps(_plain(facts), indent=1, allow_nan=False))  # noqa: T201


def _plain(fact: Any) -> Any:
    """What JSON can carry: NumPy's numbers as Python's, what is not finite as None, anything else as its text."""
    if fact is None or type(fact) in (bool, int, str):
        return fact
    if isinstance(fact, float):
        return float(fact) if math.isfinite(fact) else None
    if isinstance(fact, Mapping):
        return {str(name): _plain(entry) for name, entry in fact.items()}
    if isinstance(fact, list | tuple):
        return [_plain(entry) for entry in fact]
    if hasattr(fact, "tolist"):
        return _plain(fact.tolist())
    return str(fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table on the screen."""

    heading: str
    cells: Sequence[str | Text]
    justify: Literal["left", "right"] = "right"
    rank: int = 0
    """The greater, the sooner it is left out where the terminal is too narrow; 0 never is."""

    @property
    def width(self) -> int:
        return max(cell_len(line) for cell in (self.heading, *self.cells) for line in str(cell).split("\n"))


def print_table(console: Console, columns: Sequence[Column], *, title: str = "") -> None:
    """Print as many of the columns as fit side by side and name those that do not."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + _GAP for column in kept) - _GAP > console.width:
        last = max(kept, key=lambda column: column.rank)
        if last.rank == 0:
            break
        kept.remove(last)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for column in kept:
        table.add_column(column.heading, justify=column.justify, no_wrap=True, vertical="bottom")
    for row in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*row)
    if title:
        console.print(title, style="bold")
    console.print(table)
    left_out = [column.heading.replace("\n", " ") for column in columns if column not in kept]
    if left_out:
        say(console, f"No room for {', '.join(left_out)}; --json shows everything.", style="dim")


def print_trials(console: Console, trials: Sequence[Trial], *, error_name: str, title: str = "") -> None:
    """Trials in the order given, with the hyperparameters that differ among them."""
    names = words.varying(trials)
    short = "error" if error_name == "error rate" else error_name
    columns = [
        Column(heading="trial", cells=[str(trial.number) for trial in trials]),
        Column(heading=words.part("dev", short).replace(" ", "\n"), cells=words.errors([trial.dev_error for trial in trials], error_name)),
        Column(heading="epochs", cells=[f"{trial.epochs:,}" for trial in trials], rank=4),
        Column(heading="time", cells=[words.duration(trial.seconds) for trial in trials], rank=5),
    ]
    if any(trial.train_error is not None for trial in trials):
        train = words.errors([trial.train_error for trial in trials], error_name)
        columns.insert(2, Column(heading=f"train\n{short}", cells=train, rank=3))
    if any(trial.state is not TrialState.FINISHED for trial in trials):
        states = [Text(str(trial.state), style=STATE_STYLE.get(trial.state, "")) for trial in trials]
        columns.append(Column(heading="state", cells=states, justify="left", rank=2))
    for place, name in enumerate(names):
        cells = [words.value(trial.configuration.get(name, "-"), figures=3) for trial in trials]
        columns.append(Column(heading=name.replace("_", "\n"), cells=cells, rank=1 if place == 0 else 6 + place))
    print_table(console, columns, title=title)


class TerminalProgress:
    """`osetra.core.ports.Progress` on standard error: a live line in a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._console = error_output()
        words_beside = TextColumn("{task.description}", markup=False)
        self._bar = Progress(BarColumn(bar_width=10), words_beside, console=self._console, transient=True, refresh_per_second=5)
        self._task = self._bar.add_task("reading the data", total=None)
        self._printed = time.monotonic()

    def __enter__(self) -> "TerminalProgress":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def notice(self, text: str) -> None:
        """A sentence that stays."""
        say(self._console, text, style="dim")

    def update(self, facts: Mapping[str, Any]) -> None:
        """Redraw the live line."""
        if self._console.is_terminal:
            line = describe(facts, self._console.width - 12)
            self._bar.update(self._task, total=1.0, completed=facts["share_done"], description=line)
        elif time.monotonic() - self._printed >= PLAIN_EVERY_S:
            self._printed = time.monotonic()
            self._console.print(describe(facts), soft_wrap=True)


def describe(facts: Mapping[str, Any], width: float = math.inf) -> str:
    """The state of a search in one line; where `width` is short, speed and interval are left out."""
    error_name = facts.get("error_name", "error")
    seconds_left = facts["seconds_left"]
    parts = {
        "trials": words.counted(facts["trials_done"], "trial"),
        "diverged": f"{facts['diverged']:,} diverged" if facts["diverged"] else "",
        "speed": f"{facts['epochs_per_s']:,.1f} epochs/s",
        "best": "",
        "left": f"{100 * facts['share_done']:.0f} % done" if seconds_left is None else f"{words.duration(seconds_left)} left",
    }
    if facts["best_error"] is not None:
        named = words.part("dev", "error" if error_name == "error rate" else error_name)
        parts["best"] = f"best {named} {words.error(facts['best_error'], error_name)}"
    without = parts["best"]
    if facts.get("best_interval"):
        low, high = words.errors(facts["best_interval"], error_name)
        parts["best"] += f" ({low.removesuffix(' %')} to {high})"
    for name, shorter in (("speed", ""), ("best", without), ("diverged", "")):
        if len(_joined(parts)) <= width:
            break
        parts[name] = shorter
    return _joined(parts)


def _joined(parts: Mapping[str, str]) -> str:
    return " · ".join(part for part in parts.values() if part)
