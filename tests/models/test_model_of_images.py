"""A model of images answers for arrays, archives and folders alike, survives being saved, and says what does not fit."""

import contextlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import DataError, InputError, ModelError
from osetra.core.records import Task
from osetra.data.images import Images
from osetra.data.sources import read_table
from osetra.models.files import RECORD, WEIGHTS, load, save
from osetra.models.model import predictions_frame

from .made import ROWS, classifier, model, pixels
from .test_files import ANYTHING, places

KINDS = np.array(["cat", "dog", "hen"])


def of_images(made=None, names=KINDS, target="class", **others):
    made = pixels() if made is None else made
    images = made if isinstance(made, Images) else Images(pixels=made)
    return model(images, pd.DataFrame({target: names[np.arange(len(images)) % len(names)]}), Task.MULTICLASS, **others)


@pytest.fixture(scope="module")
def grey():
    return of_images()


def write_folder(root, images, names=None):
    """Images as PNG, numbered; each in the folder of its name, if there are names."""
    image_module = pytest.importorskip("PIL.Image", reason="folders of images need Pillow, an extra")
    for k, image in enumerate(images):
        place = root if names is None else root / names[k]
        place.mkdir(parents=True, exist_ok=True)
        image_module.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(place / f"{k:03}.png")
    return root


def test_arrays_an_archive_and_a_folder_give_the_same_answers(grey, tmp_path):
    new = pixels(20, seed=4)
    expected = grey.predict_proba(new)
    np.testing.assert_array_equal(expected, grey.folded.outputs(grey.preparation.inputs(Images(pixels=new))))
    assert set(grey.predict(new)) <= set(KINDS)
    np.savez(tmp_path / "new.npz", X=new)
    folder = write_folder(tmp_path / "new", new)
    for data in (new[..., 0], new.astype(np.int64), tmp_path / "new.npz", str(folder), folder, read_table(new)):
        np.testing.assert_array_equal(grey.predict_proba(data), expected)
    np.testing.assert_array_equal(grey.predict_proba(new[3:4]), expected[3:4])


def test_a_saved_model_of_images_predicts_the_same_bits(tmp_path):
    made = of_images(pixels(channels=3), facts={"study": "pets"})
    save(made, tmp_path / "model")
    found = load(tmp_path / "model")
    new = pixels(30, channels=3, seed=4)
    assert found.outputs(new).tobytes() == made.outputs(new).tobytes()
    assert found.preparation.to_dict() == made.preparation.to_dict()
    assert (found.feature_names, found.facts) == ((), {"study": "pets"})


def test_only_models_of_images_need_a_newer_osetra(grey, tmp_path):
    save(grey, tmp_path / "images")
    save(classifier(), tmp_path / "table")
    versions = [json.loads((tmp_path / name / RECORD).read_text())["format_version"] for name in ("images", "table")]
    assert versions == [2, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [6, 4, 1]}, "must have 24 inputs and"),
        ({"shape": [6, 10**9, 1]}, "a preparation must be what"),
        ({"shape": "6x5"}, "a preparation must be what"),
        ({"mean": [1e308], "scale": [1e-308]}, None),
        ({"scale": [None]}, "a preparation must be what"),
        ({"mean": []}, "a preparation must be what"),
    ],
)
def test_a_record_of_images_that_is_not_as_written_is_named(grey, tmp_path, change, message):
    save(grey, tmp_path / "model")
    path = tmp_path / "model" / RECORD
    record = json.loads(path.read_text())
    record["preparation"]["image"].update(change)
    path.write_text(json.dumps(record))
    if message is None:
        assert np.isfinite(load(path.parent).outputs(pixels(3))).all()
    else:
        with pytest.raises(ModelError, match=message):
            load(path.parent)


@pytest.fixture(scope="module")
def kept(grey, tmp_path_factory):
    """A folder with a saved model; not to be changed."""
    place = tmp_path_factory.mktemp("kept") / "model"
    save(grey, place)
    return place


@settings(max_examples=40)
@given(data=st.data(), value=ANYTHING | st.lists(ANYTHING, max_size=3) | st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2))
def test_whatever_stands_in_the_record_of_images_it_loads_or_says_why_not(kept, tmp_path_factory, data, value):
    record = json.loads((kept / RECORD).read_text())
    *above, last = data.draw(st.sampled_from([path for path in places(record["preparation"]) if path]))
    inner = record["preparation"]
    for key in above:
        inner = inner[key]
    inner[last] = value
    folder = tmp_path_factory.mktemp("changed")
    shutil.copy(kept / WEIGHTS, folder / WEIGHTS)
    (folder / RECORD).write_text(json.dumps(record))
    with contextlib.suppress(InputError):  # anything else fails the test
        load(folder).predict(pixels(3))


def test_scoring_takes_targets_beside_an_array_in_an_archive_or_as_folders(grey, tmp_path):
    new = pixels(60, seed=7)
    names = KINDS[np.arange(60) * 7 % 3]
    right = float((grey.predict(new) == names).mean())
    np.savez(tmp_path / "new.npz", X=new, y=names)
    folder = write_folder(tmp_path / "new", new, names)
    assert grey.score(new, names) == grey.score(tmp_path / "new.npz") == grey.score(folder) == pytest.approx(right)
    rows, dropped = grey.row_errors(new, pd.Series(names).where(np.arange(60) != 5))
    assert (len(rows), dropped) == (59, 1)
    assert grey.errors(new, names) == {"error_name": "error rate", "error": pytest.approx(1 - right), "rows": 60, "dropped": 0}


