"""Rows with the same inputs and different targets: what no model that sees these inputs can get right.

Classes. In a group of n rows with the same inputs, n_k of class k, the chance that two of its rows disagree is estimated by

    1 - sum_k n_k (n_k - 1) / (n (n - 1))

without bias. Let D be its mean over all rows in groups. The error E that is left to the best classifier of these rows lies within

    (K-1)/K (1 - sqrt(1 - K/(K-1) D))  <=  E  <=  D        K classes; Cover & Hart 1967, IEEE Trans. Information Theory 13:21

and the lower end is exact where all rows err alike. 1 - max_k n_k / n, the error of a group's majority on its own rows, is a second
lower bound, the better one in large groups; the error of the majority of a row's fellows on that row is a second upper bound. The
estimate is the greater of the lower bounds.

Values. The root of the variance within groups, sum of squares over sum of (n - 1), is an estimate without bias but for the root
("pure error", Draper & Smith, Applied Regression Analysis).

The interval is that of a ratio of sums over groups, which are drawn at random. Copies of a record agree with one another and say
nothing, so the estimate is a low one where rows were copied.

Knows nothing of: models, parts, where rows come from.
"""

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from osetra.diagnosis.intervals import Z_95

MAX_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """How far rows with the same inputs disagree."""

    rows: int
    """That have a fellow with the same inputs."""
    groups: int
    of_rows: int
    """Looked at."""
    disagreement: float
    """Estimate of the error that cannot be avoided on these rows: error rate, or RMSE in units of the error."""
    low: float
    high: float
    """No model errs less than `low` on these rows, and some model no more than `high`, both with 95 % confidence."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def duplicates(
    inputs: np.ndarray, targets: np.ndarray, *, num_classes: int | None, scale: float = 1.0, max_rows: int = MAX_ROWS
) -> Duplicates | None:
    """Look at rows [rows, inputs] with their class numbers [rows], or standardised targets [rows, targets]; None without duplicates.

    num_classes: None for values. scale: turns an RMSE of standardised targets into the error's units. max_rows: of more rows only so many
    are looked at, evenly spaced.
    """
    step = -(-len(inputs) // max_rows)
    inputs, targets = inputs[::step], targets[::step]
    group = _groups(inputs)
    sizes = np.bincount(group)
    repeated = sizes[group] > 1
    if not repeated.any():
        return None
    group, targets = np.unique(group[repeated], return_inverse=True)[1], targets[repeated]
    sizes = np.bincount(group).astype(np.float64)
    value, low, high = _of_values(group, sizes, targets) if num_classes is None else _of_classes(group, sizes, targets, num_classes)
    return Duplicates(
        rows=len(group), groups=len(sizes), of_rows=len(inputs), disagreement=value * scale, low=low * scale, high=high * scale
    )  # fmt: skip


def _groups(rows: np.ndarray) -> np.ndarray:
    """A number for each row, [rows], the same for the same bytes."""
    known: dict[bytes, int] = {}
    contiguous = np.ascontiguousarray(rows)
    return np.array([known.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), len(known)) for row in contiguous])


def _of_classes(group: np.ndarray, sizes: np.ndarray, targets: np.ndarray, num_classes: int) -> tuple[float, float, float]:
    # Group by class, of those pairs that occur: a full table would be large.
    pairs, counts = np.unique(group.astype(np.int64) * num_classes + targets, return_counts=True)
    owner, counts = pairs // num_classes, counts.astype(np.float64)
    largest = np.zeros(len(sizes))
    np.maximum.at(largest, owner, counts)
    agreeing = np.bincount(owner, weights=counts * (counts - 1))
    disagree = sizes * (1 - agreeing / (sizes * (sizes - 1)))
    majority = sizes - largest
    d, d_low, d_high = _ratio(disagree, sizes)
    m, m_low, _ = _ratio(majority, sizes)
    _, _, f_high = _ratio(_by_fellows(owner, counts, sizes), sizes)
    low, value = max(_cover_hart(d_low, num_classes), m_low), max(_cover_hart(d, num_classes), m)
    return value, low, max(value, min(d_high, f_high, 1.0))


def _by_fellows(owner: np.ndarray, counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Rows of each group, [groups], that the majority of their fellows gets wrong; a tie is drawn by lot."""
    order = np.lexsort((-counts, owner))
    owner, counts = owner[order], counts[order]
    starts = np.searchsorted(owner, np.arange(len(sizes)))
    first = counts[starts]
    ends = np.append(starts[1:], len(counts))
    second = np.where(ends - starts > 1, counts[np.minimum(starts + 1, len(counts) - 1)], 0)
    ties = np.bincount(owner, weights=counts == first[owner])
    behind = np.bincount(owner, weights=counts == second[owner])
    # A row of a sole leader leaves it one fewer: still ahead, or level with the seconds. One of several leaders falls behind the others.
    of_leader = np.where(first - 1 == second, first * behind / (behind + 1), 0.0)
    return np.where(ties == 1, of_leader + sizes - first, sizes)


def _of_values(group: np.ndarray, sizes: np.ndarray, targets: np.ndarray) -> tuple[float, float, float]:
    spread = np.zeros(len(sizes))
    for column in targets.astype(np.float64).T:
        centred = column - (np.bincount(group, weights=column) / sizes)[group]
        spread += np.bincount(group, weights=np.square(centred)) / targets.shape[1]
    value, low, high = _ratio(spread, sizes - 1)
    return math.sqrt(value), math.sqrt(low), math.sqrt(high)


def _cover_hart(disagreement: float, num_classes: int) -> float:
    share = (num_classes - 1) / num_classes
    return share * (1 - math.sqrt(max(0.0, 1 - disagreement / share)))


def _ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float, float]:
    """sum(above) / sum(below) over groups, with its 95 % interval (Cochran, Sampling Techniques, 6.3); never below 0."""
    value = float(above.sum() / below.sum())
    error = Z_95 * math.sqrt(float(np.square(above - value * below).sum())) / float(below.sum())
    return value, max(0.0, value - error), value + error
