"""Layers: gradient and size of steps of each layer of one network as it trained, from probes.

Knows nothing of: how a layer is probed, what is judged healthy beside the size of a step.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.report import words
from osetra.report.figures.sample import spread
from osetra.report.figures.theme import BLUE, GREEN, figure, say, shade

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEALTHY_STEPS = (1e-4, 1e-2)
"""||change of W|| / ||W|| of a layer in good health."""
MOST_PROBES = 5
"""Of one trial, drawn."""
_DRAWN = frozenset({"layer", "gradient_norm", "update_ratio", "dead_units"})
"""Of a layer in a probe."""


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


def _above_zero(value: float | None) -> float | None:
    """What a log axis can show."""
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _short(value: float | None) -> str:
    return "not finite" if value is None or not math.isfinite(value) else f"{value:.2g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