def test_values_of_images_are_predicted_in_their_units():
    y = np.random.default_rng(3).normal(50, 7, ROWS)
    made = model(Images(pixels=pixels()), pd.DataFrame({"age": y}), Task.REGRESSION)
    found = made.predict(pixels())
    np.testing.assert_allclose(found, made.outputs(pixels())[:, 0] * y.std() + y.mean(), rtol=1e-6)
    expected = 1 - ((y - found) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert made.score(pixels(), y) == pytest.approx(expected)


def test_a_table_model_scores_arrays_with_their_targets_too():
    made = classifier()
    X = np.array([[30, 50.0, "cook", "2019-01-01"], [40, 60.0, "pilot", "2018-01-01"]], dtype=object)
    right = (made.predict(X) == ["low", "low"]).mean()
    assert made.score(X, ["low", "low"]) == right
    with pytest.raises(ModelError, match="y must hold the targets 'grade', got 2 columns; give one for each"):
        made.score(X, np.array([["low", "low"], ["low", "low"]]))


def test_predictions_of_a_folder_name_its_files(grey, tmp_path):
    new = pixels(3, seed=4)
    folder = write_folder(tmp_path / "new", new, ["a", "b", "a"])
    table = predictions_frame(grey, folder)
    assert list(table.columns) == ["file", "predicted class", *(f"probability of {kind}" for kind in KINDS)]
    assert table["file"].tolist() == ["a/000.png", "a/002.png", "b/001.png"]
    assert table["predicted class"].tolist() == grey.predict(new[[0, 2, 1]]).tolist()
    assert "file" not in predictions_frame(grey, new).columns


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pixels(2, 5, 6), "takes images of 6 x 5 pixels, got 2 images of 5 x 6 pixels; bring them to that size"),
        (pixels(2, channels=3), "takes images of 6 x 5 pixels, got 2 images of 6 x 5 pixels in colour"),
        (pixels(1)[0, ..., 0], r"takes images of 6 x 5 pixels, .* got an array of shape \[6, 5\]; .* a single one as X\[numpy\.newaxis\]"),
        (pd.DataFrame({"x": [1]}), "takes images of 6 x 5 pixels, got a table; give an array, an .npz file or a folder"),
    ],
)
def test_data_of_another_size_or_kind_says_what_is_wanted(grey, data, message):
    with pytest.raises(ModelError, match=message):
        grey.predict(data)


def test_images_for_a_model_of_a_table_are_refused(tmp_path):
    np.savez(tmp_path / "new.npz", X=pixels(3))
    with pytest.raises(ModelError, match=r"takes a table with columns such as 'age', .*, got 3 images of 6 x 5 pixels"):
        classifier().predict(tmp_path / "new.npz")


def test_floats_are_no_pixels(grey):
    with pytest.raises(DataError, match="must be whole numbers from 0 to 255, got float64"):
        grey.predict(pixels(2) / 255)


def test_files_of_another_size_or_in_colour_are_named(grey, tmp_path):
    with pytest.raises(ModelError, match=r"takes images of 6 x 5 pixels, got 000\.png of .* of 7 x 5; bring it to that size"):
        grey.predict(write_folder(tmp_path / "tall", pixels(1, 7)))
    with pytest.raises(ModelError, match=r"takes grey images of 6 x 5 pixels, got 000\.png of .* in colour; make it grey"):
        grey.predict(write_folder(tmp_path / "colour", pixels(1, channels=3)))
    with pytest.raises(ModelError, match="6 x 5 pixels of 2 channels, got a folder, whose files have 1 or 3"):
        of_images(pixels(channels=2)).predict(write_folder(tmp_path / "grey", pixels(1)))


def test_grey_files_join_a_model_of_colour(tmp_path):
    made = of_images(pixels(channels=3))
    new = pixels(4, seed=4)
    np.testing.assert_array_equal(made.outputs(write_folder(tmp_path, new)), made.outputs(np.repeat(new, 3, axis=3)))


def test_files_of_any_size_join_a_model_of_images_that_had_several(tmp_path):
    made = of_images(Images(pixels=pixels(), of_any_size=True))
    write_folder(tmp_path, pixels(1, 12, 10, seed=3))
    save(made, tmp_path / "model")
    (tmp_path / "new").mkdir()
    (tmp_path / "000.png").rename(tmp_path / "new" / "000.png")
    halved = np.floor(pixels(1, 12, 10, seed=3).reshape(1, 6, 2, 5, 2, 1).mean(axis=(2, 4)) + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(load(tmp_path / "model").outputs(tmp_path / "new"), made.outputs(halved))
    with pytest.raises(ModelError, match="got 1 image of 12 x 10 pixels"):
        made.predict(pixels(1, 12, 10))


def test_images_reduced_for_training_are_reduced_for_prediction(tmp_path):
    made = of_images(read_table(pixels(30, 70, 70)).images)
    new = pixels(2, 70, 70, seed=2)
    from_array = made.outputs(new)
    assert made.preparation.image_shape == (64, 64, 1)
    np.testing.assert_array_equal(from_array, made.outputs(write_folder(tmp_path, new)))


def test_what_comes_with_images_is_their_target_whatever_it_is_called(tmp_path):
    digits = of_images(names=np.array([0, 1, 2]), target="digit")
    new, y = pixels(30, seed=1), np.arange(30) % 3
    np.savez(tmp_path / "new.npz", X=new, y=y)
    assert digits.score(tmp_path / "new.npz") == digits.score(new, y)
