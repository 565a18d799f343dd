"""The verb `range`: which learning rates are worth a search, by a range test before anything is tuned."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from osetra.cli.fit import space_edits
from osetra.cli.screen import output, print_json, say
from osetra.report import words

WIDTH, HEIGHT = 60, 12
"""Of the chart, in characters."""
CURVE, RANGE = "•", "─"


def run_range(data: Path, *, target: Sequence[str], edits: Sequence[str], as_json: bool, **options: Any) -> None:
    """Test, then print the curve as a chart and what to try. Nothing is written."""
    space = space_edits(edits)
    from osetra.study.range_test import learning_rate_range

    column = None if not target else target[0] if len(target) == 1 else list(target)
    found = learning_rate_range(data, column, space=space, **options)
    test = found.test
    if as_json:
        facts = {name: getattr(test, name) for name in ("sentence", "suggested", "search", "lowest", "steepest", "exploded")}
        curve = {name: getattr(test, name) for name in ("rates", "costs", "smoothed")}
        print_json({"source": found.source, "rows": found.rows, "configuration": found.configuration} | facts | curve)
        return
    console = output()
    console.print(f"{found.source}: {words.counted(found.rows, 'training row')}, {len(test.rates):,} mini-batches")
    if len(test.smoothed) > 2:
        console.print("\n".join(chart(test.rates, test.smoothed, search=test.search)), soft_wrap=True)
    say(console, test.sentence)


def chart(rates: Sequence[float], costs: Sequence[float], *, search: tuple[float, float] | None) -> list[str]:
    """Lines that show costs by rate, on a log axis of rates; below the curve a line under the rates of `search`.

    What lies further above the first cost than that above the lowest is cut off: the explosion would leave no room for anything else.
    """
    low, first = min(costs), costs[0]
    high = min(max(costs), first + max(first - low, 0.05 * abs(first)))
    span = max(high - low, 1e-12)
    ends = math.log(rates[0]), math.log(rates[-1])

    def place(rate: float) -> int:
        share = (math.log(rate) - ends[0]) / max(ends[1] - ends[0], 1e-12)
        return round(min(max(share, 0.0), 1.0) * (WIDTH - 1))

    canvas = [[" "] * WIDTH for _ in range(HEIGHT)]
    for rate, cost in zip(rates, costs, strict=False):
        if cost <= high:
            canvas[round((high - cost) / span * (HEIGHT - 1))][place(rate)] = CURVE
    labels = {0: f"{high:.3g}", HEIGHT - 1: f"{low:.3g}"}
    margin = max(map(len, labels.values()))
    lines = [f"{labels.get(row, ''):>{margin}} │{''.join(cells)}".rstrip() for row, cells in enumerate(canvas)]
    axis = [" "] * WIDTH
    if search is not None:
        axis[place(search[0]) : place(search[1]) + 1] = RANGE * (place(search[1]) - place(search[0]) + 1)
    below = f"{rates[0]:.2g}".ljust(WIDTH - len(f"{rates[-1]:.2g}")) + f"{rates[-1]:.2g}"
    return [*lines, f"{'':>{margin}} └{''.join(axis)}".rstrip(), f"{'cost':>{margin}}  {below}  learning rate"]
