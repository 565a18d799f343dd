"""How figures look, and how they speak: colours, templates, text that is never markup, the words beside a figure.

Colours are after those of Okabe & Ito (2008), which the colour-blind tell apart, each with a contrast of 3 to 1 or more on the light and
on the dark ground, so a figure keeps its colours where the theme changes, and only text, grid and ground follow it.

Plotly reads a little HTML in every text (<b>, <a href>, &amp;), so each text of a person's or a file's goes through `plain`.
Knows nothing of: studies, which figures there are.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

BLUE, VERMILLION, GREEN, PURPLE, GREY = "#1b80c2", "#d55e00", "#009e73", "#b5628f", "#7d858e"
CATEGORIES = (BLUE, VERMILLION, GREEN, PURPLE, "#9a7d0a", "#5b6abf", GREY)
"""For classes, in order; of more than seven the last is shared."""
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
LONGEST = 60
"""Characters of a name or a label that a figure shows."""
_LIGHT = {"ink": "#24292f", "quiet": "#57606a", "grid": "#e4e8ec", "line": "#afb8c1", "ground": "#ffffff"}
_DARK = {"ink": "#e6e9ed", "quiet": "#a3acb6", "grid": "#2d343c", "line": "#57606a", "ground": "#1b2026"}
_BLANK = {"\t": " ", "\n": " ", "\r": " "}


def shade(colour: str, alpha: float) -> str:
    """A colour such as #0072b2 with the ground shining through: 0 is all ground, 1 none."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def plain(text: Any, longest: int = LONGEST) -> str:
    """A text as Plotly shows it: no markup, no control characters, and not longer than asked."""
    shown = "".join(c if c.isprintable() else _BLANK.get(c, "\N{REPLACEMENT CHARACTER}") for c in str(text)[: 4 * longest])
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def template(*, dark: bool = False) -> dict[str, Any]:
    """A Plotly template: its fonts, grid and hover labels; the ground is the page's own."""
    of = _DARK if dark else _LIGHT
    axis = {
        "automargin": True, "gridcolor": of["grid"], "linecolor": of["line"], "zerolinecolor": of["grid"], "ticks": "",
        "title": {"standoff": 8, "font": {"size": 12, "color": of["quiet"]}}, "tickfont": {"size": 11, "color": of["quiet"]},
    }  # fmt: skip
    return {
        "layout": {
            "font": {"family": FONT, "size": 12, "color": of["ink"]},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(CATEGORIES),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"bgcolor": of["ground"], "bordercolor": of["line"], "font": {"color": of["ink"], "size": 12, "family": FONT}},
            "legend": {"orientation": "h", "traceorder": "normal", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom",
                       "font": {"size": 11, "color": of["ink"]}},
            "margin": {"l": 8, "r": 12, "t": 36, "b": 8},
            "annotationdefaults": {"font": {"size": 11, "color": of["quiet"]}, "showarrow": False, "bgcolor": of["ground"], "borderpad": 1},
            "title": {"font": {"size": 14}},
        }
    }  # fmt: skip


def figure(title: str, *, height: int = 340) -> "go.Figure":
    """An empty figure in the light theme. height: pixels. `say` gives it its words."""
    import plotly.graph_objects as go

    # At once: setting a template later takes Plotly 40 times as long.
    return go.Figure(layout={"template": template(), "height": height, "meta": {"title": title, "text": ""}})


def say(made: "go.Figure", text: str) -> "go.Figure":
    """The figure with what it shows, in words and main numbers."""
    made.update_layout(meta={**_layout(made).meta, "text": text})
    return made


def title_of(made: "go.Figure") -> str:
    return _layout(made).meta["title"]


def text_of(made: "go.Figure") -> str:
    """What a figure shows, in words and main numbers; plain text, to be escaped where it is shown as markup."""
    return _layout(made).meta["text"]


def height_of(made: "go.Figure") -> int:
    """Pixels."""
    return int(_layout(made).height)


def _layout(made: "go.Figure") -> Any:
    # Plotly makes the properties of its classes as it runs.
    return made.layout


def percents(error_name: str) -> bool:
    """Whether an error is shown in percent."""
    return error_name == "error rate"


def finite(value: float | None) -> float | None:
    """A number as it is drawn: None, which leaves a gap, for one that is not finite."""
    return value if value is not None and math.isfinite(value) else None


def error_axis(error_name: str, part: str = "dev") -> dict[str, Any]:
    """An axis of errors: its title, and percent where they are rates."""
    named = plain(error_name) if error_name == "value" else f"{part} {plain(error_name)}".strip()
    return {"title": {"text": named}, **({"tickformat": ".3~%"} if percents(error_name) else {"tickformat": "~g"})}


def scaled_axis(error_name: str, limits: tuple[float, float] | None, values: Sequence[float], *, log: bool) -> dict[str, Any]:
    """An axis of errors between limits, or with `log` a log axis where some value is above 0; those that are not are then not drawn."""
    axis = {**error_axis(error_name), "range": limits}
    above = [value for value in values if math.isfinite(value) and value > 0]
    if not log or not above:
        return axis
    low, high = min(above), max(limits[1], min(above)) if limits else max(above)
    room = 0.05 * (math.log10(high) - math.log10(low)) or 0.1
    return {**axis, "type": "log", "range": (math.log10(low) - room, math.log10(high) + room), "minor": {"ticks": "", "showgrid": False}}


def rows_axis(labels: Sequence[str], *, is_downward: bool = False) -> dict[str, Any]:
    """An axis with a place for each label, 0, 1, ..., from the bottom up or from the top down; the labels are plain."""
    ends = [-0.6, len(labels) - 0.4]
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "range": ends[::-1] if is_downward else ends,
        "zeroline": False,
    }


def whiskers(values: Sequence[Mapping[str, Any]], *, of: str = "value", low: str = "low", high: str = "high") -> dict[str, Any]:
    """Intervals around what is drawn; `of`, `low` and `high` name the entries of each value."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, one[high] - one[of]) for one in values],
        "arrayminus": [max(0.0, one[of] - one[low]) for one in values],
        "thickness": 1.5,
        "width": 4,
        "color": GREY,
    }


def hover_number(error_name: str) -> str:
    """The format of an error in a hover text."""
    return ".2%" if percents(error_name) else ",.5~g"


def beyond(values: Sequence[float], limits: tuple[float, float] | None) -> str:
    """A sentence that counts those that an axis of these limits does not show; empty where it shows all."""
    out = sum(not limits[0] <= value <= limits[1] for value in values if math.isfinite(value)) if limits else 0
    return f" {out:,} of {len(values):,} lie beyond the axis (double-click shows all)." if out else ""


def robust_range(
    values: Sequence[float], *, must: Sequence[float] = (), tail: float = 0.1, maximize: bool = False
) -> tuple[float, float] | None:
    """Low and high of an axis on which the worst `tail` of the values need not be seen, with `must` in view; None without numbers.

    The worst are the greatest, or the lowest where the greatest wins.
    """
    if maximize:
        turned = robust_range([-value for value in values], must=[-value for value in must], tail=tail)
        return None if turned is None else (-turned[1], -turned[0])
    finite = sorted(value for value in values if math.isfinite(value))
    if not finite:
        return None
    low, high = finite[0], finite[min(len(finite) - 1, int((1 - tail) * len(finite)))]
    for value in must:
        if math.isfinite(value):
            low, high = min(low, value), max(high, value)
    # In halves, since the distance between two floats may be more than a float holds.
    room = 0.1 * (high / 2 - low / 2) or abs(high) / 20 or 1.0
    return low - room, high + room
