"""What more rows would bring: a learning curve over the size of the training part, and where it goes on to.

    error(m) = a + b m^-c,    a >= 0, b >= 0, 0.05 <= c <= 2

after trainings on a few sizes m, each with several seeds (form: Cortes, Jackel, Solla, Vapnik & Denker 1994, NIPS 6:327; that networks
follow it over many orders of magnitude: Hestness et al. 2017, arXiv:1712.00409).

The noise of one training is taken as normal, its standard deviation the same share of the error at every size, and that share as unknown.
With S = sum_i ((error_i - a - b m_i^-c) / s_i)^2 over n trainings, s_i the mean error at size m_i, a, b, c are where S is least. Of a
forecast v, S(v) is the least S of all curves through it; its 95 % interval is all v with

    S(v) <= S_least (1 + t^2 / (n - 3)),    t the 97.5 % quantile of Student's t with n - 3 degrees of freedom

(profile likelihood; Bates & Watts 1988, Nonlinear Regression Analysis and Its Applications, 6.1), and what is named is the median under
the likelihood S(v)^(-n/2). Forecasts are of the mean over seeds of networks like these, measured on the same dev part; how far that part
speaks for all rows, the interval of the dev error says.

In simulated curves of this form the intervals held the truth in 94 % (15 curves with 4 kinds of noise each, 3,600 in all). Real curves need
not have it: forecasts from parts of up to a quarter of the rows held the errors at half and at all of them in six of six cases (20,000 to
53,940 rows); where trainings were cut short or the curve grew steeper, in earlier settings, three of twelve missed.
Knows nothing of: studies, how networks are trained.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from osetra.core.errors import InputError

LOWEST_C, HIGHEST_C = 0.05, 2.0
LITTLE = 0.05
"""Twice the rows bring little where they lower the error by no more than this share of it."""
FORECASTS = (2, 4)
"""Times the rows."""
_GRID = 161
"""Values of c, and of a forecast, that are looked at each time."""
_ZOOMS = 4
"""Times that the grid is drawn anew over what it left; each makes it some tens of times finer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The error at one size, with a 95 % interval."""

    rows: int
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """The error over training rows, what was fitted to it, and what more rows would bring."""

    points: tuple[Point, ...]
    """Means over seeds, the smallest size first; the intervals tell how far seeds and draws of rows move such a mean."""
    a: float
    """What endless rows would come to."""
    b: float
    c: float
    now: Point
    """The fitted error at the largest size."""
    forecast: tuple[Point, ...]
    """At 2 and 4 times the largest size."""
    error_name: str
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    trainings: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else was decided, JSON-able."""

    @property
    def gain(self) -> float:
        """What twice the rows would lower the error by."""
        return self.now.error - self.forecast[0].error

    @property
    def brings_little(self) -> bool:
        """Whether twice the rows would lower the error by no more than a twentieth of it."""
        return self.gain <= LITTLE * self.now.error

    @property
    def sentence(self) -> str:
        """`Twice the rows would bring the dev error from 14.3 % to about 13.8 % (13.4 to 14.1)`."""
        twice, four = self.forecast[:2]
        now = _amount(self.now.error, self.error_name)
        low, high = (_amount(end, self.error_name).removesuffix(" %") for end in (twice.low, twice.high))
        about = f"{_amount(twice.error, self.error_name)} ({low} to {high})"
        named = "dev error" if self.error_name == "error rate" else f"dev {self.error_name}"
        if self.brings_little:
            return f"More rows would bring little: twice as many would bring the {named} from {now} to about {about}"
        return f"Twice the rows would bring the {named} from {now} to about {about}, four times to {_amount(four.error, self.error_name)}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "points": [asdict(point) for point in self.points],
            "a": self.a,
            "b": self.b,
            "c": self.c,
            "now": asdict(self.now),
            "forecast": [asdict(point) for point in self.forecast],
            "sentence": self.sentence,
            "notes": list(self.notes),
            "seconds": self.seconds,
            "trainings": self.trainings,
            **self.facts,
        }


def fit_curve(
    rows: Sequence[int],
    errors: Sequence[Sequence[float]],
    *,
    error_name: str = "error rate",
    notes: Sequence[str] = (),
    seconds: float = 0.0,
    facts: Mapping[str, Any] | None = None,
) -> LearningCurve:
    """Fit the curve and look ahead.

    rows: sizes of the training part, ascending; errors: of each size those of its seeds, at least one, not all sizes with one alone.
    Raises InputError for fewer than 3 sizes, sizes that do not ascend, errors that are not finite and >= 0, and seeds that are too few.
    """
    from scipy.stats import t

    sizes, mean, counts = _checked(rows, errors)
    # An error of 0 everywhere has no scale of its own.
    scale = np.maximum(mean, max(1e-3 * float(mean.max()), 1e-12))
    within = float(sum(np.square((np.asarray(of) - m) / s).sum() for of, m, s in zip(errors, mean, scale, strict=True)))
    trainings, freedom = int(counts.sum()), int((counts - 1).sum())
    # Trainings that all come to the same error, as on a small dev part, leave the noise at a share that is hardly any.
    share = max(math.sqrt(within / freedom), 1e-6)
    within = max(within, freedom * 1e-12)
    a, b, c = _most_likely(sizes, mean, counts / scale**2)
    half = float(t.ppf(0.975, freedom)) * share * scale / np.sqrt(counts)
    points = [
        Point(rows=int(m), error=float(e), low=max(0.0, float(e - h)), high=float(e + h)) for m, e, h in zip(sizes, mean, half, strict=True)
    ]
    now, *forecast = (_ahead(sizes, mean, counts / scale**2, within, trainings, times) for times in (1, *FORECASTS))
    return LearningCurve(
        points=tuple(points), a=a, b=b, c=c, now=now, forecast=tuple(forecast), error_name=error_name, notes=tuple(notes), seconds=seconds,
        trainings=trainings, facts=facts or {},
    )  # fmt: skip


