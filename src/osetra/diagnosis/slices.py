"""Slices: groups of rows on which a model errs more than on the rest, with a correction for having looked at many.

    cut        a column's levels, quarters of its numbers or dates, and what is missing; a slice has 30 rows or more and 2 % of them all
    compare    the error in the slice with that in all other rows
    correct    p-values of all slices together, by Holm (1979, Scandinavian Journal of Statistics 6:65), at 5 %
    order      worst first: by how much worse the slice is at least, the lower end of the difference's interval

Whether a difference is chance is tested with what holds for 30 rows and for errors with heavy tails: error rates by Fisher's exact test
(the hypergeometric tail), squared errors by their ranks (Mann & Whitney 1947, normal approximation with the correction for ties). Both
p-values are those of the upper tail, doubled. Holm's correction needs nothing of how slices hang together, and they do: the same rows come
under many names. Where errors have nothing to do with any column, some slice is called worse in at most 2.5 of 100 studies.

A slice is called worse where that test, corrected, says so, the difference's own interval lies above 0, and the difference is of practical
size: a quarter of the error in the rest and, of error rates, 1 point. Intervals, not corrected: Wilson's of a rate; of RMSE
r exp(-+ 1.96 s / (2 r^2 sqrt(n))), the delta method for log r, with s the standard deviation of the squared errors; of a difference
square-and-add, as in `bias_variance`. Heavy tails make the one of RMSE too narrow, which is why ranks decide what is chance.

Rows are taken to be independent, and all count the same. Rows that come in groups err together: slices of few groups then look surer
than they are. Slices overlap, so that one may be worse for the rows that it shares with another.
Knows nothing of: models, studies, how errors came about.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from osetra.diagnosis.bias_variance import amount, difference
from osetra.diagnosis.finding import Finding
from osetra.diagnosis.intervals import Z_95, Measured, error_rate

FEWEST_ROWS = 30
FEWEST_SHARE = 0.02
LEVEL = 0.05
PRACTICAL_RATE = 0.01
"""A difference between error rates must be at least this, 1 point ..."""
PRACTICAL_RATIO = 0.25
"""... and any difference this share of the error in the rest."""
MOST = 12
MOST_CLASSES = 4
"""Of the slices listed, at most so many are classes: rare ones are nearly always worse, and would crowd out the columns."""
SAME_ROWS = 0.8
"""Of two slices that share more than this of the rows in either, the second is left out."""
ACTUAL_CLASS = "actual class"
MOST_FINDINGS = 3
_RANGES = 4
_LONGEST = 60
_REMEDY = (
    "look at the worst of these rows; unless such rows are simply harder, more of them to train on, a larger weight for them "
    "or a column that tells them apart helps"
)
_CLASS_REMEDY = "more training rows of this class; class_weight='balanced', or a weight for it, where a mistake on it costs more"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """A column cut into slices."""

    column: str
    codes: np.ndarray
    """int64 [rows]: the slice of each row, -1 for none."""
    names: tuple[str, ...]
    """What to call each slice, such as `age 17 .. 24`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One group of rows against all others. Errors are error rates, or RMSE in the units of the error."""

    column: str
    slice: str
    """Such as `age 17 .. 24`, `colour = red`, `age is missing`."""
    rows: int
    error: float
    low: float
    """The 95 % interval of `error` begins here."""
    high: float
    rest_error: float
    difference: float
    """error - rest_error"""
    difference_low: float
    """The 95 % interval of `difference` begins here; not corrected for having looked at many."""
    difference_high: float
    is_worse: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """The slices where the error is highest, and how many were looked at."""

    found: tuple[Slice, ...]
    """At most 12, worst first: those called worse, then others whose error is above that of the rest."""
    compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    cut: Cut
    code: int
    p: float
    rows: int
    here: Measured
    rest: Measured
    gap: tuple[float, float, float]


_Compare = Callable[[Cut, np.ndarray, np.ndarray], list[_Candidate]]
"""Of a cut, those slices (codes, int64 [slices]) that have so many rows (int64 [slices])."""


def cut_levels(column: str, codes: np.ndarray, levels: Sequence[str]) -> Cut:
    """A slice a level, and one of what is missing. codes: level numbers, int64 [rows], -1 where missing."""
    names = (*(f"{column} = {_cut_text(level)}" for level in levels), f"{column} is missing")
    return Cut(column=column, codes=np.where(codes < 0, len(levels), codes), names=names)


def cut_numbers(column: str, values: np.ndarray) -> Cut:
    """Four ranges of about as many rows each, and one of what is missing. values: float64 [rows], NaN where missing."""
    is_whole = bool((np.floor(values) == values)[~np.isnan(values)].all())
    return _cut_ordered(column, values, np.isnan(values), lambda value: _number(float(value), is_whole))


def cut_dates(column: str, stamps: np.ndarray) -> Cut:
    """Four ranges of about as many rows each, and one of what is missing. stamps: datetime64[us] [rows], NaT where missing."""
    present = stamps[~np.isnat(stamps)]
    unit = "D" if bool((present == present.astype("datetime64[D]")).all()) else "m"
    return _cut_ordered(column, stamps, np.isnat(stamps), lambda stamp: str(stamp.astype(f"datetime64[{unit}]")).replace("T", " "))


def worst_slices(errors: np.ndarray, cuts: Sequence[Cut], *, is_rate: bool) -> Slices:
    """Compare every slice that is large enough, and whose rest is, with the rest.

    errors: float64 [rows], 1 for a wrong class and 0 for the right one where `is_rate`, else squared errors, of which the RMSE is
    compared. Of a cut called `actual class` at most 4 slices are listed.
    """
    compare = _comparing_rates(errors) if is_rate else _comparing_squares(errors)
    least = max(FEWEST_ROWS, FEWEST_SHARE * len(errors))
    candidates: list[_Candidate] = []
    for cut in cuts:
        counts = _sums(cut, np.ones(len(errors))).astype(np.int64)
        large = np.flatnonzero((counts >= least) & (len(errors) - counts >= least))
        if len(large):
            candidates += compare(cut, large, counts[large])
    is_significant = holm([candidate.p for candidate in candidates]) <= LEVEL
    judged = [(one, bool(sure) and _is_large(one, is_rate)) for one, sure in zip(candidates, is_significant, strict=True)]
    judged.sort(key=lambda pair: (not pair[1], -pair[0].gap[1], pair[0].cut.column, pair[0].cut.names[pair[0].code]))
    return Slices(found=_listed(judged), compared=len(candidates))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values corrected for their number, float64, in the order given: the k-th smallest of m times m - k + 1, never below an earlier."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected


def slice_findings(evaluation: Mapping[str, Any] | None, error_name: str) -> tuple[Finding, ...]:
    """The slices called worse as findings, at most 3: one a column, and a class only where columns leave room.

    evaluation: a study's `evaluation`; None, as in older studies, has none. The record's slices are those of `Slice.to_dict`.
    """
    given = evaluation or {}
    first_of_column: dict[str, Mapping[str, Any]] = {}
    for one in given.get("slices", ()):
        if one["is_worse"]:
            first_of_column.setdefault(one["column"], one)
    worse = sorted(first_of_column.values(), key=lambda one: one["column"] == ACTUAL_CLASS)[:MOST_FINDINGS]
    compared = f"{given.get('slices_compared', 0):,} slices compared"
    sure = f"sure: by chance alone, any of the {compared} would be called worse in at most 5 of 100 studies (Holm's correction)"
    return tuple(
        Finding(
            name="worse slice", sentence=slice_words(one, error_name), remedy=_CLASS_REMEDY if one["column"] == ACTUAL_CLASS else _REMEDY,
            certainty=sure, figure="slices",
        )
        for one in worse
    )  # fmt: skip


def slice_words(one: Mapping[str, Any], error_name: str) -> str:
    """A recorded slice for a person, such as `Where age 17 .. 24 (312 dev rows), the error rate is 31.0 %, 12.3 points above ...`."""
    low, high = (amount(one[end], error_name).split(" ")[0] for end in ("difference_low", "difference_high"))
    error = f"{100 * one['error']:.1f} %" if error_name == "error rate" else f"{one['error']:.4g}"
    above = f"{amount(one['difference'], error_name)} above that of the other rows ({low} to {high})"
    return f"Where {one['slice']} ({one['rows']:,} dev rows), the {error_name} is {error}, {above}"


def _cut_ordered(column: str, values: np.ndarray, missing: np.ndarray, name: Callable[[Any], str]) -> Cut:
    codes = np.empty(len(values), dtype=np.int64)
    distinct, place, counts = np.unique(values[~missing], return_inverse=True, return_counts=True)
    # By the middle of its ranks, so that a value that many rows share is a range of its own, not all that lies below it too.
    middle = (np.cumsum(counts) - counts / 2) / max(1, counts.sum())
    ranges, of_distinct = np.unique((_RANGES * middle).astype(np.int64), return_inverse=True)
    first = np.searchsorted(of_distinct, np.arange(len(ranges)))
    last = np.searchsorted(of_distinct, np.arange(len(ranges)), side="right") - 1
    names = []
    for low, high in zip(distinct[first], distinct[last], strict=True):
        names.append(f"{column} = {name(low)}" if low == high else f"{column} {name(low)} .. {name(high)}")
    codes[~missing] = of_distinct[place]
    codes[missing] = len(names)
    return Cut(column=column, codes=codes, names=(*names, f"{column} is missing"))


def _comparing_rates(errors: np.ndarray) -> _Compare:
    from scipy.stats import hypergeom

    rows, total = len(errors), int(errors.sum())

    def compare(cut: Cut, large: np.ndarray, counts: np.ndarray) -> list[_Candidate]:
        wrong = _sums(cut, errors)[large].astype(np.int64)
        upper = hypergeom.sf(wrong - 1, rows, total, counts)
        candidates = []
        for code, count, bad, p in zip(large.tolist(), counts.tolist(), wrong.tolist(), upper.tolist(), strict=True):
            here, rest = error_rate(bad, count), error_rate(total - bad, rows - count)
            gap = difference(here, rest)
            candidates.append(_Candidate(cut=cut, code=code, p=min(1.0, 2 * p), rows=count, here=here, rest=rest, gap=gap))
        return candidates

    return compare


def _comparing_squares(errors: np.ndarray) -> _Compare:
    from scipy.special import ndtr
    from scipy.stats import rankdata

    rows = len(errors)
    # In units of the largest, so that squares of squares stay within what a float holds.
    unit = float(errors.max()) if rows and errors.max() > 0 else 1.0
    scaled = errors / unit
    squares, ranks = np.square(scaled), rankdata(errors)
    _, ties = np.unique(errors, return_counts=True)
    spread = max(0.0, (rows + 1 - float((ties.astype(np.float64) ** 3 - ties).sum()) / max(1, rows * (rows - 1))) / 12)
    totals = [float(column.sum()) for column in (scaled, squares)]

    def compare(cut: Cut, large: np.ndarray, counts: np.ndarray) -> list[_Candidate]:
        sums, sums_of_squares, rank_sums = (_sums(cut, values)[large] for values in (scaled, squares, ranks))
        deviation = np.sqrt(counts * (rows - counts) * spread)
        above = rank_sums - counts * (rows + 1) / 2 - 0.5
        upper = ndtr(-np.divide(above, deviation, out=np.zeros(len(large)), where=deviation > 0))
        candidates = []
        for place, (code, count) in enumerate(zip(large.tolist(), counts.tolist(), strict=True)):
            here = _rmse(float(sums[place]), float(sums_of_squares[place]), count, unit)
            rest = _rmse(totals[0] - float(sums[place]), totals[1] - float(sums_of_squares[place]), rows - count, unit)
            p = min(1.0, 2 * float(upper[place]))
            candidates.append(_Candidate(cut=cut, code=code, p=p, rows=count, here=here, rest=rest, gap=difference(here, rest)))
        return candidates

    return compare


def _sums(cut: Cut, values: np.ndarray) -> np.ndarray:
    """Of values [rows] over each slice, float64 [slices]."""
    return np.bincount(cut.codes + 1, weights=values, minlength=len(cut.names) + 1)[1:]


def _rmse(total: float, total_of_squares: float, rows: int, unit: float) -> Measured:
    """From sums of squared errors and of their squares, both in units of `unit`."""
    mean = max(0.0, total / rows)
    value = float(np.sqrt(mean) * np.sqrt(unit))
    if mean == 0:
        return Measured(value=0.0, low=0.0, high=0.0, rows=rows)
    variance = max(0.0, total_of_squares / rows - mean**2) * rows / (rows - 1)
    factor = float(np.exp(Z_95 * np.sqrt(variance / rows) / (2 * mean)))
    return Measured(value=value, low=value / factor, high=value * factor, rows=rows)


def _is_large(one: _Candidate, is_rate: bool) -> bool:
    gap, low, _ = one.gap
    return low > 0 and gap >= PRACTICAL_RATIO * one.rest.value and (gap >= PRACTICAL_RATE or not is_rate)


def _listed(judged: Sequence[tuple[_Candidate, bool]]) -> tuple[Slice, ...]:
    """The first 12 with an error above the rest's, each of other rows than those before it."""
    chosen: list[tuple[_Candidate, bool]] = []
    taken: list[np.ndarray] = []
    classes = 0
    for one, is_worse in judged:
        if len(chosen) == MOST or one.gap[0] <= 0:
            continue
        is_class = one.cut.column == ACTUAL_CLASS
        inside = one.cut.codes == one.code
        if is_class:
            classes += 1
            if classes > MOST_CLASSES:
                continue
        elif any((inside & other).sum() > SAME_ROWS * (inside | other).sum() for other in taken):
            continue
        else:
            taken.append(inside)
        chosen.append((one, is_worse))
    return tuple(
        Slice(
            column=one.cut.column, slice=one.cut.names[one.code], rows=one.rows, error=one.here.value, low=one.here.low, high=one.here.high,
            rest_error=one.rest.value, difference=one.gap[0], difference_low=one.gap[1], difference_high=one.gap[2], is_worse=is_worse,
        )
        for one, is_worse in chosen
    )  # fmt: skip


def _number(value: float, is_whole: bool) -> str:
    return f"{value:.0f}" if (is_whole or abs(value) >= 1000) and abs(value) < 1e15 else f"{value:.4g}"


def _cut_text(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
