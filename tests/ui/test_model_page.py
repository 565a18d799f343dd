"""The page of a model in a browser: what it predicts is what the model predicts, whatever columns and labels are called."""

import io
import json
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import numpy as np
import pandas as pd
import pytest

import in_browser
from models.made import features, model
from osetra.core.records import Task
from osetra.data.images import Images
from osetra.models.files import load, save
from osetra.store.sql import open_store
from report.made_study import HOSTILE, made

from .looking import LOOKS, Page

in_browser.require()
ROWS = 300


def people():
    """Columns of every kind, two of them called as no column should be."""
    frame = features(ROWS).rename(columns={"weight": HOSTILE})
    streets = np.array([f"street {k}" for k in range(50)] + [HOSTILE])
    return frame.assign(street=streets[np.arange(ROWS) % len(streets)], **{f"{HOSTILE} 2": np.array(["a", HOSTILE])[np.arange(ROWS) % 2]})


def kept(folder, store, study, saved, data=None):
    """A study in the store with its model in the folder."""
    facts = dict(study.record.facts)
    save(saved, folder / "models" / "saved" / study.name)
    facts |= {"model": f"models/saved/{study.name}", "asked": {"data": str(data), "dev": None, "test": True}}
    record = study.record
    store.create_study(type(record)(**{name: getattr(record, name) for name in record.__slots__} | {"facts": facts}))
    store.record(record.name, trials=study.trials())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    store = open_store(folder / "osetra.db")
    frame = people()
    label = pd.DataFrame({f"t{HOSTILE}": np.array([HOSTILE, "plain", "third"])[np.arange(ROWS) % 3]})
    frame.assign(**label).to_csv(folder / "rows.csv", index=False)
    hostile = {"names": (HOSTILE, "north"), "labels": (HOSTILE, "plain"), "notes": [HOSTILE]}
    mixed = model(
        frame, label, Task.MULTICLASS, facts={"error_name": "error rate", "test": {"value": 0.2, "low": 0.1, "high": 0.3, "rows": 9}}
    )
    kept(folder, store, made(name="mixed", **hostile), mixed, folder / "rows.csv")
    price = pd.DataFrame({"price": np.arange(ROWS) * 3.5})
    kept(folder, store, made(Task.REGRESSION, name="priced"), model(features(ROWS), price, Task.REGRESSION), folder / "gone.csv")
    pixels = np.random.default_rng(0).integers(0, 256, (60, 6, 5, 1), dtype=np.uint8)
    kinds = pd.DataFrame({"class": np.array(["cat", "dog"])[np.arange(60) % 2]})
    kept(folder, store, made(name="seen"), model(Images(pixels=pixels), kinds, Task.BINARY))
    np.savez(folder / "pixels.npz", X=pixels)
    store.close()
    return folder


@pytest.fixture(scope="module")
def url(home, dashboard_url):
    return dashboard_url(home / "osetra.db", home)


class ModelPage(Page):
    """With what one predicts with."""

    def __init__(self, browser, url, study):
        super().__init__(browser, f"{url}/study/{study}/model")

    def answer(self):
        return self.texts(".answer-value")[0]

    def chances(self):
        """What is shown of each class."""
        cells = self.texts(".predict-answer td")
        return {label: share.splitlines()[0] for label, share in zip(cells[::2], cells[1::2], strict=True)}

    def upload(self, *paths):
        field = self.browser.find_element("css selector", ".drop input[type=file]")
        field.send_keys("\n".join(map(str, paths)))

    def table(self, label):
        """Heads and rows."""
        heads = self.texts(f"[aria-label='{label}'] th")
        cells = self.texts(f"[aria-label='{label}'] tbody td")
        return heads, [cells[at : at + len(heads)] for at in range(0, len(cells), len(heads))]


def sound(page, looks=LOOKS[1:]):
    """Once all is drawn."""
    page.until(lambda: not [text for text in page.texts(".quiet") if text in ("Drawing …", "Reading the data …")], "all figures")
    page.sound(looks)


def test_the_form_predicts_what_the_model_predicts(browser, url, home):
    page = ModelPage(browser, url, "mixed")
    saved = load(home / "models" / "saved" / "mixed")
    page.until(lambda: page.answer())
    row = {"age": "33", HOSTILE: "61.25", "since": "2017-05-06", "street": "street 7"}
    for label, text in row.items():
        page.type(label, text)
    page.choose("job", "pilot")
    page.choose(f"{HOSTILE} 2", HOSTILE)
    given = pd.DataFrame([row | {"job": "pilot", f"{HOSTILE} 2": HOSTILE}])
    chances = {str(label): f"{100 * chance:.1f} %" for label, chance in zip(saved.classes, saved.predict_proba(given)[0], strict=True)}
    page.until(lambda: page.chances() == chances)
    assert page.answer() == str(saved.predict(given)[0])
    page.type(HOSTILE, "")
    page.choose("job", "(missing)")
    given = given.assign(job=None, **{HOSTILE: None})
    chances = {str(label): f"{100 * chance:.1f} %" for label, chance in zip(saved.classes, saved.predict_proba(given)[0], strict=True)}
    page.until(lambda: page.chances() == chances)
    page.type("age", "old")
    page.until(lambda: any("'age' must hold numbers, got 'old'" in text for text in page.texts(".predict [role=alert]")))
    assert page.answer() == ""
    sound(page, LOOKS)


