"""Partial dependence of one column: a line where its values have an order, bars or dots where they have none.

Knows nothing of: how it was computed (`study.dependence`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from osetra.report import words
from osetra.report.figures.outcome import colours_of
from osetra.report.figures.theme import figure, plain, say, shade

if TYPE_CHECKING:
    import plotly.graph_objects as go


def partial_dependence(given: Mapping[str, Any], column: Mapping[str, Any], *, height: int = 280) -> "go.Figure":
    """What the network answers on average as one column moves. given, column: as `study.dependence` has them, and one of its columns."""
    import plotly.graph_objects as go

    name, outputs, is_share = column["name"], given["outputs"], given["unit"] == "probability"
    made = figure(f"Answer along {plain(name, 40)}", height=height)
    colours, form = colours_of(len(outputs)), ".1%" if is_share else ",.5~g"
    values = column["values"] if column["is_ordered"] else [plain(value, 18) for value in column["values"]]
    places = values if column["is_ordered"] else list(range(len(values)))
    for number, (output, answers) in enumerate(zip(outputs, column["answers"], strict=True)):
        shared = {
            "x": places, "y": answers, "name": plain(output, 30), "customdata": [plain(value, 40) for value in column["values"]],
            "hovertemplate": f"%{{customdata}}: %{{y:{form}}}<extra>{plain(output, 30) if len(outputs) > 1 else ''}</extra>",
            "showlegend": len(outputs) > 1,
        }  # fmt: skip
        if column["is_ordered"]:
            few = "lines+markers" if len(values) <= 12 else "lines"
            made.add_trace(go.Scatter(**shared, mode=few, line={"color": colours[number], "width": 2}))
        elif len(outputs) == 1:
            made.add_trace(go.Bar(**shared, width=0.6, marker={"color": shade(colours[number], 0.75)}))
        else:
            made.add_trace(go.Scatter(**shared, mode="markers", marker={"color": colours[number], "size": 8, "symbol": number % 8}))
    of = plain(outputs[0], 24) if len(outputs) == 1 else ""
    title = (f"probability of {of}" if of else "probability") if is_share else (of or "value")
    ticks = {} if column["is_ordered"] else {"tickmode": "array", "tickvals": places, "ticktext": values}
    made.update_layout(
        margin={} if len(outputs) > 1 else {"t": 8},
        xaxis={"title": {"text": plain(name, 40)}, **ticks},
        yaxis={"title": {"text": title}, "tickformat": ".0%" if is_share else "~g"},
    )
    return say(made, _told(column, outputs, is_share))


def _told(column: Mapping[str, Any], outputs: list[str], is_share: bool) -> str:
    """The lowest and the highest of the output that moves most."""
    spans = [max(answers) - min(answers) for answers in column["answers"]]
    number = max(range(len(spans)), key=spans.__getitem__)
    answers = column["answers"][number]
    low, high = (min(range(len(answers)), key=lambda at: sign * answers[at]) for sign in (1, -1))
    shown = [f"{answers[at]:.0%}" if is_share else f"{answers[at]:,.4g}" for at in (low, high)]
    at = [words.value(column["values"][place]) for place in (low, high)]
    return f"{outputs[number]}: lowest {shown[0]} at {at[0]}, highest {shown[1]} at {at[1]}."
