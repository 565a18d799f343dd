"""Curves: dev error by epoch of the trials of a study, the best one's with its training error and with how it was steered.

Knows nothing of: where records are kept.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.records import Configuration, EpochRecord, Event, TrialState
from osetra.report import words
from osetra.report.figures.grouping import groups_of
from osetra.report.figures.sample import MOST_EPOCHS, drawn_in_words, thinned
from osetra.report.figures.theme import (
    BLUE,
    PURPLE,
    VERMILLION,
    figure,
    finite,
    hover_number,
    plain,
    robust_range,
    say,
    scaled_axis,
    shade,
)
from osetra.report.lineage import STEERED
from osetra.report.lineage import told as sentence_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_SPOKEN, FEWEST_EPOCHS = 1_500, 20
"""Points that say what their trial's configuration is: of all curves together at the most, and of each at the least."""
MOST_NAMED = 5
"""Hyperparameters named there."""
_LATE = ("diverged", "failed")


def spoken_epochs(trials: int) -> int:
    """Epochs drawn of each of so many trials but the best, where points say what their trial's configuration is."""
    return max(FEWEST_EPOCHS, MOST_SPOKEN // max(1, trials))


def curves(
    given: Mapping[int, Sequence[EpochRecord]],
    *,
    best: int | None,
    error_name: str,
    trials: int,
    states: Mapping[int, TrialState] | None = None,
    maximize: bool = False,
    events: Sequence[Event] = (),
    by: str = "trial",
    log: bool = False,
    configurations: Mapping[int, Configuration] | None = None,
) -> "go.Figure":
    """Dev error by epoch of each trial given, the best one's with its training error.

    given: curves by trial number; trials: how many the study has; states: of the trials, by number, to tell those that diverged.
    events: of which those by which the best trial was steered, or was to be, are marked. by: what colours tell apart, as `grouping` says.
    log: a log axis, where errors are above 0. configurations: what is said of a trial that one points at; its number is then the first
    entry of a point's custom data. Raises StudyError where no trial has an epoch, and for another `by`.
    """
    import plotly.graph_objects as go

    most = MOST_EPOCHS if configurations is None else spoken_epochs(len(given))
    known = {number: thinned(curve, MOST_EPOCHS if number == best else most) for number, curve in given.items() if curve}
    if not known:
        raise StudyError("curves need a trial with an epoch completed, got none; let the study train")
    made = figure("Curves", height=380)
    part = words.part("dev", error_name)
    told = f"epoch %{{x}}, {part} %{{y:{hover_number(error_name)}}}"
    spoken = "" if configurations is None else "<br>%{customdata[1]}"
    said = {number: [number, _in_short(configurations.get(number, {}))] for number in known} if configurations is not None else {}
    whose, nobody = ("%{customdata}", None) if configurations is None else ("%{customdata[0]}", [None, None])
    others = {number: curve for number, curve in known.items() if number != best}
    failed = {number for number in others if states and str(states.get(number)) in _LATE}
    able = {number: given[number][-1].epoch for number in others if number not in failed}
    groups = [(list(group.numbers), group.name, group.colour, "solid") for group in groups_of(able, by=by, trials=trials)]
    for numbers, name, colour, dash in (*groups, (sorted(failed), "diverged or failed", shade(VERMILLION, 0.55), "dot")):
        # One trace for all of a kind, with gaps between; a trace a trial would make a page slow. Arrays, since Plotly looks at each entry
        # of a list: 20 ms instead of 80.
        x = [at for number in numbers for at in (*(record.epoch for record in known[number]), math.nan)]
        y = [at for number in numbers for at in (*(record.dev_error for record in known[number]), math.nan)]
        who = [at for number in numbers for at in (*([said.get(number, number)] * len(known[number])), nobody)]
        if x:
            made.add_trace(
                go.Scatter(
                    x=np.array(x),
                    y=np.array(y),
                    customdata=np.array(who, dtype=object),
                    name=name,
                    mode="lines+markers",
                    line={"color": colour, "width": 1, "dash": dash},
                    marker={"size": 3},
                    hovertemplate=f"trial {whose}: {told}{spoken}<extra></extra>",
                )
            )
    text = ""
    if best in known:
        curve = known[best]
        epochs = [record.epoch for record in curve]
        train = [finite(record.train_error) for record in curve]
        if any(value is not None for value in train):
            made.add_trace(
                go.Scatter(
                    x=epochs,
                    y=train,
                    name=f"best, training {plain(error_name)}",
                    mode="lines",
                    line={"color": VERMILLION, "width": 1.5, "dash": "dash"},
                    hovertemplate=f"best, in training: epoch %{{x}}, %{{y:{hover_number(error_name)}}}<extra></extra>",
                )
            )
        made.add_trace(
            go.Scatter(
                x=epochs,
                y=[finite(record.dev_error) for record in curve],
                name=f"best, trial {best}, {part}",
                mode="lines+markers",
                line={"color": BLUE, "width": 2.5},
                marker={"size": 5},
                customdata=None if configurations is None else np.array([said[best]] * len(curve), dtype=object),
                hovertemplate=f"best, trial {best}: {told}{spoken}<extra></extra>",
            )
        )
        _mark_steering(made, curve, [event for event in events if event.trial == best and event.kind in STEERED], error_name)
        text = _curve_in_words(best, given[best], error_name, maximize=maximize)
    shown = drawn_in_words(len(known), trials)
    drawn = f"{shown}: the best, and others drawn at random." if shown else f"All {trials:,} trials drawn." if trials > 1 else ""
    values = [record.dev_error for curve in known.values() for record in curve]
    of_best = known.get(best, ()) if best is not None else ()
    must = [error for record in of_best for error in (record.dev_error, record.train_error)]
    limits = robust_range(values, must=must, maximize=maximize)
    made.update_layout(
        xaxis={"title": {"text": "epochs completed"}, "rangemode": "tozero"}, hovermode="closest",
        yaxis=scaled_axis(error_name, limits, [*values, *must], log=log),
    )  # fmt: skip
    return say(made, f"{text}{drawn}")


def _mark_steering(made: "go.Figure", curve: Sequence[EpochRecord], events: Sequence[Event], error_name: str) -> None:
    """A mark for each event, on the curve at its epoch; of a rollback that is the one gone back to."""
    import plotly.graph_objects as go

    if not events or not curve:
        return
    # The curve may be thinned.
    points = [min(curve, key=lambda record, at=event.epoch or 1: abs(record.epoch - at)) for event in events]
    made.add_trace(
        go.Scatter(
            x=[point.epoch for point in points],
            y=[finite(point.dev_error) for point in points],
            customdata=[plain(sentence_of(event, error_name) or event.kind) for event in events],
            name="steered",
            mode="markers",
            marker={"size": 9, "symbol": "diamond-open", "color": PURPLE, "line": {"width": 2}},
            hovertemplate="epoch %{x}: %{customdata}<extra></extra>",
        )
    )


def _in_short(configuration: Configuration) -> str:
    """What is said of a trial that one points at."""
    named = [f"{name} {words.value(configuration[name], 3)}" for name in words.in_order(configuration)]
    return plain(", ".join(named[:MOST_NAMED]), 40 * MOST_NAMED)


def _curve_in_words(best: int, curve: Sequence[EpochRecord], error_name: str, *, maximize: bool) -> str:
    finite = [record for record in curve if math.isfinite(record.dev_error)]
    if not finite:
        return ""
    at = (max if maximize else min)(finite, key=lambda record: record.dev_error)
    first, peak, last = words.errors([finite[0].dev_error, at.dev_error, finite[-1].dev_error], error_name)
    part = words.part("dev", error_name)
    if len(finite) == 1:
        return f"Best trial {best}: {part} {peak} after 1 epoch. "
    began = f"Best trial {best}: {part} from {first} after epoch {finite[0].epoch}"
    return f"{began} to its {'greatest' if maximize else 'lowest'}, {peak}, after epoch {at.epoch}, and {last} at the end. "
