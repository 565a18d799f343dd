"""The verb `watch`: a study while it is trained, drawn anew twice a second from what its store holds.

The store is opened for reading only, so those who watch never hold up the one who trains.
"""

import contextlib
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from osetra.cli import DEFAULT_STORE
from osetra.cli.reading import open_study
from osetra.cli.screen import STATE_STYLE, output, printable
from osetra.cli.standing import STYLE, why
from osetra.core.direction import as_given
from osetra.core.records import EpochRecord, Event, StudyState, Trial, TrialState
from osetra.report import words
from osetra.report.lineage import told

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.study.heard import Heard

EVERY_S = 0.5
WIDEST, HEIGHT = 72, 9
"""Of the chart of one trial, in characters."""
MOST_ROWS, MOST_EVENTS = 10, 8
MOST_SUMMED = 2000
"""With more trials than this their epochs are not summed, which would take longer than drawing."""
POINT, MARK = "•", "▲"
_FIXED, _FIXED_CLOSELY = 6, HEIGHT + 4
"""Lines of a frame besides rows and events: of every one, and of a trial's own part."""
_GONE = 2
"""Lines more in which it is said that the study broke off."""


def run_watch(name: str | None, number: int | None, store: str, *, once: bool) -> None:
    """Draw until nobody trains the study any more or Ctrl-C comes; where the output is no terminal, only how it stood last."""
    from osetra.study.heard import Hearing

    study, hearing = open_study(name, store), Hearing()
    if number is not None:
        study.trial(number)
    console = output()
    if once:
        console.print(frame(study, number, console, how=hearing.listen(study, study.store.version(study.name)), store=store))
        return
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            study.record = study.store.study(study.name)
            how = hearing.listen(study, study.store.version(study.name))
            height = console.height if console.is_terminal else None
            live.update(frame(study, number, console, how=how, store=store, height=height), refresh=True)
            if study.record.state is not StudyState.RUNNING or how.has_broken_off:
                break
            time.sleep(EVERY_S)


