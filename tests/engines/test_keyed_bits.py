"""Keyed bits in NumPy against the compiled ones, and what both must be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.seeding import Seed
from osetra.engines.keyed_bits import bits, dropout_mask, shuffled
from osetra.engines.native import dropout as compiled_dropout
from osetra.engines.native import mathematics as compiled

keys = st.integers(0, 2**64 - 1).map(np.uint64)


@given(key=keys, counter=st.integers(0, 2**64 - 2))
@settings(deadline=None)
def test_bits_are_the_compiled_ones(key: np.uint64, counter: int) -> None:
    assert int(bits(key, np.array([counter], dtype=np.uint64))[0]) == int(compiled.bits(key, np.uint64(counter)))


def test_bits_are_splitmix64() -> None:
    # The first outputs of the published generator from state 1234567 (Vigna's splitmix64.c).
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert bits(np.uint64(1234567), np.arange(5)).tolist() == published


@given(key=keys, rows=st.integers(1, 200))
@settings(deadline=None)
def test_a_shuffle_is_the_compiled_one_and_a_permutation(key: np.uint64, rows: int) -> None:
    order = np.empty(rows, dtype=np.int64)
    compiled.shuffle(key, order)
    ours = shuffled(key, rows)
    assert ours.tolist() == order.tolist()
    assert sorted(ours) == list(range(rows))


def test_every_order_of_four_rows_is_equally_likely() -> None:
    seen = [tuple(shuffled(Seed(study=1, trial=trial).key("shuffle"), 4)) for trial in range(4800)]
    _, counts = np.unique(seen, axis=0, return_counts=True)
    assert len(counts) == 24
    # Chi-squared of 23 degrees of freedom is below 49.7 but for 1 in 1,000.
    assert float(((counts - 200) ** 2 / 200).sum()) < 49.7


@given(key=keys, layer=st.integers(0, 5), first_row=st.integers(0, 10_000), keep_prob=st.floats(0.05, 0.999), rows=st.integers(1, 9))
@settings(deadline=None)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mask_is_the_compiled_one(
    dtype: type[np.floating], key: np.uint64, layer: int, first_row: int, keep_prob: float, rows: int
) -> None:
    units = 7
    mask = np.empty((rows, units), dtype=dtype)
    compiled_dropout.draw_mask(np.uint64(compiled.bits(key, np.uint64(layer))), first_row * units, keep_prob, mask)
    assert dropout_mask(key, layer, first_row, keep_prob, (rows, units)).astype(dtype).tobytes() == mask.tobytes()


@pytest.mark.parametrize("keep_prob", [0.2, 0.5, 0.9])
def test_a_mask_keeps_its_share_and_the_expectation(keep_prob: float) -> None:
    mask = dropout_mask(Seed(study=3).key("dropout"), 1, 0, keep_prob, (1000, 200))
    # Four deviations of the mean of 200,000 draws.
    deviation = np.sqrt(keep_prob * (1 - keep_prob) / mask.size)
    assert abs((mask > 0).mean() - keep_prob) < 4 * deviation
    assert abs(mask.mean() - 1) < 4 * deviation / keep_prob
    assert set(np.unique(mask)) == {0.0, 1 / keep_prob}


def test_masks_of_neighbouring_rows_layers_and_epochs_are_unlike() -> None:
    def mask(*, layer: int = 1, epoch: int = 0, first_row: int = 0) -> np.ndarray:
        return dropout_mask(Seed(study=3, trial=1).key("dropout", epoch), layer, first_row, 0.5, (500, 40)) / 2

    base = mask()
    for other in (mask(layer=2), mask(epoch=1), mask(first_row=500)):
        assert abs((base == other).mean() - 0.5) < 4 * 0.5 / np.sqrt(base.size)
    # A row's draw follows from its place, however the epoch is cut into batches.
    assert np.array_equal(mask(first_row=100)[:300], base[100:400])
