"""Every verb: what it prints for people, what it prints for programs, and that neither ever breaks."""

import io
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

import osetra as package
from models.made import features, model
from osetra.cli.app import VERBS
from osetra.core.records import Task
from osetra.models.files import load, save
from osetra.report.spreadsheet import GUARDED

from .calls import osetra, osetra_here, strict_json
from .conftest import people

QUICK = ("--trials", 1, "--epochs-per-trial", 1)
ESCAPE = "\x1b"
TRIAL_KEYS = {
    "trial", "state", "reason", "dev_error", "dev_loss", "train_error", "epochs", "best_epoch", "seconds", "num_parameters", "configuration"
}  # fmt: skip


@pytest.fixture(scope="module")
def fits(tables, tmp_path_factory):
    """Every kind of table tuned on in one store: the folder, and what `fit --json` printed."""
    folder = tmp_path_factory.mktemp("fits")
    printed = {}
    for name, (table, options) in tables.items():
        call = osetra_here(folder, "fit", table, *options, "--trials", 2, "--epochs-per-trial", 3, "--study", name, "--json").succeeded()
        printed[name] = strict_json(call.out)
    return folder, printed


@pytest.mark.parametrize(
    ("name", "task", "error_name"),
    [
        ("binary", "binary", "error rate"),
        ("multiclass", "multiclass", "error rate"),
        ("regression", "regression", "RMSE"),
        ("arrays", "binary", "error rate"),
    ],
)
def test_fit_tunes_every_kind_of_table(fits, name, task, error_name):
    folder, printed = fits
    facts = printed[name]
    assert (facts["study"], facts["task"], facts["error_name"], facts["state"]) == (name, task, error_name, "finished")
    assert facts["trials"] == 2
    assert [set(trial) for trial in facts["leaderboard"]] == [TRIAL_KEYS] * 2
    assert facts["leaderboard"][0]["trial"] == facts["best"]
    assert facts["dev"]["low"] <= facts["dev"]["value"] <= facts["dev"]["high"]
    assert facts["test"]["rows"] == facts["split"]["sizes"][2]
    assert load(folder / facts["model"]).preparation.task == task


def test_fit_prints_leaderboard_errors_and_what_to_type_next(home, tmp_path):
    (tmp_path / "my people.csv").write_bytes((home / "people.csv").read_bytes())
    call = osetra(
        tmp_path, "fit", "my people.csv", "--target", "label", "--trials", 3, "--epochs-per-trial", 2, "--store", "my.db"
    ).succeeded()
    for words in ("Leaderboard", "learning", "Best: trial", "95 % interval", "measured once", "Model  models/my-people"):
        assert words in call.out
    assert "osetra predict models/my-people NEW.csv -o OUT.csv" in call.out
    assert "osetra trials 'my people' --store my.db" in call.out
    for words in (
        "label has 2 distinct values: binary classification",
        "Split at random",
        "Searching learning_rate",
        "Left fixed: optimizer",
    ):
        assert words in call.err
        assert words not in call.out
    assert ESCAPE not in call.out + call.err


def test_a_second_fit_takes_a_free_name(home, tmp_path):
    for name in ("people", "people-2"):
        call = osetra_here(tmp_path, "fit", home / "people.csv", "--target", "label", *QUICK, "--json").succeeded()
        assert strict_json(call.out)["study"] == name
    (tmp_path / "osetra.db").unlink()  # a folder of the same name is as good as a study
    call = osetra_here(tmp_path, "fit", home / "people.csv", "--target", "label", *QUICK, "--json").succeeded()
    assert strict_json(call.out)["model"] == "models/people-3"


def test_a_fit_without_a_test_part_says_what_that_costs(home, tmp_path):
    call = osetra_here(
        tmp_path, "fit", home / "people.csv", "--target", "label", *QUICK, "--no-test", "--sizes", "0.7,0.3,0"
    ).succeeded()  # fmt: skip
    assert "No test part was kept" in call.out
    assert "measured once" not in call.out


