"""A learning-rate range test: cost by learning rate, and the rates to search.

Knows nothing of: how the rates were tried.
"""

from typing import TYPE_CHECKING

from osetra.core.errors import StudyError
from osetra.report.figures.theme import BLUE, GREEN, GREY, PURPLE, VERMILLION, figure, finite, say, shade

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from osetra.training.range_test import RangeTest


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
            x=list(rates), y=[finite(cost) for cost in test.costs], name="a mini-batch", mode="markers",
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
