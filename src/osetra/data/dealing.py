"""Dealing rows out to training, dev and test: class by class, group by group, or in a given order.

Every function returns the part of each row, [rows]: 0 training, 1 dev, 2 test. `wanted` is how many rows each part should have.

Knows nothing of: data sets, how many rows a part should have, given parts.
"""

import math

import numpy as np

from osetra.core.errors import DataError

_GROUP_SHUFFLES = 16
"""Of so many ways to deal the groups out, the one nearest the wanted sizes and classes is taken."""


def by_class(labels: np.ndarray, wanted: tuple[int, int, int], generator: np.random.Generator) -> np.ndarray:
    """Each class is shared out in proportion, to within one row a part; labels are class numbers [rows]."""
    counts = np.bincount(labels)
    _, dev, test = wanted
    held_parts = 1 + (test > 0)
    # First what is held back from each class, then what of that is dev: both times to within a row of the class's share.
    share = counts * ((dev + test) / len(labels))
    least = np.where(counts > held_parts, held_parts, 0)
    lower = np.maximum(np.floor(share), least)
    held = _apportion(share, lower, np.clip(np.ceil(share), lower, counts - 1), dev + test)
    of_dev = _dev_of_held(held, counts * (dev / len(labels)), counts * (test / len(labels)), dev) if test else held

    # Each class's rows in random order: the first are dev, the next test, the rest train.
    order = np.lexsort((generator.random(len(labels)), labels))
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.where(rank < of_dev[labels], 1, np.where(rank < held[labels], 2, 0))


def _dev_of_held(held: np.ndarray, dev_share: np.ndarray, test_share: np.ndarray, dev: int) -> np.ndarray:
    least = held >= 2
    lower = np.minimum(np.maximum.reduce([np.floor(dev_share), held - np.ceil(test_share), least]), held - least)
    upper = np.minimum.reduce([np.ceil(dev_share), held - np.floor(test_share), held - least])
    return _apportion(held * (dev_share / (dev_share + test_share)), lower, upper, dev)


def _apportion(shares: np.ndarray, lower: np.ndarray, upper: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers near `shares`, [classes], between `lower` and `upper`, that sum to `total` if they can: largest remainder."""
    lower, upper = lower.astype(np.int64), np.maximum(lower, upper).astype(np.int64)
    given = np.clip(np.floor(shares).astype(np.int64), lower, upper)
    while (lacking := total - int(given.sum())) != 0:
        step = 1 if lacking > 0 else -1
        room = np.flatnonzero(given < upper) if step > 0 else np.flatnonzero(given > lower)
        if len(room) == 0:
            break
        neediest = np.argsort(-step * (shares - given)[room], kind="stable")
        given[room[neediest[: abs(lacking)]]] += step
    return given


def by_group(groups: np.ndarray, labels: np.ndarray | None, wanted: tuple[int, int, int], generator: np.random.Generator) -> np.ndarray:
    """Whole groups, `wanted` met as nearly as they allow; groups and labels are numbers [rows]. DataError for fewer groups than parts."""
    sizes = np.bincount(groups)
    parts_needed = sum(size > 0 for size in wanted)
    if len(sizes) < parts_needed:
        raise DataError(
            f"groups must be at least {parts_needed}, one for each part, got {len(sizes)}; split at random or name another column"
        )
    classes = np.zeros(len(groups), dtype=np.int64) if labels is None else labels
    num_classes = int(classes.max()) + 1
    ideal = np.outer(np.array(wanted) / len(groups), np.bincount(classes))
    best, best_cost = np.zeros(len(groups), dtype=np.int64), math.inf
    for _ in range(_GROUP_SHUFFLES):
        order = generator.permutation(len(sizes))
        parts = _deal_groups(sizes[order], wanted)[np.argsort(order)][groups]
        counts = np.bincount(parts * num_classes + classes, minlength=3 * num_classes).reshape(3, num_classes)
        untrained = int(np.count_nonzero(counts[0] == 0))
        cost = float(np.abs(counts - ideal).sum()) + untrained * len(groups)
        if cost < best_cost:
            best, best_cost = parts, cost
    return best


def _deal_groups(sizes: np.ndarray, wanted: tuple[int, int, int]) -> np.ndarray:
    """The part of each group, dealt out in the order given: dev, then test, then training, each ending nearest its wanted size."""
    _, dev, test = wanted
    ends = np.cumsum(sizes)

    def groups_up_to(rows: int, least: int, most: int) -> int:
        return int(np.clip(np.argmin(np.abs(ends - rows)) + 1, least, most))

    after_dev = groups_up_to(dev, 1, len(sizes) - 1 - (test > 0))
    after_test = groups_up_to(dev + test, after_dev + 1, len(sizes) - 1) if test else after_dev
    place = np.arange(len(sizes))
    return np.where(place < after_dev, 1, np.where(place < after_test, 2, 0))


def by_order(order: np.ndarray, wanted: tuple[int, int, int]) -> np.ndarray:
    """The first rows of `order` train, the next are dev, the last test."""
    parts = np.empty(len(order), dtype=np.int64)
    parts[order] = np.repeat(np.arange(3), wanted)
    return parts