def test_studies_are_listed_newest_first(fits):
    folder, _ = fits
    listed = strict_json(osetra_here(folder, "studies", "--json").succeeded().out)
    assert [study["study"] for study in listed] == ["arrays", "regression", "multiclass", "binary"]
    assert all(study["trials"] == 2 and set(study["best_trial"]) == TRIAL_KEYS for study in listed)
    lines = osetra_here(folder, "studies").succeeded().out.splitlines()
    assert lines[0].split() == ["study", "task", "target", "trials", "best", "dev", "state", "created"]
    assert [line.split()[0] for line in lines[1:]] == ["arrays", "regression", "multiclass", "binary"]


def test_trials_come_best_first_in_pages(home):
    every = strict_json(osetra_here(home, "trials", "people", "--json").succeeded().out)
    assert [set(trial) for trial in every] == [TRIAL_KEYS] * 5
    errors = [trial["dev_error"] for trial in every]
    assert errors == sorted(errors)
    pages = [strict_json(osetra_here(home, "trials", "--limit", 2, "--offset", at, "--json").succeeded().out) for at in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert [trial for page in pages for trial in page] == every
    said = osetra_here(home, "trials", "--limit", 2).succeeded().out
    assert "people: 5 trials (5 finished)" in said
    assert "3 more: --offset 2" in said
    assert "more" not in osetra_here(home, "trials", "--limit", 3, "--offset", 2).succeeded().out


def test_trials_of_one_state_can_be_asked_for(home):
    assert len(strict_json(osetra_here(home, "trials", "--state", "finished", "--json").succeeded().out)) == 5
    assert strict_json(osetra_here(home, "trials", "--state", "diverged", "--json").succeeded().out) == []
    assert "None is diverged" in osetra_here(home, "trials", "--state", "diverged").succeeded().out


def test_a_study_is_shown_whole(home):
    facts = strict_json(osetra_here(home, "show", "people", "--json").succeeded().out)
    assert facts["trial_states"] == {"finished": 5}
    assert facts["space"]["optimizer"] == "adam"
    assert facts["budget"] == {"seconds": None, "trials": 5, "epochs": None}
    said = osetra_here(home, "show").succeeded().out
    for words in (
        "people: binary classification of label, from people.csv, seed 0",
        "Space",
        "learning_rate",
        "beta1",
        "fixed 0.9",
        "5 finished",
        "Best: trial",
    ):
        assert words in said
    assert ESCAPE not in said


def test_a_trial_is_shown_with_its_curve(home):
    facts = strict_json(osetra_here(home, "show", "people", 0, "--json").succeeded().out)
    assert set(facts) == TRIAL_KEYS | {"curve", "events", "probes"}
    assert [point["epoch"] for point in facts["curve"]] == [1, 2, 3, 4]
    assert [event["kind"] for event in facts["events"]] == ["started", "promoted", "finished"]
    assert [probe["epoch"] for probe in facts["probes"]][:3] == [0, 1, 2]
    assert [layer["layer"] for layer in facts["probes"][0]["layers"]][:2] == [1, 2]
    said = osetra_here(home, "show", "people", 0).succeeded().out
    assert re.search(r"dev error rate  [▁▂▃▄▅▆▇█]{4}  [\d.]+ % to [\d.]+ %", said)
    assert "best dev error rate" in said


def test_the_best_trial_is_the_first_of_all(home):
    best = strict_json(osetra_here(home, "best", "people", "--json").succeeded().out)
    first = strict_json(osetra_here(home, "trials", "people", "--limit", 1, "--json").succeeded().out)[0]
    assert {key: best[key] for key in first} == first
    assert best["model"] == "models/people"
    assert f"Best: trial {best['trial']} of 5" in osetra_here(home, "best").succeeded().out


def test_predictions_are_the_same_in_a_file_on_the_screen_and_as_json(home, tmp_path):
    model, table = home / "models/people", home / "people.csv"
    printed = osetra(tmp_path, "predict", model, table).succeeded()
    assert printed.err == ""
    written = osetra(tmp_path, "predict", model, table, "-o", "out.csv").succeeded()
    assert (written.out, written.err) == ("", "200 predictions in out.csv\n")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == printed.out
    osetra(tmp_path, "predict", model, table, "-o", "out.csv.gz").succeeded()
    frame = pd.read_csv(tmp_path / "out.csv.gz")
    assert list(frame.columns) == ["predicted label", "probability of no", "probability of yes"]
    rows = strict_json(osetra(tmp_path, "predict", model, table, "--json").succeeded().out)
    assert [row["predicted label"] for row in rows] == list(frame["predicted label"])
    np.testing.assert_allclose([row["probability of no"] for row in rows], frame["probability of no"], rtol=1e-5)
    np.testing.assert_allclose(frame["probability of no"] + frame["probability of yes"], 1, atol=1e-5)


def test_predictions_replace_a_file_only_when_they_are_all_there(home, tmp_path):
    (tmp_path / "out.csv").write_text("what was there", encoding="utf-8")
    (tmp_path / "bad.csv").write_text("age,income,city\nold,1,Oslo\n", encoding="utf-8")
    osetra_here(tmp_path, "predict", home / "models/people", "bad.csv", "-o", "out.csv").refused()
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "what was there"
    osetra_here(tmp_path, "predict", home / "models/people", home / "people.csv", "-o", "out.csv").succeeded()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "out.csv"]


