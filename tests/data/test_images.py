"""Arrays of images: what is taken, how they are reduced, and how pixels become inputs."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.data.images import Images, images_from_array, reduced_size, resized
from osetra.data.prepare import Preparation
from osetra.data.sources import read_table, table_from_arrays
from osetra.data.split import split
from osetra.data.tables import Dataset, dataset


def noise(count=60, height=5, width=4, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def made(pixels, target=None, task=Task.BINARY):
    target = np.arange(len(pixels)) % 2 if target is None else target
    return Dataset(features=Images(pixels=pixels), target=pd.DataFrame({"y": target}), task=task, target_names=("y",), source="made")


def fitted(pixels):
    return Preparation.fit(made(pixels), np.arange(len(pixels)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int16, bool])
def test_whole_numbers_in_range_are_pixels_of_their_value(dtype):
    values = noise(3)[..., 0].astype(dtype)
    images, notes = images_from_array(values)
    assert images.pixels.dtype == np.uint8
    np.testing.assert_array_equal(images.pixels[..., 0], values)
    assert notes == []


def test_an_array_of_uint8_is_not_copied():
    pixels = noise()
    assert np.shares_memory(images_from_array(pixels)[0].pixels, pixels)
    assert np.shares_memory(images_from_array(pixels[..., 0])[0].pixels, pixels)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5, 4)), r"whole numbers from 0 to 255, got float64; give for brightness from 0 to 1 \(X \* 255\)"),
        (np.full((3, 5, 4), -1), "whole numbers from 0 to 255, got -1 to -1; scale them"),
        (np.full((3, 5, 4), 256), "got 256 to 256"),
        (np.full((3, 5, 4), "a"), "whole numbers from 0 to 255, got <U1"),
        (noise(3)[0, 0], r"must be \[images, height, width\] or .*, got shape \[4, 1\]"),
        (noise(0), r"got shape \[0, 5, 4, 1\]"),
        (np.zeros((3, 3, 32, 32), np.uint8), r"channels of X must come last, got shape \[3, 3, 32, 32\].*numpy\.moveaxis\(X, 1, -1\)"),
    ],
)
def test_what_is_no_array_of_images_says_why(array, message):
    with pytest.raises(DataError, match=message):
        images_from_array(array)


def test_images_are_taken_by_row_with_their_files():
    images = Images(pixels=noise(4), files=("a", "b", "c", "d"), of_any_size=True)
    some = images.take(np.array([2, 0]))
    np.testing.assert_array_equal(some.pixels, images.pixels[[2, 0]])
    assert (some.files, some.of_any_size, some.shape, len(some)) == (("c", "a"), True, (5, 4, 1), 2)
    assert images.take([]).pixels.shape == (0, 5, 4, 1)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((28, 28), (28, 28)),
        ((64, 10), (64, 10)),
        ((65, 65), (64, 64)),
        ((3000, 4000), (48, 64)),
        ((1000, 3), (64, 1)),
        ((100, 150), (43, 64)),
    ],
)
def test_the_longer_side_is_at_most_64(size, expected):
    assert reduced_size(*size) == expected


def test_halving_takes_the_mean_of_four():
    pixels = noise(5, 12, 8, 3)
    means = pixels.reshape(5, 6, 2, 4, 2, 3).mean(axis=(2, 4))
    np.testing.assert_array_equal(resized(pixels, 6, 4), np.floor(means + 0.5))


@given(arrays(np.uint8, (1, 7, 5, 2)), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_area_averaging_is_the_mean_of_many_equal_parts(pixels, height, width):
    # Each pixel in height x width equal parts, so that every new pixel covers whole parts.
    parts = pixels[0].astype(int).repeat(height, axis=0).repeat(width, axis=1)
    sums = parts.reshape(height, 7, width, 5, 2).sum(axis=(1, 3))
    np.testing.assert_array_equal(resized(pixels, height, width)[0], (2 * sums + 35) // 70)


def test_an_image_of_one_colour_keeps_it_and_a_size_that_fits_changes_nothing():
    plain = np.full((2, 90, 50, 3), (7, 200, 255), np.uint8)
    assert (resized(plain, 64, 36) == (7, 200, 255)).all()
    pixels = noise()
    np.testing.assert_array_equal(resized(pixels, 5, 4), pixels)


def test_large_arrays_are_reduced_with_a_note():
    images, notes = images_from_array(noise(3, 128, 96, 3))
    assert images.shape == (64, 48, 3)
    assert notes == [
        "images of 128 x 96 pixels were reduced to 64 x 48 pixels in colour by area averaging, as every pixel is an input of the network"
    ]


def test_an_array_of_images_is_a_table_of_images():
    pixels = noise(20, 5, 4, 3)
    table = table_from_arrays(pixels, np.arange(20) % 2)
    assert table.images is not None
    assert list(table.frame.columns) == ["target"]
    data = dataset(table, target="target")
    assert data.notes == ("20 images of 5 x 4 pixels in colour, 2 classes", "target has 2 distinct values: binary classification")
    assert data.feature_names == ()
    assert read_table(pixels[..., 0]).frame.shape == (20, 0)
    with pytest.raises(DataError, match=r"for each of the 20 rows of X, got shape \(3,\)"):
        table_from_arrays(pixels, np.arange(3))


def test_images_without_a_target_are_dropped_with_it():
    y = np.linspace(0, 1, 30)
    y[[3, 7]] = np.nan
    data = dataset(table_from_arrays(noise(30), y), target="target", task="regression")
    assert isinstance(data.features, Images)
    np.testing.assert_array_equal(data.features.pixels, np.delete(noise(30), [3, 7], axis=0))
    assert data.notes[:2] == ("28 images of 5 x 4 pixels", "2 rows without a target were dropped")
    again = data.table(np.array([5, 0]))
    assert again.images is not None
    np.testing.assert_array_equal(again.images.pixels, data.features.pixels[[5, 0]])
    assert again.frame["target"].tolist() == data.target["target"].iloc[[5, 0]].tolist()


def test_each_channel_is_standardised_by_its_moments_over_all_pixels():
    pixels = noise(200, 6, 5, 3)
    pixels[..., 1] //= 4
    preparation = fitted(pixels)
    inputs = preparation.inputs(Images(pixels=pixels))
    expected = (pixels - pixels.mean(axis=(0, 1, 2))) / pixels.std(axis=(0, 1, 2))
    assert inputs.dtype == np.float32
    assert inputs.flags.c_contiguous
    np.testing.assert_allclose(inputs, expected.reshape(200, -1), rtol=1e-6, atol=1e-6)
    assert preparation.num_inputs == len(preparation.input_names) == 90
    assert preparation.input_names[17] == "pixel 1,0 channel 2"
    assert preparation.image_shape == (6, 5, 3)
    assert (preparation.columns, preparation.notes) == ((), ())


def test_many_images_prepare_as_a_few_do():
    # More than one slab of counts and of inputs, and of three channels.
    pixels = noise(3000, 8, 8, 3)
    preparation = fitted(pixels)
    np.testing.assert_allclose(preparation.features.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(preparation.features.scale, pixels.std(axis=(0, 1, 2)), rtol=1e-12)
    together = preparation.inputs(Images(pixels=pixels))
    for row in (0, 1365, 1366, 2999):
        np.testing.assert_array_equal(preparation.inputs(Images(pixels=pixels[row : row + 1]))[0], together[row])


def test_moving_pixels_and_preparing_commute_and_fill_is_black():
    pixels = noise(10, 5, 4, 2)
    preparation = fitted(pixels)
    moved = np.zeros_like(pixels)
    moved[:, 1:, 1:] = pixels[:, :-1, :-1]
    first = preparation.inputs(Images(pixels=moved)).reshape(moved.shape)
    then = np.empty_like(first)
    then[:] = np.array(preparation.fill, np.float32)
    then[:, 1:, 1:] = preparation.inputs(Images(pixels=pixels)).reshape(pixels.shape)[:, :-1, :-1]
    np.testing.assert_array_equal(first, then)


def test_a_constant_channel_is_left_at_zero_with_a_note():
    pixels = noise(20, 5, 4, 2)
    pixels[..., 1] = 9
    preparation = fitted(pixels)
    assert preparation.notes == ("channel 1 has a single value in the training part and is left at 0",)
    new = noise(3, 5, 4, 2, seed=5)
    assert (preparation.inputs(Images(pixels=new)).reshape(new.shape)[..., 1] == 0).all()
    assert preparation.fill[1] == 0
    with pytest.raises(DataError, match="images of made must vary, got training images of one colour throughout"):
        fitted(np.full((20, 5, 4, 1), 9, np.uint8))


def test_an_odd_pixel_is_clipped():
    pixels = np.full((50, 5, 4, 1), 100, np.uint8)
    pixels[0, 0, 0] = 101
    assert fitted(pixels).inputs(Images(pixels=np.full((1, 5, 4, 1), 255, np.uint8))).tolist() == [[20.0] * 20]


@given(st.integers(0, 2**32), st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_dev_and_test_images_never_change_a_fitted_value(seed, value):
    data = made(noise(seed=seed % 5))
    parts = split(data, seed=Seed(study=seed))
    before = Preparation.fit(data, parts.train)
    changed = data.features.pixels.copy()
    changed[np.concatenate([parts.dev, parts.test])] = value
    after = Preparation.fit(made(changed), parts.train)
    assert after.to_dict() == before.to_dict()
    changed[parts.train[0]] = 255 - changed[parts.train[0]]
    assert Preparation.fit(made(changed), parts.train).to_dict() != before.to_dict()


def test_json_carries_a_preparation_of_images_to_the_same_bits():
    preparation = fitted(noise(30, 5, 4, 3))
    back = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict(), allow_nan=False)))
    assert back.to_dict() == preparation.to_dict()
    images = Images(pixels=noise(7, 5, 4, 3, seed=8))
    assert back.inputs(images).tobytes() == preparation.inputs(images).tobytes()
    assert back.fill == preparation.fill


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image: image.pop("mean"),
        lambda image: image.update(shape=[5, 4]),
        lambda image: image.update(shape=[5, 4, 2]),
        lambda image: image.update(shape=[5, 10**9, 1]),
        lambda image: image.update(scale=[-1.0]),
        lambda image: image.update(mean=["black"]),
    ],
)
def test_what_is_no_preparation_of_images_is_a_data_error(spoil):
    record = json.loads(json.dumps(fitted(noise()).to_dict()))
    spoil(record["image"])
    with pytest.raises(DataError, match=r"must be what Preparation\.to_dict wrote"):
        Preparation.from_dict(record)


def test_features_of_another_kind_or_size_say_what_is_wanted():
    preparation = fitted(noise())
    with pytest.raises(DataError, match="images must be of 5 x 4 pixels, as the training images were, got 4 x 5 pixels"):
        preparation.inputs(Images(pixels=noise(3, 4, 5)))
    with pytest.raises(DataError, match="must be images, as the training data was, got a DataFrame"):
        preparation.inputs(pd.DataFrame({"x": [1]}))
    table = Dataset(
        features=pd.DataFrame({"x": [1, 2, 3]}), target=pd.DataFrame({"y": [0, 1, 0]}), task=Task.BINARY, target_names=("y",), source="made"
    )
    with pytest.raises(DataError, match="must be a table with the columns of the training data, got images"):
        Preparation.fit(table, np.arange(3)).inputs(Images(pixels=noise(3)))
