"""Images in a study: prepared for the engine, their target found, options about columns refused."""

import numpy as np
import pandas as pd
import pytest

from osetra.core.errors import DataError
from osetra.data.images import Images
from osetra.study.environment import fingerprint
from osetra.study.table import PreparedTable


def noise(count=60, height=5, width=4, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def test_a_study_prepares_images_for_an_engine_that_may_move_them():
    pixels = noise(100, 5, 4, 3)
    prepared = PreparedTable.of(pixels, None, y=np.arange(100) % 2, seed=1)
    image = prepared.training.image
    assert image is not None
    assert (image.height, image.width, image.channels) == (5, 4, 3)
    assert image.fill == prepared.preparation.fill
    expected = prepared.preparation.inputs(Images(pixels=pixels[prepared.split.train]))
    np.testing.assert_array_equal(prepared.training.train_inputs, expected)


def test_several_targets_of_images_need_no_names():
    y = np.random.default_rng(0).normal(size=(40, 2))
    prepared = PreparedTable.of(noise(40), None, y=y)
    assert prepared.dataset.target_names == ("target0", "target1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ("x0",)}, "images have no columns to drop, got 'x0'; leave drop out"),
        ({"groups": "who"}, "images have no columns to group, order or weigh them by, got 'who'; leave it out"),
        ({"time_column": "when"}, "images have no columns to group, order or weigh them by, got 'when'"),
        ({"target": "label"}, "the target must be a column of the table, got 'label'; the columns are 'target'"),
    ],
)
def test_options_that_speak_of_columns_are_refused_for_images(options, message):
    with pytest.raises(DataError, match=message):
        PreparedTable.of(noise(), options.pop("target", None), y=np.arange(60) % 2, **options)


def test_images_without_any_target_say_how_to_give_one():
    with pytest.raises(DataError, match=r"images to train on need a target each, got none in an array; .* or give y"):
        PreparedTable.of(noise(), None)


def test_a_fingerprint_sees_every_pixel():
    target = pd.DataFrame({"y": np.arange(60) % 2})
    pixels = noise()
    first = fingerprint(Images(pixels=pixels), target)
    assert (first["rows"], first["images"], first["columns"]) == (60, [5, 4, 1], {"y": "int64"})
    assert fingerprint(Images(pixels=pixels.copy()), target) == first
    pixels[59, 4, 3] ^= 1
    assert fingerprint(Images(pixels=pixels), target)["sha256"] != first["sha256"]
