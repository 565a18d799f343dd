"""Have data drifted: two sketches of a table, one from then and one from now, column by column.

    PSI = sum over bins of (q - p) ln(q / p)        p, q: shares of the rows then and now, half a row added to each bin

Bins: of a number the tenths of then (or its values, where they were few), of text its listed levels and all others together; missing
values are one more. A level that only one sketch lists has in the other as much of its share as not being listed allows, so that no drift
is made up. Rules of thumb: below 0.1 no change to speak of, above 0.25 a large one (Siddiqi 2006, Credit Risk Scorecards; the alarm here is
0.2 by default). Of a few rows PSI is large by chance: without drift, PSI / (1/n + 1/m) is about chi-squared with bins - 1 degrees of
freedom (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14:4), so what does not exceed its 0.999 quantile counts as 0.

Dates and counters always move on, and are not compared. Knows nothing of: studies, networks.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from osetra.data.sketch import cumulative

SLIGHT, LARGE = 0.1, 0.25
CHANCE = 0.001
MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """How one column has moved."""

    column: str
    is_target: bool
    psi: float | None
    """Population stability index, 0 where it is no more than chance; None where the column is new, gone or of another kind."""
    sentence: str
    """Where it moved most, such as `age: median 37 -> 45`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How a table has moved."""

    rows: tuple[int, int]
    """Then and now."""
    columns: tuple[ColumnDrift, ...]
    """All that were compared, changes of kind first, then those that moved most."""

    @property
    def changed(self) -> tuple[ColumnDrift, ...]:
        """Columns that are new, gone or of another kind."""
        return tuple(one for one in self.columns if one.psi is None)

    @property
    def largest(self) -> float:
        """The greatest PSI; 0 where nothing moved beyond chance."""
        return max((one.psi for one in self.columns if one.psi is not None), default=0.0)

    def beyond(self, threshold: float) -> tuple[ColumnDrift, ...]:
        """Columns that changed or moved by more than this PSI."""
        return tuple(one for one in self.columns if one.psi is None or one.psi > threshold)

    @property
    def verdict(self) -> str:
        """`none`, `slight` or `large`."""
        if self.changed or self.largest > LARGE:
            return "large"
        return "slight" if self.largest > SLIGHT else "none"

    @property
    def sentence(self) -> str:
        """What moved, at most 5 columns named."""
        moved = self.beyond(SLIGHT)
        if not moved:
            return f"no column has moved beyond a PSI of {SLIGHT:g}"
        return f"{self.verdict} drift in {named(moved)}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "rows": list(self.rows),
            "verdict": self.verdict,
            "largest": self.largest,
            "sentence": self.sentence,
            "columns": [asdict(one) for one in self.columns if one.psi != 0],
        }


def named(columns: tuple[ColumnDrift, ...]) -> str:
    """The first 5 in words, with their PSI."""
    told = [one.sentence if one.psi is None else f"{one.sentence} (PSI {one.psi:.2f})" for one in columns[:MOST_NAMED]]
    more = len(columns) - MOST_NAMED
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def compare(then: Mapping[str, Any], now: Mapping[str, Any]) -> Drift:
    """How the data of one sketch differ from those of another. The order matters: bins are those of `then`."""
    found = []
    sizes = then["looked_at"], now["looked_at"]
    for part in ("target", "features"):
        before, after = then[part], now[part]
        # Beyond the first 100 columns a sketch does not know which there are.
        is_whole = part == "target" or not (then["left_out"] or now["left_out"])
        for name in dict.fromkeys([*before, *after]):
            one = _column(name, before.get(name), after.get(name), sizes, is_target=part == "target", is_whole=is_whole)
            if one is not None:
                found.append(one)
    found.sort(key=lambda one: (one.psi is not None, -(one.psi or 0.0)))
    return Drift(rows=(then["rows"], now["rows"]), columns=tuple(found))


def _column(
    name: str, then: Mapping[str, Any] | None, now: Mapping[str, Any] | None, sizes: tuple[int, int], *, is_target: bool, is_whole: bool
) -> ColumnDrift | None:
    """None where there is nothing to compare."""
    if then is None or now is None:
        told = f"{name} is {'new' if then is None else 'gone'}"
        return ColumnDrift(column=name, is_target=is_target, psi=None, sentence=told) if is_whole else None
    kinds = then["kind"], now["kind"]
    if set(kinds) <= {"number", "counter"} and "counter" in kinds:
        return None
    if kinds[0] != kinds[1]:
        told = f"{name} held {_kind(kinds[0])} and now holds {_kind(kinds[1])}"
        return ColumnDrift(column=name, is_target=is_target, psi=None, sentence=told)
    if kinds[0] not in ("number", "text"):
        return None
    binned = _number_bins(then, now) if kinds[0] == "number" else _text_bins(then, now)
    missing = then.get("missing", 0.0), now.get("missing", 0.0)
    p, q = (np.append(shares * (1 - lost), lost) for shares, lost in zip(binned[1:], missing, strict=True))
    psi = _psi(p, q, *sizes)
    sentence = f"{name}: {_most_moved(then, now, binned[0], p, q)}"
    return ColumnDrift(column=name, is_target=is_target, psi=psi, sentence=sentence)


def _kind(kind: str) -> str:
    return {"number": "numbers", "counter": "a counter", "date": "dates", "empty": "nothing"}.get(kind, kind)


def _number_bins(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[list[str] | None, np.ndarray, np.ndarray]:
    """No names, and shares [bins] of the present values then and now."""
    if "values" in then:
        values = np.array([value for value, _ in then["values"]], dtype=np.float64)
        edges = (values[1:] + values[:-1]) / 2
    else:
        quantiles = np.array(then["quantiles"], dtype=np.float64)
        edges = np.unique(quantiles[np.linspace(0, len(quantiles) - 1, 11).round().astype(int)[1:-1]])
        # All of one value at the lower end is a bin of its own; at the upper end nothing would lie beyond.
        edges = edges[edges < quantiles[-1]]
    before, after = (np.diff(cumulative(column, edges), prepend=0.0, append=1.0) for column in (then, now))
    return None, before, after


def _text_bins(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of the listed levels, and their shares then and now, [levels + 1], the last that of all others."""
    names = list(dict.fromkeys([*then["levels"], *now["levels"]]))

    def shares(column: Mapping[str, Any], other: Mapping[str, Any]) -> np.ndarray:
        listed = column["levels"]
        rest = max(0.0, 1 - sum(listed.values()))
        found = np.zeros(len(names) + 1)
        for place, name in enumerate(names):
            if name in listed:
                found[place] = listed[name]
            elif column["distinct"] > len(listed):
                # Not among the most frequent: no more than the least of those, nor than is left.
                found[place] = min(other["levels"][name], min(listed.values()), rest)
                rest -= found[place]
        found[-1] = rest if column["distinct"] > len(listed) else 0.0
        return found

    return names, shares(then, now), shares(now, then)


