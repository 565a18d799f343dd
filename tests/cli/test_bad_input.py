"""Whatever is given, the command answers in words: exit code 2, one message, no traceback, and nothing is lost or left lying about."""

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from osetra.store.sql import open_store

from .calls import contents, osetra

QUICK = ("--trials", 1, "--epochs-per-trial", 2)


def studies_and_trials(folder: Path):
    store = open_store(folder / "osetra.db", create=False, read_only=True)
    try:
        return [(summary.study, store.trials(summary.study.name)) for summary in store.studies()]
    finally:
        store.close()


@pytest.fixture(scope="module")
def home(home, tmp_path_factory):
    """A copy of the shared folder: what is refused here must leave it as it was."""
    copy = Path(shutil.copytree(home, tmp_path_factory.mktemp("copy") / "home"))
    files, rows = contents(copy), studies_and_trials(copy)
    yield copy
    assert contents(copy) == files
    assert studies_and_trials(copy) == rows


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A folder in which nothing lies, and nothing may lie at the end."""
    folder = tmp_path_factory.mktemp("empty")
    yield folder
    assert contents(folder) == {}


# What is wrong with the table, by the file's name: the words of the message.
TABLES = {
    "qqqqqq.csv": ["qqqqqq.csv does not exist", "check the path"],
    "headr.csv": ["headr.csv does not exist", "did you mean", "header.csv?"],
    "no/such/folder.csv": ["nor does the folder", "check the path"],
    "folder.db": ["a folder must hold images", "got the folder", "name a folder of images, or a file with a table"],
    "binary.csv": ["must be a text table", "got binary data", "give a CSV file"],
    "sheet.xlsx": ["a table file must end in .csv", "got 'sheet.xlsx'", "convert it or rename it"],
    "torn.parquet": ["must be in Parquet format", "write it anew"],
    "empty.csv": ["must have a header and rows", "got an empty file", "give it some data"],
    "header.csv": ["must have at least one row", "got a header only", "give it some data"],
    "ragged.csv": ["every row", "must have 2 values", "got 3 in row 2", "mend it"],
    "one-class.csv": ["'label' must have at least 2 classes", "got only 'yes'", "add rows of another class"],
    "three-rows.csv": ["must have at least 10 rows with a target", "got 3", "give more data"],
    "infinite.csv": ["'age' must hold finite numbers", "the first in row 1", "leave them blank"],
    "constant.csv": ["at least one column", "must be of use", "age was dropped: it has a single value", "give other features"],
    "twins.csv": ["columns of different names", "'age' more than once", "rename them"],
}


# Options, and the words of the message.
OPTIONS = [
    (["--target", "lable"], ["got 'lable'", "did you mean 'label'?", "the columns are 'age'"]),
    ([], ["a target is required", "choose one of age, income, city, label"]),
    (["--target", "label", "--task", "clustering"], ["task must be one of", "got 'clustering'"]),
    (["--target", "city", "--task", "regression"], ["must hold numbers for regression", "got text such as"]),
    (["--target", "city", "--task", "binary"], ["must have 2 classes", "got 3", "choose multiclass"]),
    (["--target", "label", "--drop", "agee"], ["a column to drop", "did you mean 'age'?"]),
    (["--target", "label", "--groups", "club"], ["must be in the table", "got 'club'", "choose one of age"]),
    (["--target", "label", "--time", "city"], ["time must hold dates", "got text such as"]),
    (["--target", "label", "--budget", "soon"], ["a time must be a number with s, m, h or d", "got 'soon'", "60s"]),
    (["--target", "label", "--budget", "-5s"], ["a time must be a number", "got '-5s'"]),
    (["--target", "label", "--budget", "0s"], ["budget must be a time > 0", "60s"]),
    (["--target", "label", "--trials", "0"], ["trials must be a whole number >= 1", "got 0", "leave it out"]),
    (["--target", "label", "--epochs", "-3"], ["epochs must be a whole number >= 1", "got -3"]),
    (["--target", "label", "--epochs-per-trial", "0"], ["epochs_per_trial must be >= 1", "got 0"]),
    (["--target", "label", "--seed", "-1"], ["seed must be a whole number >= 0", "got -1"]),
    (["--target", "label", "--workers", "0"], ["workers must be >= 1", "got 0"]),
    (["--target", "label", "--sizes", "most"], ["--sizes must be three numbers", "got 'most'", "0.8,0.1,0.1"]),
    (["--target", "label", "--sizes", "0.8,0.1"], ["--sizes must be three numbers", "got '0.8,0.1'"]),
    (["--target", "label", "--sizes", "0.8,0.8,0.1"], ["sizes must sum to 1", "got (0.8, 0.8, 0.1)"]),
    (["--target", "label", "--sizes", "nan,0.5,0.5"], ["sizes must be three numbers >= 0"]),
    (["--target", "label", "--set", "learning_rate"], ["--set must be NAME=VALUE or NAME=RANGE", "got 'learning_rate'"]),
    (["--target", "label", "--set", "learning_rate=log(1,0.1)"], ["log(1, 0.1)"]),
    (["--target", "label", "--set", "learning_rate=log(0,1)"], ["log(0, 1)"]),
    (["--target", "label", "--set", "learning_rate=logg(1e-3,1)"], ["logg", "log"]),
    (["--target", "label", "--set", "learning_rate=__import__('os')"], ["__import__"]),
    (["--target", "label", "--set", "learning_rat=0.1"], ["no hyperparameter learning_rat", "did you mean learning_rate"]),
    (["--target", "label", "--set", "activation=rellu"], ["activation", "rellu", "did you mean relu"]),
    (["--target", "label", "--set", "keep_prob=linear(0,2)"], ["keep_prob", "linear(0, 2)"]),
    (["--target", "label", "--study", "people"], ["got 'people', which is taken", "choose another"]),
    (["--target", "label", "--study", ""], ["the name of a study must have 1 to 200 characters"]),
    (["--target", "label", "--study", "a\nb"], ["without control characters", "choose another name"]),
    (["--target", "label", "--study", "other", "--models", "people.csv"], ["a folder that can be made", "people.csv is a file"]),
    (["--target", "label", "--study", "people", "--store", "other.db"], ["models/people, which is taken", "remove it"]),
]


# Stores, and the words of the message.
STORES = {
    "no/such/folder/s.db": ["the folder", "does not exist", "mkdir -p"],
    "folder.db": ["a store must be a file", "is a folder"],
    "notes.db": ["must be an SQLite database", "left as it is", "give another path"],
    "store.txt": ["a path ending in .db", "got", "store.txt"],
    "a-file/s.db": ["is a file, not a folder"],
    "mysql://somewhere/s": ["mysql://"],
}


def test_a_database_of_another_program_is_left_alone(bad, tmp_path):
    with sqlite3.connect(tmp_path / "theirs.db") as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = contents(tmp_path)
    for arguments in (["fit", bad / "qqqqqq.csv", "--target", "label"], ["studies"]):
        assert "belongs to another program" in osetra(tmp_path, *arguments, "--store", "theirs.db").refused()
    assert contents(tmp_path) == before


def test_a_folder_that_may_only_be_read_is_refused(home, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write anywhere, as root does")
    table = home / "people.csv"
    assert "cannot be written to" in osetra(closed, "fit", table, "--target", "label", *QUICK).refused()
    store = ("--store", tmp_path / "s.db")
    assert "cannot be written to" in osetra(closed, "fit", table, "--target", "label", *QUICK, *store).refused()
    assert "that can be written" in osetra(tmp_path, "predict", home / "models/people", table, "-o", closed / "out.csv").refused()
    assert contents(tmp_path) == {"closed": "folder"}


# Reading verbs, and the words of the message.
READING = [
    (["trials", "peeple"], ["peeple", "people"]),
    (["show", "peeple"], ["peeple", "people"]),
    (["best", "peeple"], ["peeple", "people"]),
    (["show", "people", "77"], ["77"]),
    (["trials", "--state", "gone"], ["state must be one of waiting", "got 'gone'"]),
    (["studies", "--store", "none.db"], ["no store at none.db"]),
    (["best", "--store", "people.csv"], ["a path ending in .db"]),
]


# What predict and score are given, and the words of the message; BAD stands for the folder of bad tables.
MODELS = [
    (["predict", "models/people", "BAD/words.csv"], ["'age' must hold numbers", "got 'forty' in row 1"]),
    (
        ["predict", "models/people", "BAD/lacking.csv"],
        ["must have the columns of the training data", "'age', 'city'", "add or rename them"],
    ),
    (["predict", "models/people", "BAD/infinite.csv"], ["'age' must hold finite numbers", "row 1"]),
    (["predict", "models/people", "BAD/empty.csv"], ["got an empty file"]),
    (["predict", "models/nobody", "people.csv"], ["a model is a folder", "models/nobody, which does not exist"]),
    (["predict", "models", "people.csv"], ["a model is a folder with model.json", "name the folder that was saved"]),
    (["predict", "models/people", "people.csv", "-o", "no/out.csv"], ["there is no no", "give another -o"]),
    (["predict", "models/people", "people.csv", "-o", "models"], ["got the folder models", "models/predictions.csv"]),
    (["predict", "models/people", "people.csv", "-o", "people.csv"], ["a file of their own", "which holds the data"]),
    (["predict", "models/people", "people.csv", "-o", "out.parquet"], ["written as .csv or .csv.gz", "got 'out.parquet'"]),
    (["predict", "models/people", "people.csv", "--json", "--for-spreadsheet"], ["is for CSV", "name a CSV file with -o"]),
    (["score", "models/people", "BAD/words.csv"], ["scoring needs the target", "'label'"]),
    (["score", "models/people", "BAD/unknown-label.csv"], ["'label' must be one of", "got 'perhaps' in row 1"]),
]


@pytest.fixture(scope="module")
def message(home, bad, empty):
    """What was said to each call of the lists above; two are made at a time."""
    calls: dict[tuple[str, ...], tuple[Any, ...]] = {
        ("table", name): (empty, "fit", bad / name, "--target", "label", *QUICK) for name in TABLES
    }
    for options, _ in OPTIONS:
        calls["option", *options] = (
            home,
            "fit",
            "people.csv",
            *options,
            *([] if {"--trials", "--epochs-per-trial"} & {*options} else QUICK),
        )
    for name in STORES:
        store = name if "://" in name else bad / name
        calls["store", name] = (empty, "fit", bad / "qqqqqq.csv", "--target", "label", "--store", store, *QUICK)
    for arguments, _ in (*READING, *MODELS):
        calls["verb", *arguments] = (home, *(argument.replace("BAD", str(bad)) for argument in arguments))
    before = contents(bad)
    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(calls, pool.map(lambda call: osetra(*call), calls.values()), strict=True))
    assert contents(bad) == before
    return lambda *key: answers[key].refused()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_used_is_refused_and_no_store_is_made(message, name):
    for words in TABLES[name]:
        assert words in message("table", name)


@pytest.mark.parametrize(("options", "said"), OPTIONS, ids=lambda given: " ".join(given)[:60])
def test_an_option_that_makes_no_sense_is_refused(message, options, said):
    for words in said:
        assert words in message("option", *options)


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_cannot_be_used_is_refused_before_anything_is_read(message, name):
    for words in STORES[name]:
        assert words in message("store", name)


@pytest.mark.parametrize(("arguments", "said"), [*READING, *MODELS], ids=lambda given: " ".join(given)[:60])
def test_what_is_not_there_or_does_not_fit_is_refused(message, arguments, said):
    for words in said:
        assert words in message("verb", *arguments)


@pytest.mark.parametrize("file", ["model.json", "weights.safetensors"])
def test_a_model_that_was_cut_short_is_refused(home, tmp_path, file):
    shutil.copytree(home / "models/people", tmp_path / "model")
    torn = tmp_path / "model" / file
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    message = osetra(home, "predict", tmp_path / "model", "people.csv").refused()
    assert f"{torn} must be as osetra wrote it" in message
    assert "copy the whole folder again or save the model anew" in message
    torn.unlink()
    assert (
        "a model is a folder with model.json and weights.safetensors" in osetra(home, "score", tmp_path / "model", "people.csv").refused()
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's own")
def test_a_full_disk_is_said_in_words(home):
    assert "No space left on device; give another -o" in osetra(home, "predict", "models/people", "people.csv", "-o", "/dev/full").refused()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fitt"], "fitt"),
        (["fit"], "argument"),
        (["fit", "people.csv", "--trails", "3"], "--trails"),
        (["fit", "people.csv", "--trials", "many"], "--trials"),
        (["trials", "people", "--limit", "0"], "--limit"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_slip_in_the_command_itself_is_answered_with_its_usage(home, arguments, said):
    call = osetra(home, *arguments)
    assert call.code == 2
    assert call.out == ""
    assert said in call.err
    assert call.err.startswith("Usage: osetra")
    assert "Traceback" not in call.err


def test_a_search_in_which_all_diverges_says_so_and_keeps_its_trials(home, tmp_path):
    """The one failure that comes after the study began: it is recorded, and no model is left."""
    call = osetra(
        tmp_path, "fit", home / "people.csv", "--target", "label", "--trials", 2, "--set", "learning_rate=1e30",
        "--set", "optimizer=gd", "--set", "batch_norm=false",
    )  # fmt: skip
    message = call.refused()
    assert "has no model: all 2 trials diverged; lower the learning rate" in message
    ((study, trials),) = studies_and_trials(tmp_path)
    assert (study.state, len(trials)) == ("failed", 2)
    assert not (tmp_path / "models").exists()
    assert "2 diverged" in osetra(tmp_path, "trials").succeeded().out
    assert "no trained trial" in osetra(tmp_path, "best").refused()
