"""Images at the command line: fit, predict and score take a folder of them, and an archive."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import osetra as package

from .calls import osetra_here, strict_json

QUICK = ("--trials", 1, "--epochs-per-trial", 6)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder with `digits/`, 8 x 8 images in folders zero, one and two, the same as `digits.npz`, and a study of each."""
    image_module = pytest.importorskip("PIL.Image", reason="folders of images need Pillow, an extra")
    folder = tmp_path_factory.mktemp("pictures")
    digits = load_digits(n_class=3)
    X = (digits.images * 15).astype(np.uint8)
    names = np.array(["zero", "one", "two"])[digits.target]
    for k, (image, name) in enumerate(zip(X, names, strict=True)):
        (folder / "digits" / name).mkdir(parents=True, exist_ok=True)
        image_module.fromarray(image).save(folder / "digits" / name / f"{k:03}.png")
    np.savez(folder / "digits.npz", X_train=X[:400], y_train=digits.target[:400], X_test=X[400:], y_test=digits.target[400:])
    (folder / "digits" / "about.txt").write_text("handwriting", encoding="utf-8")
    fits = {
        "folder": osetra_here(folder, "fit", "digits", *QUICK).succeeded(),
        "archive": osetra_here(folder, "fit", "digits.npz", "--target", "target", "--study", "archive", *QUICK, "--json").succeeded(),
    }
    return folder, fits


def test_a_folder_is_fitted_without_naming_a_target(pictures):
    folder, fits = pictures
    call = fits["folder"]
    for said in (
        "537 images of 8 x 8 pixels, 3 classes",
        "class has 3 distinct values: multi-class classification",
        "1 file is no PNG, JPEG or BMP and was left out: about.txt",
    ):
        assert said in call.err
    assert "osetra predict models/digits NEW_IMAGES -o OUT.csv" in call.out
    assert package.load_model(folder / "models" / "digits").classes == ("one", "two", "zero")


def test_an_archive_in_parts_is_tested_on_its_test_part(pictures):
    _, fits = pictures
    facts = strict_json(fits["archive"].out)
    assert facts["test"]["rows"] == facts["split"]["sizes"][2] == 137
    assert facts["dev"]["value"] < 0.2
    assert "the file comes in parts: 400 rows in X_train, 137 rows in X_test" in facts["notes"]


def test_predictions_of_a_folder_name_the_files(pictures, tmp_path):
    folder, _ = pictures
    call = osetra_here(folder, "predict", "models/digits", "digits/two", "-o", tmp_path / "out.csv").succeeded()
    assert "177 predictions in" in call.err
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["file", "predicted class", *(f"probability of {name}" for name in ("one", "two", "zero"))]
    assert table["file"].tolist() == sorted(path.name for path in (folder / "digits" / "two").iterdir())
    assert (table["predicted class"] == "two").mean() > 0.8
    rows = strict_json(osetra_here(folder, "predict", "models/digits", "digits.npz", "--json").succeeded().out)
    assert len(rows) == 537
    assert "file" not in rows[0]


def test_a_folder_and_an_archive_are_scored(pictures):
    folder, _ = pictures
    scored = strict_json(osetra_here(folder, "score", "models/digits", "digits", "--json").succeeded().out)
    assert (scored["rows"], scored["dropped"]) == (537, 0)
    assert scored["value"] == pytest.approx(1 - package.load_model(folder / "models" / "digits").score(folder / "digits"))
    call = osetra_here(folder, "score", "models/archive", "digits.npz").succeeded()
    assert "537 rows" in call.out
    assert "the file comes in parts" in call.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "digits", "--drop", "age"), ["images have no columns to drop", "got 'age'"]),
        (("fit", "digits", "--groups", "who"), ["images have no columns", "got 'who'", "leave it out"]),
        (("fit", "digits", "--target", "label"), ["got 'label'", "the columns are 'class'"]),
        (("fit", "digits/one"), ["images to train on need a target each", "sort the files into folders, one a class"]),
        (("fit", "."), ["got images in folders within 'digits'", "name the folder that holds the classes"]),
        (("score", "models/digits", "digits/one"), ["scoring needs the target", "no column 'class'"]),
        (("score", "models/digits", "digits.npz"), ["'class' must be one of", "got 0 in row 1"]),
        (("predict", "models/digits", "models"), ["a folder must hold images", "got the folder models"]),
    ],
)
def test_images_that_cannot_be_used_say_why(pictures, arguments, words):
    folder, _ = pictures
    message = osetra_here(folder, *arguments).refused()
    for word in words:
        assert word in message
