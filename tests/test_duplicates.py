"""Rows with the same inputs: their disagreement against brute force and against noise that was planted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.diagnosis.duplicates import duplicates


def repeated(groups, times, seed=0):
    """Inputs [groups * times, 3], each row `times` times."""
    return np.repeat(np.random.default_rng(seed).normal(size=(groups, 3)).astype(np.float32), times, axis=0)


@pytest.mark.parametrize("times", [2, 3, 12])
@pytest.mark.parametrize("num_classes", [2, 5])
def test_flipped_labels_are_seen_for_what_they_are(num_classes, times):
    drawn, held = np.random.default_rng(0), 0
    for seed in range(20):
        inputs = repeated(400, times, seed)
        truth = np.repeat(drawn.integers(0, num_classes, 400), times)
        wrong = drawn.random(len(truth)) < 0.2
        y = np.where(wrong, (truth + drawn.integers(1, num_classes, len(truth))) % num_classes, truth)
        found = duplicates(inputs, y, num_classes=num_classes)
        assert found.disagreement == pytest.approx(0.2, abs=0.05)
        held += found.low <= 0.2 <= found.high
    assert held >= 17


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=30))
def test_the_bounds_are_those_of_counting_pairs_and_fellows(rows):
    group, y = np.array(rows).T
    found = duplicates(group[:, None].astype(np.float32), y, num_classes=4)
    inside = [i for i in range(len(y)) if (group == group[i]).sum() > 1]
    if not inside:
        assert found is None
        return
    pairs, majority, fellows = [], [], []
    for i in inside:
        others = [y[j] for j in range(len(y)) if group[j] == group[i] and j != i]
        pairs.append(np.mean([other != y[i] for other in others]))
        counts = np.bincount(others, minlength=4)
        fellows.append(1 - np.mean(np.flatnonzero(counts == counts.max()) == y[i]))
        whole = np.bincount(y[group == group[i]])
        majority.append(1 - whole.max() / whole.sum())
    d = np.mean(pairs)
    lower = max(0.75 * (1 - np.sqrt(max(0, 1 - d / 0.75))), np.mean(majority))
    assert (found.rows, found.of_rows) == (len(inside), len(y))
    assert found.disagreement == pytest.approx(lower)
    assert found.low <= found.disagreement <= found.high
    if np.ptp(pairs) == 0 and np.ptp(fellows) == 0:
        assert found.high == pytest.approx(max(lower, min(d, np.mean(fellows))))


def test_coins_among_certain_rows_lie_within_the_bounds():
    # Half of the pairs are tosses of a coin, so that a quarter of the rows cannot be told; all rows do not err alike.
    inputs, drawn = repeated(2_000, 2), np.random.default_rng(0)
    y = np.where(np.arange(4_000) < 2_000, drawn.integers(0, 2, 4_000), 0)
    found = duplicates(inputs, y, num_classes=2)
    assert found.disagreement < 0.25 <= found.high


def test_the_noise_of_values_is_the_deviation_within_groups():
    drawn, held = np.random.default_rng(1), 0
    for seed in range(40):
        inputs = repeated(150, 3, seed)
        y = np.repeat(drawn.normal(size=(150, 2)), 3, axis=0) + 0.3 * drawn.normal(size=(450, 2))
        found = duplicates(inputs, y.astype(np.float32), num_classes=None, scale=10.0)
        held += found.low <= 3.0 <= found.high
        assert found.disagreement == pytest.approx(3.0, rel=0.2)
    assert held >= 34


def test_rows_that_are_all_different_tell_nothing_and_copies_agree():
    inputs = repeated(50, 1)
    assert duplicates(inputs, np.zeros(50, dtype=np.int64), num_classes=2) is None
    y = np.arange(50) % 2
    copies = duplicates(np.concatenate([inputs, inputs]), np.concatenate([y, y]), num_classes=2)
    assert (copies.rows, copies.groups, copies.disagreement, copies.low) == (100, 50, 0.0, 0.0)
