"""The page of a new fit in a browser: data are previewed, a plan is shown, a real fit is started and its study's page comes."""

import time

import numpy as np
import pandas as pd
import pytest

import in_browser
from osetra.core.errors import DataError
from osetra.study.handle import Study
from osetra.ui.pages.new import guessed
from osetra.ui.preview import preview
from report.made_study import HOSTILE

from .looking import LOOKS, Page

in_browser.require()
ROWS = 200
NAME = "a <b>table & 'more'.csv"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, ROWS)).round(3)
    frame = pd.DataFrame({"a": a, HOSTILE: b, "label": np.where(a * b > 0, "yes", HOSTILE)})
    (folder / "data").mkdir()
    frame.to_csv(folder / "data" / NAME, index=False)
    pd.DataFrame({"x": a, "y": 3 * a + b}).to_parquet(folder / "line.parquet")
    pd.DataFrame({"a": a, "b": b.clip(0), "y": a + b, "z": a - b}).to_csv(folder / "plane.csv", index=False)
    np.savez(folder / "arrays.npz", X=np.stack([a, b], axis=1), y=np.stack([a + b, a - b], axis=1))
    (folder / "torn.csv").write_bytes(bytes(range(256)) * 10)
    return folder


@pytest.fixture(scope="module")
def url(home, dashboard_url):
    return dashboard_url(home / "osetra.db", home)


class NewPage(Page):
    """Whose fields are read when they are left, or a moment later."""

    def __init__(self, browser, url):
        super().__init__(browser, f"{url}/new")

    def type(self, label, text):
        from selenium.webdriver.common.keys import Keys

        super().type(label, text)
        self.field(label).send_keys(Keys.TAB)


EDITS = "Edits, one a line: name = value or name = range"


def test_a_fit_is_planned_started_and_its_study_comes(browser, url, home):
    page = NewPage(browser, url)
    assert not page.button("Start").is_enabled()
    page.says("Choose the data")
    page.choose("File or folder", f"data/{NAME}")
    page.says("200 rows, 3 columns: binary classification of label")
    assert page.texts("[aria-label='First rows of the data'] th") == ["a", HOSTILE, "label"]
    assert page.texts("[aria-label='First rows of the data'] tr:first-child td")[2] in ("yes", HOSTILE[:39] + "…")
    assert page.texts("[aria-label='What is searched'] tbody td")[1].startswith("learning_rate")
    page.type("Budget", "soon")
    page.says("A time must be a number with s, m, h or d behind it, got 'soon'")
    assert not page.button("Start").is_enabled()
    page.type("Budget", "2s")
    page.type(EDITS, "learning_rate = log(1e-3, 1e-2\nnum_layers = 1")
    page.says("The edit of learning_rate makes no sense: ")
    page.type(EDITS, "learning_rat = 0.1")
    page.says("did you mean learning_rate?")
    assert not page.button("Start").is_enabled()
    page.type(EDITS, "learning_rate = log(1e-3, 1e-2)\nnum_layers = 1")
    page.until(lambda: any(text.startswith("log(0.001, 0.01)") for text in page.texts("[aria-label='What is searched'] td")), "the edit")
    page.sound()
    page.press("Show the plan")
    page.until(lambda: any("full training" in text for text in page.texts(".plan li")), "the plan")
    assert page.texts(".plan dt")[0] == "approach"
    page.type("Name of the study", "from the page")
    page.type("Budget", "")
    browser.find_element("css selector", "details summary").click()
    page.type("Trials", "3")
    page.type("Epochs a trial", "2")
    page.press("Start")
    page.until(lambda: browser.current_url.endswith("/study/from%20the%20page"), "the study's page")
    page.until(lambda: Study.open("from the page", home / "osetra.db").record.state == "finished", "the end of the fit")
    study = Study.open("from the page", home / "osetra.db")
    assert len(study.trials()) == 3
    assert study.space.fixed["num_layers"] == 1
    assert str(study.space.scales["learning_rate"]) == "log(0.001, 0.01)"
    assert (home / study.facts["model"] / "model.json").is_file()


def test_a_fit_goes_on_when_its_page_is_left_and_is_stopped_from_another(browser, url, home):
    page = NewPage(browser, url)
    page.choose("File or folder", "line.parquet")
    page.says("200 rows, 2 columns: regression of y")
    page.type("Name of the study", "left alone")
    page.type("Budget", "10m")
    page.press("Start")
    page.until(lambda: browser.current_url.endswith("/study/left%20alone"), "the study's page")
    browser.get("about:blank")
    page.until(lambda: Study.open("left alone", home / "osetra.db").trials(), "a trial")
    page = NewPage(browser, url)
    page.says("The fit runs")
    assert "left alone" in page.texts("aside a")
    page.choose("File or folder", "line.parquet")
    page.says("200 rows, 2 columns: regression of y")
    page.until(lambda: page.button("Show the plan").is_enabled(), "the plan can be asked for")
    time.sleep(1.5)  # Once a second the page looks how the run stands.
    assert not page.button("Start").is_enabled()
    page.sound(LOOKS[1:])
    page.press("Stop")
    page.says("The fit was stopped; the best so far is kept")
    page.until(lambda: page.button("Start").is_enabled(), "Start can be pressed")
    assert Study.open("left alone", home / "osetra.db").record.state == "stopped"


