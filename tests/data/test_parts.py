"""Given parts: joined by name, refused where columns differ, and told where they repeat rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import DataError
from osetra.data.parts import join_parts, read_part, repeats
from osetra.data.sources import Table, read_table, table_from_arrays
from osetra.data.split import Split
from osetra.data.values import kind_of


def table(source="train", **columns):
    return Table(frame=pd.DataFrame(columns), source=source)


TRAIN = table(age=[1, 2, 3], y=["a", "b", "a"])


def test_rows_are_joined_by_the_names_of_columns_and_marked():
    dev = table("dev", y=["b"], age=[4])
    test = table("test", age=[5, 6], y=["a", "b"])
    joined = join_parts(TRAIN, dev=dev, test=test)
    assert joined.frame.to_dict("list") == {"age": [1, 2, 3, 4, 5, 6], "y": ["a", "b", "a", "b", "a", "b"]}
    assert joined.given.tolist() == [0, 0, 0, 1, 2, 2]
    assert joined.given.dtype == np.int8
    assert joined.source == "train"
    assert joined.frame.index.tolist() == list(range(6))


def test_without_parts_the_table_stays_as_it_is():
    assert join_parts(TRAIN) is TRAIN


def test_columns_that_differ_are_named_both_ways():
    with pytest.raises(DataError, match=r"the dev part, d\.csv, .* of the training table, train, got none called 'y' and 'z' besides"):
        join_parts(TRAIN, dev=table("d.csv", age=[1], z=[2]))
    with pytest.raises(DataError, match=r"the test part, a frame, .* got none called 'age'; rename"):
        join_parts(TRAIN, test=table("a frame", y=["a"]))


def test_columns_that_are_dropped_anyway_may_differ():
    joined = join_parts(TRAIN, dev=table("d", y=["b"], id=[7]), ignore=["age", "id"])
    assert list(joined.frame.columns) == ["age", "y"]
    assert joined.frame["y"].tolist() == ["a", "b", "a", "b"]


def test_a_part_comes_once():
    came = Table(frame=TRAIN.frame, source="m.npz", given=np.array([0, 0, 2], dtype=np.int8))
    with pytest.raises(DataError, match=r"one test part, got another one in m\.npz"):
        join_parts(came, test=TRAIN)
    assert join_parts(came, dev=TRAIN).given.tolist() == [0, 0, 2, 1, 1, 1]


values = st.sampled_from(
    [
        pd.Series([1, 2]),
        pd.Series([1.5, np.nan]),
        pd.Series([np.nan, np.nan]),
        pd.Series([None, None], dtype=object),
        pd.Series(["x", "y"]),
        pd.Series(["x", None], dtype="category"),
        pd.Series([3, 4], dtype="category"),
        pd.Series([True, False]),
        pd.Series(pd.to_datetime(["2024-01-01", None])),
        pd.Series([1, None], dtype="Int64"),
    ]
)


@given(values, values)
def test_every_value_survives_the_joining_whatever_the_types(first, second):
    joined = join_parts(table(v=first), dev=table(v=second)).frame["v"]
    for mine, theirs in zip(joined, [*first, *second], strict=True):
        assert (pd.isna(mine) and pd.isna(theirs)) or mine == theirs
    if second.isna().all():
        assert kind_of(joined) == kind_of(first)


def test_categories_stay_categories_even_if_the_parts_have_different_ones():
    zips = [pd.Series(levels, dtype="category") for levels in ([1010, 2020], [3030])]
    joined = join_parts(table(zip=zips[0]), dev=table(zip=zips[1])).frame["zip"]
    assert joined.tolist() == [1010, 2020, 3030]
    assert kind_of(joined) == "text", "as in each part by itself"


def test_a_pair_of_arrays_is_a_part_and_its_target_takes_the_name():
    arrays = table_from_arrays(np.eye(3), [0, 1, 0])
    part = read_part((np.ones((2, 3)), [1, 0]), training=arrays, targets=["target"])
    assert list(join_parts(arrays, dev=part).frame.columns) == ["x0", "x1", "x2", "target"]
    named = read_part((TRAIN.frame[["age"]], TRAIN.frame["y"]), training=TRAIN, targets=["y"])
    assert join_parts(TRAIN, test=named).frame["y"].tolist() == ["a", "b", "a"] * 2
    two = read_part((np.ones((2, 1)), np.ones((2, 2))), training=TRAIN, targets=["p", "q"])
    assert list(two.frame.columns) == ["x0", "p", "q"]


@pytest.mark.parametrize("pair", [(np.ones((2, 1)),), (np.ones((2, 1)), None), (np.ones((2, 1)), [1, 2], [3, 4])])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(DataError, match=r"must be a pair \(X, y\)"):
        read_part(pair, training=TRAIN, targets=["y"])


def test_images_are_joined_and_must_be_of_one_size():
    def images(count, side=8):
        return table_from_arrays(np.full((count, side, side), count, dtype=np.uint8), np.arange(count) % 2)

    joined = join_parts(images(3), test=images(2))
    assert joined.images.pixels[:, 0, 0, 0].tolist() == [3, 3, 3, 2, 2]
    assert joined.given.tolist() == [0, 0, 0, 2, 2]
    with pytest.raises(DataError, match=r"the dev part, .* got 9 x 9 pixels instead of 8 x 8 pixels"):
        join_parts(images(3), dev=images(2, side=9))
    with pytest.raises(DataError, match="got a table instead of"):
        join_parts(images(3), dev=table(target=[1, 2]))


def test_a_folder_of_images_is_brought_to_the_size_of_the_training_images(tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="folders of images are read with Pillow").new
    for name, side in (("train", 8), ("dev", 16)):
        for label in ("cat", "dog"):
            (tmp_path / name / label).mkdir(parents=True)
            for number in range(2):
                Image("L", (side, side), 10 * number).save(tmp_path / name / label / f"{number}.png")
    training = read_table(tmp_path / "train")
    joined = join_parts(training, dev=read_part(tmp_path / "dev", training=training, targets=["class"]))
    assert joined.images.pixels.shape == (8, 8, 8, 1)
    assert joined.frame["class"].tolist() == ["cat", "cat", "dog", "dog"] * 2
    assert len(joined.images.files) == 8


def test_a_file_of_its_own_is_a_part(tmp_path):
    TRAIN.frame.to_csv(tmp_path / "dev.csv", index=False)
    part = read_part(tmp_path / "dev.csv", training=TRAIN, targets=["y"])
    assert part.source == str(tmp_path / "dev.csv")
    assert len(join_parts(read_table(TRAIN.frame), dev=part).frame) == 6


def parts(train, dev, test, ways=("given", "given")):
    return Split(train=np.array(train), dev=np.array(dev), test=np.array(test, dtype=np.int64), rule="", ways=ways)


def test_rows_that_two_parts_share_are_counted_with_their_target():
    features = pd.DataFrame({"x": [1.0, 2, 3, 1, 2, 1, 9]})
    target = pd.DataFrame({"y": ["a", "a", "b", "a", "b", "a", "a"]})
    split = parts([0, 1, 2], [3, 4], [5, 6])
    # Row 3 is row 0; row 4 has another target than row 1; row 5 is rows 0 and 3.
    assert repeats(features, target, split) == [
        "1 of 2 dev rows are in the training part too, target and all: the dev error flatters the model",
        "1 of 2 test rows are in the training part too, target and all: the test error flatters the model",
        "1 of 2 test rows are in the dev part too, target and all: the test error flatters the model",
    ]
    assert repeats(features, target, parts([0], [3], [6]))[0].startswith("all 1 dev rows")
    assert repeats(features, target, parts([0, 1, 2], [3, 4], [5, 6], ways=("random", "random"))) == [], "drawn from one table"
    assert len(repeats(features, target, parts([0, 1, 2], [3, 4], [5, 6], ways=("random", "given")))) == 2
    assert repeats(features, target, parts([1], [2], [6])) == []


def test_images_that_two_parts_share_are_counted():
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 8)).astype(np.uint8)
    pixels[4] = pixels[0]
    images = table_from_arrays(pixels, [0, 1, 0, 1, 0, 1])
    (note,) = repeats(images.images, images.frame, parts([0, 1, 2], [3, 4, 5], []))
    assert note.startswith("1 of 3 dev rows")