@pytest.fixture
def formulas(tmp_path):
    """A folder with a model one of whose labels is a formula, and rows for it; and how often it says so."""
    rows = features(60)
    made = model(rows, pd.DataFrame({"kind": np.array(["=1+1", "plain"])[np.arange(60) % 2]}), Task.BINARY)
    save(made, tmp_path / "model")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    times = int((made.predict(rows) == "=1+1").sum())
    assert 1 < times < 60
    return tmp_path, times


def test_labels_are_written_as_they_are_and_it_is_said_what_a_spreadsheet_would_run(formulas):
    folder, times = formulas
    printed = osetra_here(folder, "predict", "model", "rows.csv").succeeded()
    written = osetra_here(folder, "predict", "model", "rows.csv", "-o", "out.csv").succeeded()
    assert (folder / "out.csv").read_text(encoding="utf-8") == printed.out
    assert pd.read_csv(folder / "out.csv")["predicted kind"].value_counts().to_dict() == {"=1+1": times, "plain": 60 - times}
    for call in (printed, written):
        assert f"A spreadsheet could run {times} cells as a formula; --for-spreadsheet marks" in call.err
    quiet = osetra_here(folder, "predict", "model", "rows.csv", "--json").succeeded()
    assert "spreadsheet" not in quiet.err


def test_for_a_spreadsheet_nothing_begins_as_a_formula_does_and_taking_the_apostrophe_off_gives_the_labels_back(formulas):
    folder, times = formulas
    plain = pd.read_csv(io.StringIO(osetra_here(folder, "predict", "model", "rows.csv").succeeded().out))
    printed = osetra_here(folder, "predict", "model", "rows.csv", "--for-spreadsheet").succeeded()
    both = osetra_here(folder, "predict", "model", "rows.csv", "--for-spreadsheet", "-o", "out.csv", "--json").succeeded()
    assert (folder / "out.csv").read_text(encoding="utf-8") == printed.out
    assert not re.search(r"^[=+@-]", printed.out, re.MULTILINE)
    marked = pd.read_csv(folder / "out.csv")
    assert marked["predicted kind"].str.startswith("'").sum() == times
    marked["predicted kind"] = marked["predicted kind"].str.removeprefix("'")
    pd.testing.assert_frame_equal(marked, plain)
    assert f"{GUARDED} That is so of {times} cells." in printed.err
    assert [row["predicted kind"] for row in strict_json(both.out)] == list(plain["predicted kind"])


def test_numbers_are_predicted_in_target_units(fits, tables):
    folder, _ = fits
    rows = strict_json(osetra_here(folder, "predict", "models/regression", tables["regression"][0], "--json").succeeded().out)
    assert list(rows[0]) == ["predicted cost"]
    assert 5e3 < np.mean([row["predicted cost"] for row in rows]) < 1.5e4


def test_labels_that_are_numbers_stay_numbers_in_json(fits, tables):
    folder, _ = fits
    rows = strict_json(osetra_here(folder, "predict", "models/arrays", tables["arrays"][0], "--json").succeeded().out)
    assert {type(row["predicted target"]) for row in rows} == {int}


