"""Events: how many trials had begun, gone on, ended and diverged by each moment.

Knows nothing of: where records are kept.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from osetra.core.errors import StudyError
from osetra.core.records import TrialState
from osetra.report import words
from osetra.report.figures.sample import thinned
from osetra.report.figures.theme import BLUE, GREEN, PURPLE, VERMILLION, figure, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_TIMES = 300
"""Points of a line in time."""
_LATE = ("diverged", "failed")
_ENDED = sorted(str(state) for state in TrialState if state.is_over)
_COUNTED = {
    "started": ["started"],
    "promoted": ["promoted"],
    "finished or stopped": [kind for kind in _ENDED if kind not in _LATE],
    "diverged or failed": list(_LATE),
}
COUNTED_EVENTS = tuple(kind for kinds in _COUNTED.values() for kind in kinds)
"""Kinds that `event_counts` draws."""


def event_counts(given: Mapping[str, Sequence[float]]) -> "go.Figure":
    """How many trials had begun, gone on, ended and diverged by each moment.

    given: when events were, in seconds, by their kind. Raises StudyError without events of trials.
    """
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