def _checked(rows: Sequence[int], errors: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, mean errors and how many each is of, [sizes] each."""
    if len(rows) < 3 or len(rows) != len(errors):
        raise InputError(f"a learning curve needs errors at 3 sizes or more, got {len(rows)} sizes and errors of {len(errors)}; add sizes")
    sizes = np.array(rows, dtype=np.float64)
    if not (sizes[0] >= 1 and (np.diff(sizes) > 0).all()):
        raise InputError(f"the sizes of a learning curve must ascend from 1 or more, got {list(rows)}; sort them, each once")
    counts = np.array([len(of) for of in errors])
    if counts.min() < 1 or counts.sum() <= len(rows):
        raise InputError(
            f"a learning curve needs an error at every size and more at some, which tell the noise, got {counts.tolist()}; repeat trainings"
        )
    flat = np.concatenate([np.asarray(of, dtype=np.float64) for of in errors])
    if not (np.isfinite(flat).all() and (flat >= 0).all()):
        raise InputError(f"the errors of a learning curve must be finite and >= 0, got {flat.min()}; leave out trainings that diverged")
    return sizes, np.array([float(np.mean(of)) for of in errors]), counts


def _lines(sizes: np.ndarray, mean: np.ndarray, weights: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """S without the noise within sizes, a, and b for sizes in units of the largest: the best for each c, [values of c]; a, b >= 0."""
    x = (sizes / sizes[-1]) ** -c[:, None]
    x_mean, y_mean = np.average(x, axis=1, weights=weights), float(np.average(mean, weights=weights))
    away = x - x_mean[:, None]
    b = np.maximum((weights * away * (mean - y_mean)).sum(axis=1) / (weights * away**2).sum(axis=1), 0.0)
    a = y_mean - b * x_mean
    through_0 = (weights * x * mean).sum(axis=1) / (weights * x**2).sum(axis=1)
    a, b = np.maximum(a, 0.0), np.where(a < 0, through_0, b)
    return (weights * (mean - a[:, None] - b[:, None] * x) ** 2).sum(axis=1), a, b


def _zoomed(grid: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """A grid over what was kept of one, places in ascending order, and a step more to either side."""
    return np.linspace(grid[max(int(kept[0]) - 1, 0)], grid[min(int(kept[-1]) + 1, len(grid) - 1)], len(grid))


def _most_likely(sizes: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """a, b, c of the least S."""
    c = np.linspace(LOWEST_C, HIGHEST_C, _GRID)
    for _ in range(2 * _ZOOMS):
        c = _zoomed(c, np.argmin(_lines(sizes, mean, weights, c)[0], keepdims=True))
    squares, a, b = _lines(sizes, mean, weights, c)
    at = int(np.argmin(squares))
    return float(a[at]), float(b[at] * sizes[-1] ** c[at]), float(c[at])


def _ahead(sizes: np.ndarray, mean: np.ndarray, weights: np.ndarray, within: float, trainings: int, times: int) -> Point:
    """The error at so many times the largest size, with its interval."""
    from scipy.stats import t

    freedom = max(1, trainings - 3)
    allowed = 1.0 + float(t.ppf(0.975, freedom)) ** 2 / freedom
    c = np.linspace(LOWEST_C, HIGHEST_C, _GRID)
    for _ in range(_ZOOMS):
        squares = within + _lines(sizes, mean, weights, c)[0]
        c = _zoomed(c, np.flatnonzero(squares <= allowed * squares.min()))
    squares, a, b = _lines(sizes, mean, weights, c)
    least = within + float(squares.min())
    there = float(times) ** -c
    ahead = a + b * there
    away = (sizes / sizes[-1]) ** -c[:, None] - there[:, None]

    def profile(v: np.ndarray) -> np.ndarray:
        """S(v): curves through v are v + b (x - x there); for each c and v the best b of those that keep a and b at 0 or above."""
        pull = (weights * away * mean).sum(axis=1)[:, None] - np.outer((weights * away).sum(axis=1), v)
        slope = np.clip(pull / (weights * away**2).sum(axis=1)[:, None], 0.0, v / there[:, None])
        squares = np.full(slope.shape, within)
        for place, weight in enumerate(weights):
            squares += weight * (mean[place] - v - slope * away[:, place, None]) ** 2
        return squares.min(axis=0)

    reach = 4.0 * (float(np.ptp(ahead)) + float(mean.max()) * math.sqrt(least / trainings))
    v = np.linspace(max(0.0, float(ahead.min()) - reach), float(ahead.max()) + reach, _GRID)
    for _ in range(_ZOOMS):
        squares = profile(v)
        v = _zoomed(v, np.flatnonzero(squares <= max(allowed * least, squares.min())))
    squares = profile(v)
    kept = squares <= max(allowed * least, squares.min())
    shares = np.cumsum(np.where(kept, (squares / squares.min()) ** (-trainings / 2), 0.0))
    middle = v[int(np.searchsorted(shares, shares[-1] / 2))]
    return Point(rows=round(float(sizes[-1]) * times), error=float(middle), low=float(v[kept][0]), high=float(v[kept][-1]))


def _amount(error: float, error_name: str) -> str:
    return f"{100 * error:.1f} %" if error_name == "error rate" else f"{error:.4g}"
