"""What a browser is handed of a figure: its traces and layout as JSON, made once for each figure, however many tabs show it.

As text, since whatever carries values to a page looks at each of them, and for each tab anew: two thirds of a server's work for fifty tabs.

Knows nothing of: NiceGUI, which figures there are.
"""

import weakref
from typing import TYPE_CHECKING, Any

import orjson

from osetra.report.figures.theme import height_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

DIGITS = 6
"""Significant digits of the numbers that figures are drawn from: of what goes to every tab every second, none that cannot be seen."""
TITLE = 36
"""Pixels that `study.plot` adds for a title."""
_DRAWN: dict[int, tuple[weakref.ref[Any], str]] = {}
"""By the identity of a figure that is alive: one cannot be hashed."""


def drawn(made: "go.Figure") -> str:
    """An object of `data` and `layout` with its `height`, without template, words and title."""
    known = _DRAWN.get(id(made))
    if known is not None and known[0]() is made:
        return known[1]
    figure = made.to_dict()
    figure["layout"].pop("template", None)
    figure["layout"].pop("meta", None)
    height = height_of(made)
    if figure["layout"].pop("title", None) is not None:
        # On a page a heading says what it is, and the room above the figure is free.
        figure["layout"].get("margin", {}).pop("t", None)
        height -= TITLE
    figure["layout"]["height"] = height
    # Plotly's own `to_json` tries, fails at the first array of texts, and cleans everything: three times as long.
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    key, text = id(made), orjson.dumps(_short(figure), default=_listed, option=options).decode()
    _DRAWN[key] = (weakref.ref(made, lambda _: _DRAWN.pop(key, None)), text)
    return text


def _short(value: Any) -> Any:
    """With no more digits than are seen; arrays of numbers are text already."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_short(one) for one in value]
    return value


def _listed(value: Any) -> Any:
    """An array of texts."""
    return value.tolist()
