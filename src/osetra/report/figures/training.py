"""How trials trained: curves, the ladder that they climbed, the layers of one network, what happened when.

Knows nothing of: where records are kept.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.ports import Level
from osetra.core.records import Configuration, EpochRecord, Event, Trial, TrialState
from osetra.report import words
from osetra.report.figures.grouping import groups_of
from osetra.report.figures.sample import MOST_EPOCHS, drawn_in_words, points_of, spread, thinned
from osetra.report.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    VERMILLION,
    beyond,
    error_axis,
    figure,
    hover_number,
    plain,
    robust_range,
    rows_axis,
    say,
    scaled_axis,
    shade,
)
from osetra.report.lineage import STEERED
from osetra.report.lineage import told as sentence_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.training.range_test import RangeTest

HEALTHY_STEPS = (1e-4, 1e-2)
"""||change of W|| / ||W|| of a layer in good health."""
MOST_RUNGS = 10
MOST_PROBES = 5
"""Of one trial, drawn."""
MOST_SPOKEN, FEWEST_EPOCHS = 1_500, 20
"""Points that say what their trial's configuration is: of all curves together at the most, and of each at the least."""
MOST_NAMED = 5
"""Hyperparameters named there."""
MOST_TIMES = 300
"""Points of a line in time."""
_LATE = ("diverged", "failed")
_DRAWN = frozenset({"layer", "gradient_norm", "update_ratio", "dead_units"})
"""Of a layer in a probe."""


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

    most = MOST_EPOCHS if configurations is None else max(FEWEST_EPOCHS, MOST_SPOKEN // max(1, len(given)))
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
        train = [_number(record.train_error) for record in curve]
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
                y=[_number(record.dev_error) for record in curve],
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
    drawn = f"{shown}: the best, and others drawn at random." if shown else f"All {words.counted(trials, 'trial')} drawn."
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
            y=[_number(point.dev_error) for point in points],
            customdata=[plain(sentence_of(event, error_name) or event.kind) for event in events],
            name="steered",
            mode="markers",
            marker={"size": 9, "symbol": "diamond-open", "color": PURPLE, "line": {"width": 2}},
            hovertemplate="epoch %{x}: %{customdata}<extra></extra>",
        )
    )


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


