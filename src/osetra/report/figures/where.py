"""Where the network is wrong, and what more rows would buy: slices, worst rows, decision boundary, learning curve.

Slices, rows and boundary are those of a study's `evaluation`. Knows nothing of: how they were found.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.report import words
from osetra.report.figures.outcome import colours_of
from osetra.report.figures.sample import spread
from osetra.report.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    VERMILLION,
    error_axis,
    figure,
    hover_number,
    plain,
    rows_axis,
    say,
    shade,
    whiskers,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go


def slices(given: Sequence[Mapping[str, Any]], *, error_name: str) -> "go.Figure":
    """The error on parts of the dev rows beside that on all others, the worst on top. given: as a study's evaluation has them."""
    import plotly.graph_objects as go

    if not given:
        raise StudyError("slices need a study that compared parts of its dev rows, got none; fit the data anew with this version")
    listed = list(given)
    made = figure("Slices", height=100 + 34 * len(listed))
    at = hover_number(error_name)
    for is_worse, name, colour in ((True, "surely worse than the rest", VERMILLION), (False, "no worse, or not surely", BLUE)):
        of = [(place, one) for place, one in enumerate(listed) if bool(one["is_worse"]) is is_worse]
        if of:
            made.add_trace(
                go.Scatter(
                    x=[one["error"] for _, one in of], y=[place for place, _ in of], mode="markers", name=name,
                    marker={"color": colour, "size": 9},
                    error_x=whiskers([one for _, one in of], of="error"),
                    customdata=[[plain(one["slice"]), one["rows"]] for _, one in of],
                    hovertemplate=f"%{{customdata[0]}}: %{{x:{at}}} on %{{customdata[1]:,}} rows<extra></extra>",
                )
            )  # fmt: skip
    made.add_trace(
        go.Scatter(
            x=[one["rest_error"] for one in listed],
            y=list(range(len(listed))),
            mode="markers",
            name="all other rows",
            marker={"color": GREY, "size": 10, "symbol": "line-ns-open", "line": {"width": 2}},
            hovertemplate=f"all others: %{{x:{at}}}<extra></extra>",
        )
    )
    made.update_layout(
        xaxis={**error_axis(error_name), "rangemode": "tozero"},
        yaxis=rows_axis([plain(one["slice"], 28) for one in listed], is_downward=True),
    )  # fmt: skip
    worse = [one for one in given if one["is_worse"]]
    if not worse:
        return say(made, f"Of {len(given)} parts of the dev rows none is surely worse than the rest.")
    first = worse[0]
    error, rest = words.errors([first["error"], first["rest_error"]], error_name)
    told = f"Worst where {first['slice']}: {error} on {words.counted(first['rows'], 'row')}, {rest} on all others"
    return say(made, f"{told}; {len(worse)} of {len(given)} slices shown are surely worse than the rest.")


def worst_rows(given: Sequence[Mapping[str, Any]]) -> "go.Figure":
    """The dev rows that the network got most wrong: how sure it was of a wrong class, or how far off. given: `worst` of an evaluation."""
    import plotly.graph_objects as go

    if not given:
        raise StudyError("worst rows need a study that kept them, got none; fit the data anew with this version")
    listed = list(given)
    is_sure = listed[0].get("confidence") is not None
    made = figure("Worst rows", height=100 + 30 * len(listed))
    told = [
        "<br>".join([f"row {one['row']:,}: actual {_seen(one['actual'])}, predicted {_seen(one['predicted'])}", *_features(one)])
        for one in listed
    ]  # fmt: skip
    made.add_trace(
        go.Bar(
            x=[one["confidence"] if is_sure else abs(one["residual"]) for one in listed],
            y=list(range(len(listed))),
            orientation="h",
            width=0.6,
            marker={"color": shade(VERMILLION, 0.75)},
            customdata=told,
            hovertemplate="%{customdata}<extra></extra>",
            showlegend=False,
        )
    )
    axis = {"title": {"text": "how sure it was of the wrong class"}, "tickformat": ".0%"} if is_sure else {"title": {"text": "off by"}}
    made.update_layout(
        margin={"t": 8}, xaxis={**axis, "rangemode": "tozero"},
        yaxis=rows_axis([f"row {one['row']:,}" for one in listed], is_downward=True),
    )  # fmt: skip
    first = given[0]
    how = f"sure to {first['confidence']:.1%}" if is_sure else f"off by {abs(first['residual']):,.4g}"
    return say(made, f"The worst, row {first['row']:,}: actual {_words(first['actual'])}, predicted {_words(first['predicted'])}, {how}.")


