"""Augmentation: what a moved image looks like, that each draw follows from its key, and that dev rows are left alone.

That every kind of it agrees with SciPy's interpolation is in `test_options`.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from osetra.core.errors import SpaceError
from osetra.engines.native.augment import Augmentation, gather_moved, mix_rows
from osetra.engines.native.engine import NativeEngine
from osetra.engines.native.kernel import entry
from osetra.engines.port import Hyperparameters, ImageShape, mixup_shares

from .members import bits_of, constant_rate, tiny_data, tiny_member

SHAPE = ImageShape(height=4, width=5, channels=2, fill=(-1.0, -2.0))
EVERYTHING = {"flip": True, "crop_padding": 1, "rotation": 20.0, "distortion": 0.5, "noise": 0.2, "mixup": 0.4}


@entry
def moved_images(inputs, order, out, augmentation, key):
    gather_moved(inputs, order, 0, out, augmentation, key)


@entry
def mixed(x, share, spare):
    mix_rows(x, share, spare)


def moved(images: np.ndarray, *, key: int = 3, **options: object) -> np.ndarray:
    """Images [n, h, w, c] after the given moves."""
    n, h, w, c = images.shape
    off = {"noise": 0.0, "flip": False, "padding": 0, "rotation": 0.0, "distortion": 0.0}
    augmentation = Augmentation(**off | options, height=h, width=w, channels=c, fill=np.full(c, -9.0))
    out = np.empty((n, h * w * c))
    moved_images(np.ascontiguousarray(images.reshape(n, -1)), np.arange(n), out, augmentation, np.uint64(key))
    return out.reshape(images.shape)


def drawn_images(n: int = 400, h: int = 6, w: int = 7, c: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, h, w, c))


def test_a_flipped_image_is_its_mirror_image_and_half_of_them_are() -> None:
    images = drawn_images()
    got = moved(images, flip=True)
    mirrored = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(got, images, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(got, images, strict=True)])
    assert (mirrored ^ same).all()
    assert stats.binomtest(int(mirrored.sum()), len(images)).pvalue > 0.01


def test_a_crop_is_a_window_of_the_padded_image_and_every_window_comes_up() -> None:
    images = drawn_images()
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=-9.0)
    seen = []
    for image, around in zip(moved(images, padding=2), padded, strict=True):
        places = [(y, x) for y in range(5) for x in range(5) if np.array_equal(image, around[y : y + 6, x : x + 7])]
        assert len(places) == 1
        seen += places
    counts = np.unique(np.array(seen) @ [5, 1], return_counts=True)[1]
    assert len(counts) == 25
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_quarter_turn_moves_corners_to_corners() -> None:
    image = np.arange(25.0).reshape(1, 5, 5, 1)
    quarter = np.pi / 2
    # The angle is uniform in +-rotation: over many draws the image lies between, and the middle stays where it is.
    many = moved(np.repeat(image, 2000, axis=0), rotation=quarter)
    np.testing.assert_allclose(many[:, 2, 2, 0], image[0, 2, 2, 0], atol=1e-12)
    nearest = [np.abs(many - np.rot90(image, k, axes=(1, 2))).max(axis=(1, 2, 3)).min() for k in (-1, 0, 1)]
    assert max(nearest) < 0.2


def test_distortion_moves_pixels_by_about_its_deviation() -> None:
    # On an image whose value is its column, the change of a value is the displacement to the right.
    ramp = np.broadcast_to(np.arange(40.0)[None, :, None], (40, 40, 1))
    got = moved(np.repeat(ramp[None], 300, axis=0), distortion=1.5)
    corner_like = (got - ramp)[:, 20, 20, 0]
    # (20, 20) of 40 lies half a pixel beside the middle point of the lattice, whose displacement is N(0, 1.5^2).
    assert stats.kstest(corner_like / 1.5, "norm").pvalue > 0.01


def test_mixup_goes_round_the_batch() -> None:
    x = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    mixed(x, 0.75, np.empty(2))
    np.testing.assert_allclose(x, [[1.25, 12.5], [2.5, 25.0], [3.25, 32.5]])


def test_mixup_s_own_share_is_the_larger_of_a_beta_pair() -> None:
    member = tiny_member(tiny_data(), Hyperparameters(mixup=0.4))
    shares = mixup_shares(member, 20_000)
    assert shares.min() >= 0.5
    folded = lambda x: stats.beta(0.4, 0.4).cdf(x) - stats.beta(0.4, 0.4).cdf(1 - x)  # noqa: E731
    assert stats.kstest(shares, folded).pvalue > 0.01


def image_data(dtype=np.float32):
    return replace(tiny_data(dtype=dtype, rows=33, num_inputs=SHAPE.size), image=SHAPE)


def test_augmentation_never_touches_dev_rows_nor_changes_the_data() -> None:
    data = image_data()
    before = [np.array(part) for part in (data.train_inputs, data.dev_inputs)]
    # At a rate of 0 the weights stay, so the dev part must score the same whatever is done to training rows.
    scores = []
    for options in ({}, EVERYTHING):
        member = tiny_member(data, Hyperparameters(batch_size=8, **options), learning_rates=constant_rate(0.0))
        [[record]] = NativeEngine().advance([member], data)
        scores.append((record.dev_loss, record.dev_error, record.train_cost))
    assert scores[0][:2] == scores[1][:2]
    assert scores[0][2] != scores[1][2]
    assert all(np.array_equal(a, b) for a, b in zip(before, (data.train_inputs, data.dev_inputs), strict=True))


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_augmentation_follows_from_the_seed_and_differs_by_epoch(name: str) -> None:
    data = image_data()
    h = Hyperparameters(batch_size=33, **{name: EVERYTHING[name]})

    def costs(trial: int) -> list[float]:
        member = tiny_member(data, h, trial=trial, learning_rates=constant_rate(0.0))
        member.state.parameters[:] = tiny_member(data, h).state.parameters
        [records] = NativeEngine().advance([member], data, epochs=2)
        return [record.train_cost for record in records]

    assert costs(1) == costs(1)
    assert costs(1)[0] != costs(1)[1]
    assert costs(1) != costs(2)


def test_two_epochs_with_everything_are_twice_one_epoch() -> None:
    data = image_data()
    at_once, in_two = (tiny_member(data, Hyperparameters(batch_size=8, **EVERYTHING), batch_norm=True) for _ in range(2))
    [records] = NativeEngine().advance([at_once], data, epochs=2)
    parts = [NativeEngine().advance([in_two], data)[0][0] for _ in range(2)]
    assert bits_of(in_two, parts) == bits_of(at_once, records)


def test_moving_the_rows_of_a_table_is_refused() -> None:
    data = tiny_data()
    member = tiny_member(data, Hyperparameters(rotation=10.0))
    with pytest.raises(SpaceError, match=r"rotation must be off for tables, got 10.0; noise and mixup"):
        NativeEngine().advance([member], data)