def test_a_file_is_predicted_and_a_wrong_one_is_said_in_a_sentence(browser, url, home, tmp_path):
    page = ModelPage(browser, url, "mixed")
    saved = load(home / "models" / "saved" / "mixed")
    rows = people().iloc[:30]
    name = "a <b>file & 'more'.csv"
    rows.to_csv(tmp_path / name, index=False)
    page.upload(tmp_path / name)
    page.until(lambda: any(text.startswith(f"30 predictions for {name}") for text in page.texts("[role=status]")))
    heads, shown = page.table("First rows with their predictions")
    assert heads[-4:] == [f"predicted t{HOSTILE}", *(f"probability of {label}" for label in saved.classes)]
    assert [row[-4] for row in shown] == [
        str(label)[:39] + "…" if len(str(label)) > 40 else str(label) for label in saved.predict(rows)[:20]
    ]
    assert [float(row[-1]) for row in shown] == pytest.approx(saved.predict_proba(rows)[:20, 2].tolist(), rel=1e-4)
    rows.drop(columns="age").to_csv(tmp_path / "lacking.csv", index=False)
    page.upload(tmp_path / "lacking.csv")
    said = page.until(lambda: [text for text in page.texts("section [role=alert]") if text])
    assert said == ["The table must have the columns of the training data, got none called 'age'; add or rename them."]
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    page.upload(tmp_path / "torn.parquet")
    page.until(lambda: any("must be in Parquet format" in text for text in page.texts("section [role=alert]")))
    assert str(tmp_path) not in browser.page_source
    sound(page)


def test_values_are_predicted_and_data_that_are_gone_are_said_to_be(browser, url, home):
    page = ModelPage(browser, url, "priced")
    saved = load(home / "models" / "saved" / "priced")
    page.until(lambda: page.answer())
    for label, text in {"age": "50", "weight": "48.5", "since": "2018-02-03"}.items():
        page.type(label, text)
    page.choose("job", "cook")
    given = pd.DataFrame([{"age": 50, "weight": 48.5, "since": "2018-02-03", "job": "cook"}])
    page.until(lambda: page.answer() == f"{saved.predict(given)[0]:,.6g}")
    page.until(lambda: any("the mean row of the training" in text and "got nothing at" in text for text in page.texts(".quiet")))
    sound(page)


def test_images_are_predicted_from_files(browser, url, home, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="image files need Pillow")
    page = ModelPage(browser, url, "seen")
    saved = load(home / "models" / "saved" / "seen")
    pixels = np.load(home / "pixels.npz")["X"]
    for number in range(3):
        image.fromarray(pixels[number, :, :, 0]).save(tmp_path / f"{number}.png")
    page.upload(*(tmp_path / f"{number}.png" for number in range(3)))
    page.until(lambda: any(text.startswith("3 predictions for 3 files") for text in page.texts("[role=status]")))
    _, shown = page.table("First rows with their predictions")
    assert [row[:2] for row in shown] == [[f"{number}.png", str(saved.predict(pixels[:3])[number])] for number in range(3)]
    sound(page)


def fetched(url, *path):
    with urllib.request.urlopen(url + "/" + "/".join(urllib.parse.quote(part, safe="") for part in path)) as answer:
        return answer.read()


def test_the_model_is_downloaded_as_it_was_saved_and_exported(url, home, tmp_path):
    with zipfile.ZipFile(io.BytesIO(fetched(url, "study", "mixed", "model", "download", "folder"))) as archive:
        archive.extractall(tmp_path)
    saved = home / "models" / "saved" / "mixed"
    assert (tmp_path / "mixed" / "model.json").read_bytes() == (saved / "model.json").read_bytes()
    np.testing.assert_array_equal(load(tmp_path / "mixed").predict_proba(people()), load(saved).predict_proba(people()))
    for form, names in (("torch", ["mixed.py", "mixed.safetensors"]), ("numpy", ["mixed.py", "mixed.npz"])):
        with zipfile.ZipFile(io.BytesIO(fetched(url, "study", "mixed", "model", "download", form))) as archive:
            assert archive.namelist() == names
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(url, "study", "mixed", "model", "download", "pickle")


def test_a_model_outside_the_working_folder_is_not_read(browser, home, tmp_path, dashboard_url):
    inside = tmp_path / "inside"
    inside.mkdir()
    store = open_store(inside / "osetra.db")
    study = made(name="outside")
    record = study.record
    facts = {**record.facts, "model": str(home / "models" / "saved" / "mixed")}
    store.create_study(type(record)(**{name: getattr(record, name) for name in record.__slots__} | {"facts": facts}))
    store.close()
    address = dashboard_url(inside / "osetra.db", inside)
    page = ModelPage(browser, address, "outside")
    page.until(lambda: any("A model is read within the working folder" in text for text in page.texts("[role=alert]")))
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetched(address, "study", "outside", "model", "download", "folder")
    assert "within the working folder" in refused.value.read().decode()
    assert json.dumps(HOSTILE)[1:20] not in page.texts("h1")[0]