def frame(
    study: "Study", number: int | None, console: Console, *, how: "Heard", store: str = DEFAULT_STORE, height: int | None = None
) -> RenderableType:  # fmt: skip
    """How a study stands, with one of its trials closely if a number is given.

    how: it was heard of last. store: what was typed for it. height: lines that there is room for, which long lists are cut to; None: any
    number.
    """
    fixed = _FIXED + (_FIXED_CLOSELY if number is not None else 0) + (_GONE if how.has_broken_off else 0)
    left = 1000 if height is None else max(2, height - fixed)
    most_rows = min(MOST_ROWS, left if number is None else left // 2)
    most_events = min(MOST_EVENTS, left - most_rows)
    record = study.record
    head = Text(printable(record.name), style="bold")
    head.append(f": {record.task.in_words} of {printable(record.target)}, ", style="not bold")
    head.append(how.state, style=f"not bold {STYLE[how.state]}")
    reason = why(record, how, store)
    head.append(f" ({printable(reason)})" if reason else "", style="not bold")
    parts: list[RenderableType] = [head, _progress(study, how), _best(study)]
    rows = _in_training(study, most_rows)
    if rows:
        parts += [Text(), _running(study, rows)]
    if number is not None:
        parts += [Text(), *_closely(study, number, how, min(WIDEST, console.width - 14), most_events)]
    return Group(*parts)


def _progress(study: "Study", how: "Heard") -> Text:
    counts = study.store.count_trials(study.name)
    total = sum(counts.values())
    states = ", ".join(f"{counts[state]:,} {state}" for state in TrialState if counts.get(state))
    told = [words.counted(total, "trial") + (f" ({states})" if states else "")]
    budget, record = study.facts.get("budget") or {}, study.record
    if budget.get("trials"):
        told.append(f"{sum(count for state, count in counts.items() if state.is_over):,} of {budget['trials']:,} over")
    if total <= MOST_SUMMED:
        epochs = sum(trial.epochs for trial in study.store.trials(study.name))
        told.append(words.counted(epochs, "epoch") + (f" of {budget['epochs']:,}" if budget.get("epochs") else ""))
    seconds = ((record.finished or datetime.now(UTC)) - record.created).total_seconds()
    if how.has_broken_off:
        seconds -= how.silent_s
    of = f" of {words.duration(budget['seconds'])}" if budget.get("seconds") else ""
    told.append(f"{words.duration(max(0.0, seconds))}{of}")
    return Text(" · ".join(told))


def _best(study: "Study") -> Text:
    able = [state for state in TrialState if state.can_win]
    page = study.trials(states=able, limit=1)
    if not page or page[0].dev_error is None:
        return Text("no trial has come to a result yet", style="dim")
    best, error_name = page[0], study.record.error_name
    return Text(f"best {words.part('dev', error_name)} {words.error(best.dev_error, error_name)}, trial {best.number}", style="green")


def _in_training(study: "Study", most: int) -> list[Trial]:
    """Those that train, and those that people had stand still; of the search's own that wait there may be very many."""
    by_number = {"order_by": "number", "limit": MOST_ROWS}
    running = study.store.trials(study.name, states=[TrialState.RUNNING], **by_number)
    waiting = study.store.trials(study.name, states=[TrialState.PAUSED], order_by="number", limit=20 * MOST_ROWS)
    held = [trial for trial in waiting if trial.reason.startswith("paused by")]
    return [as_given(study.record, trial) for trial in [*held, *running][:most]]


def _running(study: "Study", trials: Sequence[Trial]) -> Table:
    error_name = study.record.error_name
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("trial", "epochs", words.part("dev", error_name), "best", ""):
        table.add_column(heading, justify="right" if heading in ("trial", "epochs", "best") else "left", no_wrap=True)
    bests = words.errors([trial.dev_error for trial in trials], error_name)
    for trial, best in zip(trials, bests, strict=True):
        curve = words.sparkline([point.dev_error for point in study.curve(trial.number)])
        reason = Text(printable(trial.reason), style=STATE_STYLE.get(trial.state, "dim"))
        table.add_row(str(trial.number), f"{trial.epochs:,}", curve, best, reason)
    return table


def _closely(study: "Study", number: int, how: "Heard", width: int, most_events: int) -> list[RenderableType]:
    trial, curve = study.trial(number), study.curve(number)
    error_name = study.record.error_name
    reason = f", {printable(trial.reason)}" if trial.reason else ""
    head = Text(f"Trial {number}: {how.state_of(trial)}{reason}, {words.counted(trial.epochs, 'epoch')}", style="bold")
    happened = [(event, sentence) for event in study.events(number) if (sentence := told(event, error_name)) is not None]
    lines = [f"{words.duration((event.at - study.record.created).total_seconds()):>12}  epoch {event.epoch or 0:>4}  {printable(sentence)}"
             for event, sentence in happened[-most_events:]]  # fmt: skip
    drawn = chart(curve, [event for event, _ in happened], error_name, width) if curve else []
    return [head, *map(Text, drawn), *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines)]


def chart(curve: Sequence[EpochRecord], events: Sequence[Event], error_name: str, width: int) -> list[str]:
    """Lines that show the dev error by epoch, low is low, and below them a mark under each epoch at which something happened."""
    errors = [record.dev_error for record in curve]
    finite = [error for error in errors if math.isfinite(error)]
    if not finite:
        return []
    low, high = min(finite), max(finite)
    spread = (high / 2 - low / 2) or 1.0
    across = max(1, min(width, len(curve)))

    def place(epoch: int) -> int:
        return min(across - 1, max(0, (epoch - 1) * across // max(1, len(curve))))

    canvas = [[" "] * across for _ in range(HEIGHT)]
    for record in curve:
        if math.isfinite(record.dev_error):
            canvas[round((high / 2 - record.dev_error / 2) / spread * (HEIGHT - 1))][place(record.epoch)] = POINT
    labels: dict[int, str] = dict(zip((0, HEIGHT - 1), words.errors([high, low], error_name), strict=True))
    margin = max(map(len, labels.values()))
    marks = ["─"] * across
    for event in events:
        if event.epoch:
            marks[place(event.epoch)] = MARK
    lines = [f"{labels.get(row, ''):>{margin}} │{''.join(cells)}".rstrip() for row, cells in enumerate(canvas)]
    last = f"epoch {len(curve):,}"
    return [*lines, f"{'':>{margin}} └{''.join(marks)}", f"{'':>{margin}}  1{last:>{max(len(last) + 1, across - 1)}}"]