def layers(probes: Sequence[Mapping[str, Any]], *, trial: int) -> "go.Figure":
    """Gradient and size of steps of each layer, a line for each probe, the early ones pale.

    probes: `epoch` and `layers`, whose entries have the fields of `LayerProbe`; one in which any of those drawn is missing is passed over.
    Raises StudyError where none is left.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    whole = [probe for probe in probes if probe.get("layers") and all(layer.keys() >= _DRAWN for layer in probe["layers"])]
    if not whole:
        raise StudyError(f"layers need probes of trial {trial}, got none; trials of osetra's own networks are probed as they train")
    seen = spread(sorted(whole, key=lambda probe: probe["epoch"]), MOST_PROBES)
    made = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09, figure=figure("Layers", height=460))
    for place, probe in enumerate(seen):
        alpha = 0.35 + 0.65 * (place + 1) / len(seen)
        label = words.counted(probe["epoch"], "epoch")
        for row, name, colour in ((1, "gradient_norm", BLUE), (2, "update_ratio", GREEN)):
            made.add_trace(
                go.Scatter(
                    x=[layer["layer"] for layer in probe["layers"]], y=[_above_zero(layer[name]) for layer in probe["layers"]],
                    name=f"after {label}", legendgroup=str(place), showlegend=row == 1, mode="lines+markers",
                    line={"color": shade(colour, alpha), "width": 1 + 1.5 * (place + 1 == len(seen))}, marker={"size": 5},
                    hovertemplate=f"layer %{{x}} after {label}: %{{y:.2~g}}<extra></extra>",
                ),
                row=row, col=1,
            )  # fmt: skip
    made.add_hrect(y0=HEALTHY_STEPS[0], y1=HEALTHY_STEPS[1], fillcolor=shade(GREEN, 0.1), line_width=0, row=2, col=1)  # pyright: ignore[reportArgumentType]
    made.update_yaxes(type="log", tickformat="~g", dtick=1)
    made.update_yaxes(title_text="gradient norm", row=1, col=1)
    made.update_yaxes(title_text="step / weights", row=2, col=1)
    made.update_xaxes(dtick=1)
    made.update_xaxes(title_text="layer, the last is the output", row=2, col=1)
    last = seen[-1]
    of_layers = "; ".join(
        f"layer {layer['layer']}: gradient {_short(layer['gradient_norm'])}, step {_short(layer['update_ratio'])}, "
        f"{_percent(layer['dead_units'])} of units dead"
        for layer in spread(last["layers"], 8)
    )
    healthy = "The band is the healthy size of a step, 0.0001 to 0.01 of the weights."
    return say(made, f"Trial {trial} after {words.counted(last['epoch'], 'epoch')}: {of_layers}. {healthy}")


def range_test(test: "RangeTest") -> "go.Figure":
    """Cost of each mini-batch of a learning-rate range test by its rate, and smoothed; the rates to search as a band.

    Raises StudyError where no cost is finite.
    """
    import plotly.graph_objects as go

    if not test.smoothed:
        raise StudyError("a range test needs a finite cost to be drawn, got none; begin it at a lower rate")
    rates, smoothed = test.rates, test.smoothed
    made = figure("Learning-rate range test", height=360)
    made.add_trace(
        go.Scatter(
            x=list(rates), y=[_number(cost) for cost in test.costs], name="a mini-batch", mode="markers",
            marker={"color": shade(GREY, 0.6), "size": 4}, hovertemplate="rate %{x:.2~g}: %{y:.4~g}<extra></extra>",
        )
    )  # fmt: skip
    made.add_trace(
        go.Scatter(
            x=list(rates[: len(smoothed)]), y=list(smoothed), name="smoothed", mode="lines", line={"color": BLUE, "width": 2.5},
            hovertemplate="rate %{x:.2~g}: %{y:.4~g}, smoothed<extra></extra>",
        )
    )  # fmt: skip
    of_rate = dict(zip(rates, smoothed, strict=False))
    for rate, name, colour in ((test.steepest, "falls fastest", PURPLE), (test.lowest, "lowest", GREEN)):
        if rate is not None:
            made.add_trace(
                go.Scatter(
                    x=[rate], y=[of_rate[rate]], name=name, mode="markers", marker={"color": colour, "size": 10},
                    hovertemplate=f"{name} at %{{x:.2~g}}: %{{y:.4~g}}<extra></extra>",
                )
            )  # fmt: skip
    if test.search is not None:
        made.add_vrect(x0=test.search[0], x1=test.search[1], fillcolor=shade(GREEN, 0.1), line_width=0)  # pyright: ignore[reportArgumentType]
    if test.exploded is not None:
        made.add_vline(x=test.exploded, line={"color": VERMILLION, "width": 1.5, "dash": "dot"})
    # An explosion would leave no room for the curve, so the axis ends one fall above the first cost.
    first, least = smoothed[0], min(smoothed)
    room = max(first - least, 0.05 * abs(first), 1e-12)
    made.update_layout(
        xaxis={"type": "log", "title": {"text": "learning rate"}, "tickformat": "~g", "dtick": 1},
        yaxis={"title": {"text": "training cost"}, "range": (least - 0.15 * room, first + room), "tickformat": "~g"},
    )
    return say(made, f"{test.sentence}.{' The band is the range to search.' if test.search else ''}")


_ENDED = sorted(str(state) for state in TrialState if state.is_over)
_COUNTED = {
    "started": ["started"],
    "promoted": ["promoted"],
    "finished or stopped": [kind for kind in _ENDED if kind not in _LATE],
    "diverged or failed": list(_LATE),
}
COUNTED_EVENTS = tuple(kind for kinds in _COUNTED.values() for kind in kinds)
"""Kinds that `event_counts` draws."""


def events(given: Sequence[Event]) -> "go.Figure":
    """How many trials had begun, gone on, ended and diverged by each moment. Raises StudyError without events of trials."""
    return event_counts({kind: [event.at.timestamp() for event in given if event.kind == kind] for kind in COUNTED_EVENTS})


def event_counts(given: Mapping[str, Sequence[float]]) -> "go.Figure":
    """As `events`, from the times of events in seconds, by their kind."""
    import plotly.graph_objects as go

    told = [at for kind in COUNTED_EVENTS for at in given.get(kind, ())]
    if not told:
        raise StudyError("events need a trial that began, got none; let the study train")
    start = min(told)
    seconds = max(told) - start
    unit, size = ("hours", 3600.0) if seconds > 2 * 3600 else ("minutes", 60.0) if seconds > 180 else ("seconds", 1.0)
    made = figure("Events", height=300)
    said = []
    for (name, of), colour in zip(_COUNTED.items(), (BLUE, PURPLE, GREEN, VERMILLION), strict=True):
        times = sorted((at - start) / size for kind in of for at in given.get(kind, ()))
        if times:
            steps = thinned(list(enumerate(times, start=1)), MOST_TIMES)
            made.add_trace(
                go.Scatter(
                    x=[*(at for _, at in steps), seconds / size],
                    y=[*(count for count, _ in steps), len(times)],
                    name=name,
                    mode="lines",
                    line={"color": colour, "width": 2, "shape": "hv"},
                    hovertemplate=f"{name}: %{{y:,}} by %{{x:.3~g}} {unit}<extra></extra>",
                )
            )
            said.append(f"{len(times):,} {name}")
    made.update_layout(
        xaxis={"title": {"text": f"{unit} since the first trial began"}, "rangemode": "tozero"},
        yaxis={"title": {"text": "trials so far"}, "rangemode": "tozero"},
    )
    return say(made, f"In {words.duration(seconds)}: {', '.join(said)}.")


def _counted(trials: Sequence[Trial], pick: Callable[..., float]) -> list[Level]:
    groups: dict[tuple[int, TrialState], list[float]] = {}
    for trial in trials:
        if trial.dev_error is not None:
            groups.setdefault((trial.epochs, trial.state), []).append(trial.dev_error)
    return [
        Level(epochs=epochs, state=state, trials=len(errors), scored=len(errors), best=pick(errors))
        for (epochs, state), errors in groups.items()
    ]


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


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _above_zero(value: float | None) -> float | None:
    """What a log axis can show."""
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _short(value: float | None) -> str:
    return "not finite" if value is None or not math.isfinite(value) else f"{value:.2g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
