"""One trial: its curve, and on it what happened to it.

Knows nothing of: where records are kept.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.core.records import EpochRecord, Event, Trial
from osetra.report import words
from osetra.report.figures.sample import thinned
from osetra.report.figures.theme import (
    BLUE,
    GREEN,
    GREY,
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
from osetra.report.lineage import told

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_POINTS = 500
"""Of a curve; more than in a figure of many, since one points at epochs to go back to."""
MOST_MARKS = 200
MOST_WAYS = 10
"""Of those given up, the last."""
_KINDS = (
    ("changed", frozenset({"set", "extended"}), PURPLE, "diamond"),
    ("rolled back", frozenset({"rolled back"}), VERMILLION, "triangle-left"),
    ("suggested", frozenset({"suggested"}), GREEN, "star"),
)
_PLACES = {"dev_loss": 3, "dev_error": 4}
"""In the rows that an event keeps of a way that was given up, behind the epoch."""
_OTHER = ("other events", GREY, "circle-open")


def curve(
    trial: Trial, given: Sequence[EpochRecord], events: Sequence[Event], *, error_name: str, log: bool = False, loss: bool = False,
    smoothed: Sequence[EpochRecord] | None = None,
) -> "go.Figure":  # fmt: skip
    """Dev and training error of a trial by epoch, with a mark for each event that is told of, at the epoch after which it was.

    Ways that were given up by rolling the trial back are dotted. The first entry of each point's custom data is its epoch. given: its
    curve; events: the trial's; log: a log axis, where errors are above 0; loss: dev loss and training cost instead of the errors; smoothed:
    its curve averaged, drawn above it. Raises StudyError for a trial without an epoch.
    """
    if not given:
        raise StudyError(f"the curve of trial {trial.number} needs an epoch completed, got none; let it train")
    drawn, over = thinned(given, MOST_POINTS), None if smoothed is None else thinned(smoothed, MOST_POINTS)
    made = figure(f"Trial {trial.number}", height=400)
    part = "dev loss" if loss else words.part("dev", error_name)
    training = "training cost" if loss else words.part("training", error_name)
    number = ".4~g" if loss else hover_number(error_name)
    of_dev, of_train = ("dev_loss", "train_cost") if loss else ("dev_error", "train_error")
    _given_up(made, events, of_dev)
    for field, name, colour, width, dash in ((of_train, training, VERMILLION, 1.5, "dash"), (of_dev, part, BLUE, 2.5, "solid")):
        if any(finite(getattr(record, field)) is not None for record in drawn):
            main = {"color": colour, "width": width} if over is None else {"color": shade(colour, 0.35), "width": 1.5}
            _line(made, drawn, field, plain(name), {**main, "dash": dash}, number, has_points=field == of_dev and over is None)
            if over is not None:
                _line(made, over, field, f"{plain(name)}, smoothed", {"color": colour, "width": 2.5, "dash": dash}, number)
    best = next((record for record in given if record.epoch == trial.best_epoch), None)
    if best is not None:
        _ring(made, best, of_dev)
    happened = [(event, sentence) for event in events if (sentence := told(event, error_name)) is not None][-MOST_MARKS:]
    _mark(made, drawn, happened, of_dev)
    values = [value for record in drawn for value in (getattr(record, of_dev), getattr(record, of_train))]
    axis = scaled_axis(error_name, robust_range(values, tail=0.0), values, log=log)
    made.update_layout(
        xaxis={"title": {"text": "epochs completed"}, "rangemode": "tozero"}, hovermode="x unified",
        yaxis={**axis, "title": {"text": "loss"}, "tickformat": "~g"} if loss else axis,
    )  # fmt: skip
    return say(made, _in_words(trial, given, [sentence for _, sentence in happened], part, error_name, of_dev))


def _line(
    made: "go.Figure",
    drawn: Sequence[EpochRecord],
    field: str,
    name: str,
    line: Mapping[str, Any],
    number: str,
    *,
    has_points: bool = False,
) -> None:
    import plotly.graph_objects as go

    epochs = [record.epoch for record in drawn]
    made.add_trace(
        go.Scatter(
            x=epochs, y=[finite(getattr(record, field)) for record in drawn], customdata=[[epoch] for epoch in epochs], name=name,
            mode="lines+markers" if has_points else "lines", line=dict(line), marker={"size": 4}, hovertemplate=f"%{{y:{number}}}",
        )
    )  # fmt: skip


def _ring(made: "go.Figure", best: EpochRecord, of_dev: str) -> None:
    """Around the best epoch."""
    import plotly.graph_objects as go

    made.add_trace(
        go.Scatter(
            x=[best.epoch], y=[finite(getattr(best, of_dev))], customdata=[[best.epoch]], name="best", mode="markers", hoverinfo="skip",
            marker={"color": BLUE, "size": 12, "symbol": "circle-open", "line": {"width": 2}},
        )
    )  # fmt: skip


def _given_up(made: "go.Figure", events: Sequence[Event], of_dev: str) -> None:
    """The stretches that rollbacks took out of the curve, which their events keep."""
    import plotly.graph_objects as go

    place = _PLACES[of_dev]
    ways = [event.detail.get("dropped") or () for event in events if event.kind == "rolled back"][-MOST_WAYS:]
    # One trace for all, with gaps between.
    most = MOST_POINTS // MOST_WAYS
    points = [point for way in ways for point in (*thinned([(row[0], row[place]) for row in way], most), (None, None))]
    if any(value is not None for _, value in points):
        made.add_trace(
            go.Scatter(
                x=[epoch for epoch, _ in points], y=[value for _, value in points], name="given up", mode="lines", hoverinfo="skip",
                line={"color": GREY, "width": 1.5, "dash": "dot"},
            )
        )  # fmt: skip


def _mark(made: "go.Figure", drawn: Sequence[EpochRecord], happened: Sequence[tuple[Event, str]], of_dev: str) -> None:
    import plotly.graph_objects as go

    groups: dict[tuple[str, str, str], list[tuple[Event, str]]] = {}
    for event, sentence in happened:
        kind = next(((name, colour, symbol) for name, kinds, colour, symbol in _KINDS if event.kind in kinds), _OTHER)
        groups.setdefault(kind, []).append((event, sentence))
    for (name, colour, symbol), several in groups.items():
        # The curve may be thinned, and one that was rolled back no longer has every epoch.
        points = [min(drawn, key=lambda record, at=event.epoch or 0: abs(record.epoch - at)) for event, _ in several]
        made.add_trace(
            go.Scatter(
                x=[point.epoch for point in points], y=[finite(getattr(point, of_dev)) for point in points],
                customdata=[[point.epoch, plain(sentence, 160)] for point, (_, sentence) in zip(points, several, strict=True)], name=name,
                mode="markers", marker={"size": 10, "symbol": symbol, "color": colour, "line": {"width": 1.5, "color": colour}},
                hovertemplate="%{customdata[1]}",
            )
        )  # fmt: skip


def _in_words(
    trial: Trial, given: Sequence[EpochRecord], sentences: Sequence[str], part: str, error_name: str, of_dev: str
) -> str:  # fmt: skip
    def shown(record: EpochRecord) -> str:
        value = getattr(record, of_dev)
        return words.value(value) if of_dev == "dev_loss" else words.error(value, error_name)

    at_best = next((record for record in given if record.epoch == trial.best_epoch), None)
    best = "" if at_best is None else f", {shown(at_best)} at its best epoch {at_best.epoch}"
    thin = f" {MOST_POINTS:,} of {len(given):,} epochs drawn." if len(given) > MOST_POINTS else ""
    text = f"Trial {trial.number}, {trial.state}, after {words.counted(given[-1].epoch, 'epoch')}: {part} {shown(given[-1])}{best}.{thin}"
    return f"{text} {words.counted(len(sentences), 'event')} on the curve; the last: {sentences[-1]}." if sentences else text