def boundary(given: Mapping[str, Any], *, labels: Sequence[Any] | None) -> "go.Figure":
    """What the network answers over the plane of its two features, with dev rows on it.

    given: `boundary` of an evaluation; labels: the classes that it numbers, None for a regression.
    """
    import plotly.graph_objects as go

    made = figure("Decision boundary" if labels else "Predicted over the two features", height=440)
    names, points = (plain(given["x"], 40), plain(given["y"], 40)), given["points"]
    grid = {"x": given["x_values"], "y": given["y_values"], "z": given["predicted"]}
    if labels:
        colours = colours_of(len(labels))
        # A step of one colour for each class, so that no colour lies between two.
        steps = [[edge / len(labels), shade(colour, 0.28)] for place, colour in enumerate(colours) for edge in (place, place + 1)]
        shown = [[plain(labels[int(at)], 30) for at in row] for row in given["predicted"]]
        made.add_trace(
            go.Heatmap(
                **grid,
                customdata=shown,
                zmin=-0.5,
                zmax=len(labels) - 0.5,
                colorscale=steps,
                showscale=False,
                hovertemplate="%{x:.3~g}, %{y:.3~g}: %{customdata}<extra></extra>",
            )
        )
        for place, label in enumerate(labels):
            of = [row for row, actual in enumerate(points["actual"]) if int(actual) == place]
            if of:
                made.add_trace(
                    go.Scatter(
                        x=[points["x"][row] for row in of],
                        y=[points["y"][row] for row in of],
                        mode="markers",
                        name=plain(label, 30),
                        marker={"color": colours[place], "size": 6, "symbol": place % 8, "line": {"width": 0.5, "color": "#ffffff"}},
                        hoverinfo="skip",
                    )
                )
        right = _agreement(given)
        text = f"Ground: what is predicted. Points: {words.counted(len(points['x']), 'dev row')}, coloured by what they are"
        text += f"; {right:.0%} of them lie on the ground of their own class." if right is not None else "."
    else:
        scale = [[0, shade(BLUE, 0.05)], [1, shade(BLUE, 0.85)]]
        made.add_trace(
            go.Heatmap(
                **grid, colorscale=scale, colorbar={"thickness": 10, "outlinewidth": 0}, hovertemplate="predicted %{z:,.4~g}<extra></extra>"
            )
        )
        made.add_trace(
            go.Scatter(
                x=points["x"],
                y=points["y"],
                customdata=points["actual"],
                mode="markers",
                name="dev rows",
                marker={"color": VERMILLION, "size": 5, "opacity": 0.7},
                hovertemplate="actual %{customdata:,.4~g}<extra></extra>",
            )
        )
        values = [value for row in given["predicted"] for value in row]
        marked = words.counted(len(points["x"]), "dev row")
        text = f"Predicted values lie from {min(values):,.4g} to {max(values):,.4g} over the plane; {marked} are marked."
    made.update_layout(
        xaxis={"title": {"text": names[0]}, "showgrid": False, "zeroline": False},
        yaxis={"title": {"text": names[1]}, "showgrid": False, "zeroline": False},
    )  # fmt: skip
    return say(made, text)


def learning_curve(given: Mapping[str, Any], *, error_name: str) -> "go.Figure":
    """Dev error by rows trained on, the curve a + b rows^-c through it, and what more rows would buy.

    given: as a study's `learning_curve`.
    """
    import plotly.graph_objects as go

    points, forecast = given["points"], given.get("forecast") or []
    made = figure("Learning curve", height=340)
    at = hover_number(error_name)
    numbers = [given.get(name) for name in ("a", "b", "c")]
    rows = [one["rows"] for one in (*points, *forecast)]
    if all(number is not None and math.isfinite(number) for number in numbers) and rows:
        a, b, c = (float(number) for number in numbers if number is not None)
        low, high = math.log(min(rows)), math.log(max(rows))
        along = [math.exp(low + (high - low) * place / 60) for place in range(61)]
        made.add_trace(
            go.Scatter(
                x=along, y=[a + b * n**-c for n in along], mode="lines", name="fitted", line={"color": GREY, "width": 1.5}, hoverinfo="skip"
            )
        )
    for of, name, colour, symbol in ((points, "measured", BLUE, "circle"), (forecast, "forecast", GREEN, "circle-open")):
        if of:
            made.add_trace(
                go.Scatter(
                    x=[one["rows"] for one in of], y=[one["error"] for one in of], mode="markers", name=name,
                    marker={"color": colour, "size": 9, "symbol": symbol, "line": {"width": 2, "color": colour}},
                    error_y=whiskers(of, of="error"),
                    customdata=[[one["low"], one["high"]] for one in of],
                    hovertemplate=f"{name}, %{{x:,}} rows: %{{y:{at}}} (%{{customdata[0]:{at}}} to %{{customdata[1]:{at}}})<extra></extra>",
                )
            )  # fmt: skip
    ticks = spread(sorted(set(rows)), 7)
    made.update_layout(
        xaxis={
            "title": {"text": "rows trained on"}, "type": "log",
            "tickmode": "array", "tickvals": ticks, "ticktext": [f"{n:,.0f}" for n in ticks],
        },
        yaxis=error_axis(error_name),
    )  # fmt: skip
    told = ", ".join(f"{words.error(one['error'], error_name)} with {one['rows']:,.0f} rows" for one in points)
    return say(made, f"{_stop(given.get('sentence') or '')}Measured: {told}.")


def _agreement(given: Mapping[str, Any]) -> float | None:
    """The share of the points whose nearest place of the grid has their own class."""
    points = given["points"]
    if not points["x"]:
        return None

    def nearest(values: Sequence[float], value: float) -> int:
        return min(range(len(values)), key=lambda place: abs(values[place] - value))

    hits = [
        given["predicted"][nearest(given["y_values"], y)][nearest(given["x_values"], x)] == actual
        for x, y, actual in zip(points["x"], points["y"], points["actual"], strict=True)
    ]
    return sum(hits) / len(hits)


def _features(one: Mapping[str, Any]) -> list[str]:
    return [f"{plain(name, 30)}: {plain(words.value(value), 40)}" for name, value in (one.get("features") or {}).items()]


def _seen(value: Any) -> str:
    return plain(_words(value), 40)


def _words(value: Any) -> str:
    return f"{value:,.5g}" if isinstance(value, float) else str(value)


def _stop(sentence: str) -> str:
    """A sentence that ends in a full stop and a space, or nothing."""
    return f"{sentence.rstrip('. ')}. " if sentence else ""