def test_several_numbers_are_predicted_at_once(browser, url, home):
    page = NewPage(browser, url)
    page.choose("File or folder", "arrays.npz")
    page.says("200 rows, 4 columns: regression of target0, target1")
    page.choose("File or folder", "plane.csv")
    page.says("200 rows, 4 columns: regression of z")
    page.choose("Also predict", "y", is_one_of_several=True)
    page.says("200 rows, 4 columns: regression of z, y")
    # What is predicted first is not predicted besides.
    page.choose("Predict", "y")
    page.says("200 rows, 4 columns: regression of y")
    page.choose("Predict", "z")
    page.says("200 rows, 4 columns: regression of z")
    page.choose("Also predict", "y", is_one_of_several=True)
    page.says("200 rows, 4 columns: regression of z, y")
    # Neither is offered as a column that a row might be weighed by.
    browser.find_element("css selector", "details summary").click()
    page.choose("Row weights", "b")
    page.choose("Task", "binary classification")
    page.says("Classification must have one target, got 'z', 'y'")
    assert not page.button("Start").is_enabled()
    page.choose("Task", "regression")
    page.sound()
    page.type("Name of the study", "two at once")
    page.type("Budget", "")
    page.type("Trials", "1")
    page.type("Epochs a trial", "1")
    page.until(lambda: "--target=z --target=y" in page.run("return document.body.textContent"), "the command")
    page.press("Start")
    page.until(lambda: browser.current_url.endswith("/study/two%20at%20once"), "the study's page")
    page.until(lambda: Study.open("two at once", home / "osetra.db").record.state == "finished", "the end of the fit")
    assert Study.open("two at once", home / "osetra.db").record.target == "z, y"


@pytest.mark.parametrize(
    ("columns", "targets"),
    [
        (["a", "Label", "b"], ["Label"]), (["a", "b"], ["b"]), (["x0", "x1", "target0", "target1"], ["target0", "target1"]),
        (["target0", "b"], ["b"]), (["target", "target0", "target1"], ["target"]), (["1", "2"], ["2"]),
    ],
)  # fmt: skip
def test_what_is_likely_to_be_predicted_goes_by_its_name(columns, targets):
    assert guessed.likely_targets(columns) == targets


def test_what_cannot_be_read_or_fitted_is_said_and_cannot_be_started(browser, url):
    page = NewPage(browser, url)
    page.choose("File or folder", "torn.csv")
    page.says("torn.csv must be")
    assert not page.button("Start").is_enabled()
    page.choose("File or folder", "line.parquet")
    page.says("200 rows, 2 columns: regression of y")
    assert page.button("Start").is_enabled()
    page.choose("Task", "binary classification")
    page.says("must have 2 classes for the binary task")
    assert not page.button("Start").is_enabled()
    page.choose("Task", "inferred")
    page.until(lambda: page.button("Start").is_enabled(), "Start can be pressed")
    page.choose("Edit or add", "optimizer")
    page.until(lambda: page.browser.find_element("css selector", "textarea").get_attribute("value") == "optimizer = adam", "the line")
    page.sound(LOOKS[1:])


def test_the_head_of_a_long_file_tells_about_how_many_rows_it_has(tmp_path):
    frame = pd.DataFrame({"number": np.arange(100_000), "text": ['a, "quoted"\nline'] * 100_000})
    for name in ("rows.csv", "rows.csv.gz", "rows.tsv"):
        frame.to_csv(tmp_path / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
        found = preview(tmp_path / name, name)
        assert found.is_estimate
        assert found.rows == pytest.approx(100_000, rel=0.15), name
        assert len(found.table.frame) == 2_000
        assert found.table.frame["text"].iloc[1_999] == frame["text"].iloc[0]
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_feather(tmp_path / "rows.feather")
    for name in ("rows.parquet", "rows.feather"):
        found = preview(tmp_path / name, name)
        assert (found.rows, found.is_estimate, len(found.table.frame)) == (100_000, False, 2_000)


def test_a_damaged_file_is_refused_by_its_name_alone(tmp_path):
    for name, content in (
        ("a.csv", bytes(range(256)) * 9),
        ("a.csv.gz", b"\x1f\x8b no gzip"),
        ("a.parquet", b"PAR1"),
        ("a.feather", b"FEA1"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as refused:
            preview(tmp_path / name, name)
        assert str(refused.value).startswith(name)
        assert str(tmp_path) not in str(refused.value)


def test_the_space_shown_is_the_one_that_a_fit_decides_on(tmp_path):
    pd.DataFrame({"x": np.arange(400.0), "y": np.arange(400) % 2}).to_csv(tmp_path / "rows.csv", index=False)
    found = guessed.guess(preview(tmp_path / "rows.csv", "rows.csv"), "y")
    assert (found.task, found.rows, found.inputs) == ("binary", 280, 1)
    edits = guessed.edits_of("# a comment\n\nmomentum = 0.9\n optimizer=momentum")
    assert edits == {"momentum": "0.9", "optimizer": "momentum"}
    space = guessed.space_of(found, guessed.parsed(edits))
    assert space.fixed["momentum"] == 0.9
    assert {one.name: one.tier for one in guessed.entries_of(space, edits)}["learning_rate"] == 1