def _psi(p: np.ndarray, q: np.ndarray, n: int, m: int) -> float:
    """Of shares [bins] of n and of m rows; 0 where it is no more than chance."""
    from scipy.stats import chi2

    used = (p > 0) | (q > 0)
    bins = int(used.sum())
    if bins < 2:
        return 0.0
    p, q = ((shares[used] * rows + 0.5) / (rows + 0.5 * bins) for shares, rows in ((p, n), (q, m)))
    psi = float(((q - p) * np.log(q / p)).sum())
    return psi if psi > float(chi2.ppf(1 - CHANCE, bins - 1)) * (1 / n + 1 / m) else 0.0


def _most_moved(then: Mapping[str, Any], now: Mapping[str, Any], names: list[str] | None, p: np.ndarray, q: np.ndarray) -> str:
    """The one thing that tells most of a column's change."""
    if abs(q[-1] - p[-1]) > 0.5 * np.abs(q - p)[:-1].sum():
        return f"missing {_percent(p[-1])} -> {_percent(q[-1])}"
    # Of two that moved alike, such as two classes, the one that grew.
    place = int(np.argmax(np.round(np.abs(q - p)[:-1], 6) + 1e-7 * (q > p)[:-1]))
    if names is None:
        if "values" in then:
            return f"{then['values'][place][0]:g} in {_percent(p[place])} -> {_percent(q[place])} of rows"
        before, after = _median(then), _median(now)
        if abs(after - before) >= 0.1 * then["deviation"]:
            return f"median {before:g} -> {after:g}"
        return f"deviation {then['deviation']:g} -> {now['deviation']:g}"
    name = repr(names[place]) if place < len(names) else "other levels"
    return f"{name} {_percent(p[place])} -> {_percent(q[place])}"


def _median(column: Mapping[str, Any]) -> float:
    if "quantiles" in column:
        return column["quantiles"][len(column["quantiles"]) // 2]
    share = np.cumsum([share for _, share in column["values"]])
    return column["values"][min(int(np.searchsorted(share, 0.5)), len(share) - 1)][0]


def _percent(share: float) -> str:
    percent = 100 * share
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f} %"
    return f"{percent:.{max(0, 1 - math.floor(math.log10(percent)))}f} %" if percent >= 0.01 else "0.01 %"