def test_the_score_is_what_scikit_learn_makes_of_the_predictions(home, tmp_path):
    frame = people()
    frame.loc[:9, "label"] = None
    frame.to_csv(tmp_path / "some.csv", index=False)
    measured = strict_json(osetra_here(home, "score", "models/people", tmp_path / "some.csv", "--json").succeeded().out)
    predicted = load(home / "models/people").predict(frame)[10:]
    assert measured["value"] == pytest.approx(1 - accuracy_score(frame["label"][10:], predicted))
    assert (measured["rows"], measured["dropped"], measured["error_name"]) == (190, 10, "error rate")
    said = osetra_here(home, "score", "models/people", tmp_path / "some.csv").succeeded().out
    assert re.fullmatch(r"error rate [\d.]+ % \(95 % interval [\d.]+ to [\d.]+ %, 190 rows\); 10 rows without a target left out\n", said)


def test_doctor_tells_what_this_machine_can_do(home):
    facts = strict_json(osetra_here(home, "doctor", "--json").succeeded().out)
    assert facts["osetra"] == package.__version__
    assert facts["cores"] >= 1
    assert facts["store"] == "osetra.db: 1 study"
    said = osetra_here(home, "doctor").succeeded()
    assert "native engine" in said.out
    assert ESCAPE not in said.out


def test_every_verb_explains_itself(home):
    front = osetra(home, "--help").succeeded().out
    assert re.findall(r"^  ([a-z]+) ", front.partition("Commands:")[2], re.MULTILINE) == list(VERBS)
    for verb in VERBS:
        shown = osetra_here(home, verb, "--help").succeeded()
        assert shown.out.startswith(f"Usage: osetra {verb}")
        assert shown.err == ""
    assert osetra_here(home, "--version").succeeded().out == f"osetra {package.__version__}\n"


def test_the_store_may_be_named_by_the_environment(home, tmp_path):
    assert "people" in osetra(tmp_path, "studies", OSETRA_STORE=str(home / "osetra.db")).succeeded().out


NASTY = "[bold red]x[/] :smile: [/]"


def test_markup_in_names_columns_and_labels_is_shown_as_it_is(tmp_path):
    frame = people(60).rename(columns={"age": "[/]", "label": "[red]label[/red]"})
    frame = frame.replace({"yes": "[link=x]yes", "no": "[/dim]"}).assign(**{"[b]same": 1})
    frame.to_csv(tmp_path / "nasty.csv", index=False)
    fit = osetra_here(tmp_path, "fit", "nasty.csv", "--target", "[red]label[/red]", "--study", NASTY, *QUICK).succeeded()
    assert "[red]label[/red] has 2 distinct values" in fit.err
    assert "[b]same was dropped" in fit.err
    assert f"Study  {NASTY} in osetra.db" in fit.out
    for arguments in (["studies"], ["trials", NASTY], ["show", NASTY], ["show", NASTY, 0], ["best", NASTY]):
        assert NASTY in osetra_here(tmp_path, *arguments).succeeded().out
        strict_json(osetra_here(tmp_path, *arguments, "--json").succeeded().out)
    assert "of [red]label[/red]," in osetra_here(tmp_path, "show").succeeded().out
    (folder,) = (tmp_path / "models").iterdir()
    predicted = osetra_here(tmp_path, "predict", folder, "nasty.csv", "--json").succeeded().out
    assert set(strict_json(predicted)[0]) == {"predicted [red]label[/red]", "probability of [/dim]", "probability of [link=x]yes"}
    assert "[bold]gone[/]" in osetra_here(tmp_path, "show", "[bold]gone[/]").refused()


@pytest.mark.parametrize("code", ["import osetra", "import osetra; dir(osetra)", "import osetra.cli.app"])
def test_importing_it_loads_nothing_heavy(code):
    assert heavy_after(code) == []


def test_help_loads_nothing_heavy():
    assert (
        heavy_after(
            "import sys; sys.argv = ['osetra', 'fit', '--help']\nfrom osetra.cli.app import main\ntry: main()\nexcept SystemExit: pass"
        )
        == []
    )


def heavy_after(code):
    """Those of the heavy libraries that are loaded once `code` has run in a fresh process."""
    heavy = ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "numba", "sqlalchemy", "alembic", "torch", "safetensors")
    program = f"{code}\nimport json, sys\nprint(json.dumps([name for name in {heavy!r} if name in sys.modules]), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stderr)
