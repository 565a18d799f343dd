"""The ladder: how far trials were trained, and what they came to, a column of points for each rung.

Knows nothing of: where records are kept, how a search decides who climbs.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from osetra.core.errors import StudyError
from osetra.core.ports import Level
from osetra.core.records import Trial, TrialState
from osetra.report import words
from osetra.report.figures.sample import drawn_in_words, points_of
from osetra.report.figures.theme import (
    BLUE,
    VERMILLION,
    beyond,
    error_axis,
    figure,
    hover_number,
    robust_range,
    rows_axis,
    say,
    shade,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_RUNGS = 10


def ladder(
    trials: Sequence[Trial],
    *,
    error_name: str,
    rungs: Sequence[int] = (),
    maximize: bool = False,
    levels: Sequence[Level] | None = None,
) -> "go.Figure":
    """How far each trial was trained, and what it came to: a column of points for each rung, in the order of epochs.

    rungs: epochs at which trials waited or were left behind; without them the epochs that trials reached. levels: of all trials, as given
    (`best` is the one that wins), where `trials` are a sample; None: counted from `trials`. Raises StudyError where no trial has a result.
    """
    import plotly.graph_objects as go

    scored = [trial for trial in trials if trial.dev_error is not None and trial.epochs]
    if not scored:
        raise StudyError("a ladder needs trials with a result, got none; let the study train")
    pick = max if maximize else min
    stood = [level for level in (_counted(scored, pick) if levels is None else levels) if level.scored and level.epochs]
    lows = _levels([level.epochs for level in stood], rungs)
    places = [bisect_right(lows, level.epochs) - 1 for level in stood]
    counts = [sum(level.scored for at, level in zip(places, stood, strict=True) if at == place) for place in range(len(lows))]
    drawn = points_of(scored)
    rungs_drawn = [bisect_right(lows, trial.epochs) - 1 for trial in drawn]
    made, number = figure("Ladder", height=360), hover_number(error_name)
    made.add_trace(
        go.Scatter(
            x=[place + _jitter(trial.number) for place, trial in zip(rungs_drawn, drawn, strict=True)],
            y=[trial.dev_error for trial in drawn],
            customdata=[[trial.number, trial.epochs, str(trial.state)] for trial in drawn],
            mode="markers",
            name="trials",
            marker={"color": shade(BLUE, 0.7), "size": 6},
            hovertemplate=f"trial %{{customdata[0]}}, %{{customdata[2]}} after %{{customdata[1]}} epochs: %{{y:{number}}}<extra></extra>",
        )
    )
    able = [(place, level.best) for place, level in zip(places, stood, strict=True) if level.state.can_win]
    best = [pick((error for at, error in able if at == place and error is not None), default=None) for place in range(len(lows))]
    made.add_trace(
        go.Scatter(
            x=list(range(len(lows))),
            y=best,
            mode="lines+markers",
            name="best of a rung",
            line={"color": VERMILLION, "width": 2},
            marker={"size": 7},
            connectgaps=True,
            hovertemplate=f"best: %{{y:{hover_number(error_name)}}}<extra></extra>",
        )
    )
    ends = [*(following - 1 for following in lows[1:]), max(level.epochs for level in stood)]
    spans = [f"{low}" if low == high else f"{low}–{high}" for low, high in zip(lows, ends, strict=True)]
    values = [trial.dev_error for trial in scored if trial.dev_error is not None]
    limits = robust_range(values, maximize=maximize)
    made.update_layout(
        xaxis={
            **rows_axis([f"{span}<br>{count:,}" for span, count in zip(spans, counts, strict=True)]),
            "title": {"text": "epochs trained; trials that ended there"},
        },
        yaxis={**error_axis(error_name), "range": limits},
    )  # fmt: skip
    told = ", ".join(f"{words.counted(count, 'trial')} at {span} epochs" for span, count in zip(spans, counts, strict=True) if count)
    shown = drawn_in_words(len(drawn), sum(counts))
    return say(made, f"How far trials were trained: {told}.{f' {shown}.' if shown else ''}{beyond(values, limits)}")


def _counted(trials: Sequence[Trial], pick: Callable[..., float]) -> list[Level]:
    groups: dict[tuple[int, TrialState], list[float]] = {}
    for trial in trials:
        if trial.dev_error is not None:
            groups.setdefault((trial.epochs, trial.state), []).append(trial.dev_error)
    return [
        Level(epochs=epochs, state=state, trials=len(errors), scored=len(errors), best=pick(errors))
        for (epochs, state), errors in groups.items()
    ]


def _levels(epochs: Sequence[int], rungs: Sequence[int]) -> list[int]:
    """Ascending lower ends of ranges of epochs, at most `MOST_RUNGS`, the first no more than the fewest epochs."""
    reached = sorted(set(epochs))
    if rungs or len(reached) > MOST_RUNGS:
        low, high = reached[0], reached[-1]
        wanted = {low, *(rung for rung in rungs if low < rung <= high)} if rungs else set()
        if not 2 <= len(wanted) <= MOST_RUNGS:
            wanted = {round(low * (high / low) ** (place / MOST_RUNGS)) for place in range(MOST_RUNGS)}
        reached = sorted(wanted)
    return reached


def _jitter(number: int) -> float:
    """The same for the same trial, in -0.25 .. 0.25, neighbours apart (the golden ratio's multiples)."""
    return 0.5 * (number * 0.6180339887498949 % 1.0) - 0.25
