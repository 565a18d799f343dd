"""How the search went: what it tried and found, which hyperparameters mattered, and where the best values lie.

Knows nothing of: how a search chooses, where records are kept.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import Trial, TrialState
from osetra.report import words
from osetra.report.figures.sample import MOST_POINTS, drawn_in_words, median_place, points_of, spread, thinned
from osetra.report.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    VERMILLION,
    beyond,
    error_axis,
    figure,
    hover_number,
    plain,
    robust_range,
    rows_axis,
    say,
    shade,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.space.scale import Scale
    from osetra.space.space import Space

MOST_LINES = 300
MOST_AXES = 10
_BEST_SHARE = 0.1


def leaderboard(
    trials: Sequence[Trial], *, error_name: str, maximize: bool = False, of: int | None = None, leaders: Sequence[Trial] | None = None
) -> "go.Figure":
    """What each trial came to, in the order in which they began, and the best so far.

    trials: best first. of: how many have a result, where those given are a sample, as `points_of` draws one; leaders: of all trials those
    that were the best when they began. Raises StudyError where none has a result.
    """
    import plotly.graph_objects as go

    scored = [trial for trial in trials if trial.dev_error is not None]
    if not scored:
        raise StudyError("a leaderboard needs a trial with a result, got none; let the study train")
    drawn = points_of(scored)
    made = figure("Leaderboard", height=340)
    part = words.part("dev", error_name)
    told = f"trial %{{customdata[0]}}, {part} %{{y:{hover_number(error_name)}}} after %{{customdata[1]}} epochs<extra></extra>"
    kinds = {"finished": ((TrialState.FINISHED,), BLUE), "diverged or failed": ((TrialState.DIVERGED, TrialState.FAILED), VERMILLION)}
    named = {state: name for name, (states, _) in kinds.items() for state in states}
    for name, colour in (("stopped or under way", GREY), *((name, colour) for name, (_, colour) in kinds.items())):
        several = [trial for trial in drawn if named.get(trial.state, "stopped or under way") == name]
        if several:
            made.add_trace(
                go.Scatter(
                    x=[trial.number for trial in several],
                    y=[trial.dev_error for trial in several],
                    name="stopped early" if colour == GREY and all(trial.state.is_over for trial in several) else name,
                    customdata=[[trial.number, trial.epochs] for trial in several],
                    mode="markers",
                    hovertemplate=told,
                    marker={"color": shade(colour, 0.65), "size": 6, "symbol": "x" if colour == VERMILLION else "circle"},
                )
            )
    steps = _records(scored, maximize=maximize) if leaders is None else thinned(leaders) or _records(scored, maximize=maximize)
    made.add_trace(
        go.Scatter(
            x=[trial.number for trial in steps] + [max(trial.number for trial in scored)],
            y=[t.dev_error for t in (*steps, steps[-1])],
            mode="lines",
            name="best so far",
            line={"color": GREEN, "width": 2, "shape": "hv"},
            hoverinfo="skip",
        )
    )
    values = [trial.dev_error for trial in scored if trial.dev_error is not None]
    limits = robust_range(values, tail=0.15, maximize=maximize)
    made.update_layout(xaxis={"title": {"text": "trial, in the order begun"}}, yaxis={**error_axis(error_name), "range": limits})
    total = len(scored) if of is None else of
    best, median = words.errors([scored[0].dev_error, scored[median_place(len(scored), total)].dev_error], error_name)
    shown = drawn_in_words(len(drawn), total)
    about = "about " if len(scored) < total else ""
    text = f"The best of {words.counted(total, 'trial')}, trial {scored[0].number}, came to {best}; the median trial to {about}{median}."
    return say(made, f"{text}{f' {shown}.' if shown else ''}{beyond(values, limits)}")


def importance(found: Mapping[str, Any]) -> "go.Figure":
    """The share of each hyperparameter with its interval. found: as `Importances.to_dict` gives it."""
    import plotly.graph_objects as go

    listed = list(found["hyperparameters"])
    made = figure("Importance", height=90 + 30 * len(listed))
    for above, name, colour in ((True, "more than chance", BLUE), (False, "no more than chance shows", GREY)):
        of = [(place, one) for place, one in enumerate(listed) if one["above_chance"] is above]
        made.add_trace(
            go.Bar(
                x=[one["share"] for _, one in of], y=[place for place, _ in of], orientation="h", name=name,
                marker={"color": shade(colour, 0.8)},
                error_x=whiskers([one for _, one in of], of="share"),
                customdata=[[plain(one["name"]), one["low"], one["high"]] for _, one in of], width=0.6,
                hovertemplate="%{customdata[0]}: %{x:.0%} (%{customdata[1]:.0%} to %{customdata[2]:.0%})<extra></extra>",
            )
        )  # fmt: skip
    made.update_layout(
        xaxis={"title": {"text": "share of what is explained"}, "tickformat": ".0%", "range": [0, 1]},
        yaxis=rows_axis([plain(one["name"], 30) for one in listed], is_downward=True),
    )  # fmt: skip
    return say(made, " ".join(found["sentences"]))


def parallel(
    trials: Sequence[Trial],
    space: "Space",
    *,
    error_name: str,
    maximize: bool = False,
    order: Sequence[str] = (),
    of: int | None = None,
) -> "go.Figure":
    """A line for each trial across one axis for each searched hyperparameter, on its own scale; the best tenth in colour.

    trials: best first; order: names to put first, the weightiest first; of: as in `leaderboard`. Axes lie below one another, so that names
    and lines fit a narrow screen. Raises StudyError with no trial that has a result, and where nothing is searched.
    """
    import plotly.graph_objects as go

    scored = [trial for trial in trials if trial.dev_error is not None and trial.state.can_win]
    if not scored or not space.names:
        raise StudyError("parallel coordinates need a trial with a result and a hyperparameter that is searched, got none")
    names = sorted(words.in_order(space.names), key=lambda name: order.index(name) if name in order else len(order))[:MOST_AXES]
    ahead = max(1, min(math.ceil(_BEST_SHARE * len(scored)), MOST_LINES // 4))
    rest = spread(scored[ahead:], MOST_LINES - ahead)
    rows = len(names)
    made = figure("Parallel coordinates", height=130 + 52 * rows)
    kinds = (
        (rest, "other trials", shade(GREY, 0.3), 1),
        (scored[1:ahead], f"best {ahead}", shade(BLUE, 0.6), 1.5),
        (scored[:1], "the best", VERMILLION, 3),
    )
    for several, name, colour, width in kinds:
        x: list[float | None] = []
        y: list[float | None] = []
        said: list[list[Any] | None] = []
        for trial in several:
            for row, axis in enumerate(names):
                place = _on_scale(space.scales[axis], trial.configuration.get(axis))
                x.append(place)
                y.append(row)
                said.append(
                    [
                        trial.number,
                        plain(axis),
                        plain(words.value(trial.configuration.get(axis, "-"))),
                        words.error(trial.dev_error, error_name),
                    ]
                )
            x.append(None)
            y.append(None)
            said.append(None)
        if several:
            made.add_trace(
                go.Scatter(
                    x=x,
                    y=y,
                    customdata=said,
                    name=name,
                    mode="lines+markers",
                    line={"color": colour, "width": width},
                    marker={"size": 3 + width},
                    hovertemplate="trial %{customdata[0]} (%{customdata[3]}): %{customdata[1]} %{customdata[2]}<extra></extra>",
                )
            )
    for row, axis in enumerate(names):
        for at, label, anchor in _ends(space.scales[axis]):
            made.add_annotation(x=at, y=row, text=plain(label, 14), showarrow=False, yshift=11, xanchor=anchor, font={"size": 10})
    made.update_layout(
        xaxis={"visible": False, "range": [-0.03, 1.03]}, hovermode="closest",
        yaxis=rows_axis([plain(name, 24) for name in names], is_downward=True),
    )  # fmt: skip
    best = scored[0]
    told = ", ".join(f"{name} {words.value(best.configuration[name], 3)}" for name in names if name in best.configuration)
    shown = drawn_in_words(ahead + len(rest), len(scored) if of is None else of)
    way = "highest" if maximize else "lowest"
    left_out = f" {len(space.names) - rows} more hyperparameters are left out." if len(space.names) > rows else ""
    in_colour = f"The {words.counted(ahead, 'trial')} with the {way} {words.part('dev', error_name)} in colour."
    text = f"The best, trial {best.number}: {told}. {in_colour}"
    return say(made, f"{text}{f' {shown}.' if shown else ''}{left_out}")


def scatter(
    trials: Sequence[Trial], name: str, scale: "Scale", *, error_name: str, most: int = MOST_POINTS, of: int | None = None
) -> "go.Figure":
    """What trials came to against the value of one hyperparameter, on its own scale.

    trials: best first; of: as in `leaderboard`. Raises StudyError where none has both.
    """
    import plotly.graph_objects as go

    both = [trial for trial in trials if trial.dev_error is not None and trial.configuration.get(name) is not None]
    if not both:
        raise StudyError(f"a scatter needs trials with a result and a value of {name}, got none; let the study train")
    drawn = points_of(both, most)
    longest = max(trial.epochs for trial in both)
    hover = f"%{{customdata[1]}}, %{{y:{hover_number(error_name)}}} after %{{customdata[2]}} epochs<extra></extra>"
    made = figure(name, height=280)
    groups = {
        "trained less": [trial for trial in drawn if trial.epochs * 2 < longest],
        f"trained {(longest + 1) // 2} epochs or more" if longest > 1 else "trials": [
            trial for trial in drawn if trial.epochs * 2 >= longest
        ],
    }
    for (label, several), colour in zip(groups.items(), (shade(GREY, 0.5), shade(BLUE, 0.7)), strict=True):
        if several:
            made.add_trace(
                go.Scatter(
                    x=[_on_scale(scale, trial.configuration[name]) for trial in several],
                    y=[trial.dev_error for trial in several],
                    name=label,
                    mode="markers",
                    customdata=[[trial.number, plain(words.value(trial.configuration[name])), trial.epochs] for trial in several],
                    marker={"color": colour, "size": 5},
                    hovertemplate=f"trial %{{customdata[0]}}: {hover}",
                )
            )
    best = both[0]
    made.add_trace(
        go.Scatter(
            x=[_on_scale(scale, best.configuration[name])],
            y=[best.dev_error],
            name="the best",
            mode="markers",
            marker={"color": VERMILLION, "size": 10, "symbol": "diamond"},
            hoverinfo="skip",
        )
    )
    ticks = _ticks(scale)
    values = [trial.dev_error for trial in both if trial.dev_error is not None]
    limits = None if error_name == "value" else robust_range(values)
    made.update_layout(
        xaxis={
            "title": {"text": f"{plain(name)} ({plain(scale.title)})"}, "tickmode": "array", "tickvals": [at for at, _ in ticks],
            "ticktext": [plain(label, 16) for _, label in ticks], "range": [-0.04, 1.04], "zeroline": False,
        },
        yaxis={**error_axis(error_name), "range": limits},
    )  # fmt: skip
    ahead = both[: max(1, math.ceil(_BEST_SHARE * len(both)))]
    shown = drawn_in_words(len(drawn), len(both) if of is None else of)
    text = f"Best at {words.value(best.configuration[name], 3)}{_spread_of(ahead, name, scale)}."
    return say(made, f"{text}{f' {shown}.' if shown else ''}{beyond(values, limits)}")


def _records(trials: Sequence[Trial], *, maximize: bool) -> list[Trial]:
    """Those that were the best when they came, in the order begun."""
    steps: list[Trial] = []
    for trial in sorted((trial for trial in trials if trial.state.can_win), key=lambda trial: trial.number):
        value, last = trial.dev_error, steps[-1].dev_error if steps else None
        if value is not None and (last is None or (value > last if maximize else value < last)):
            steps.append(trial)
    # Trials whose end is not told yet are in no list of winners, but are drawn; the line then starts with the first of all.
    return thinned(steps) if steps else [min(trials, key=lambda trial: trial.number)]


def _on_scale(scale: "Scale", value: Any) -> float | None:
    """Where a value lies, 0 .. 1; None for one that is no longer on the scale or was not drawn."""
    try:
        return None if value is None else scale.encode(scale.nearest(value))
    except SpaceError:
        return None


def _values(scale: "Scale") -> list[Any]:
    """All values of a scale of few; else none."""
    return [scale.decode((place + 0.5) / scale.size) for place in range(int(scale.size))] if scale.size <= MOST_AXES else []


def _ends(scale: "Scale") -> list[tuple[float, str, str]]:
    """Position, label and anchor of what is written on an axis: all of a few values, or the two ends."""
    values = _values(scale)
    if values and len(values) <= 6:
        return [(scale.encode(value), words.value(value, 3), "center") for value in values]
    return [(0.0, words.value(scale.decode(0.0), 3), "left"), (1.0, words.value(scale.decode(1.0), 3), "right")]


def _ticks(scale: "Scale") -> list[tuple[float, str]]:
    """Positions and labels: each of a few values; powers of ten between the ends of a log axis; else quarters."""
    values = _values(scale)
    if not values and scale.kind in ("log", "log_integer"):
        low, high = (math.log10(float(scale.decode(end))) for end in (0.0, 1.0))
        values = [scale.nearest(10.0**power) for power in range(math.ceil(low), math.floor(high) + 1)]
        values = values if len(values) >= 2 else []
    if not values:
        values = [scale.decode(quarter / 4) for quarter in range(5)]
    return [(scale.encode(value), words.value(value, 3)) for value in values]


def _spread_of(ahead: Sequence[Trial], name: str, scale: "Scale") -> str:
    """Where the best trials lie on an ordered scale."""
    if not scale.is_ordered or len(ahead) < 3:
        return ""
    given = [(place, trial.configuration[name]) for trial in ahead if (place := _on_scale(scale, trial.configuration[name])) is not None]
    low, high = min(given, key=lambda one: one[0])[1], max(given, key=lambda one: one[0])[1]
    low, high = words.value(low, 3), words.value(high, 3)
    return f"; the best {len(given)} trials {f'all have {low}' if low == high else f'lie from {low} to {high}'}"
