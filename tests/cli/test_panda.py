"""`fit --panda` as a person types it: what is said before, meanwhile and at the end, and what is refused."""

import pytest

from .calls import osetra_here, strict_json

BAD = ("optimizer=gd", "batch_norm=false", "learning_rate=30", "hidden_units=8", "num_layers=1")


@pytest.fixture(scope="module")
def people_csv(tables):
    return tables["binary"][0]


def fit(folder, people_csv, *options):
    space = [part for setting in BAD for part in ("--set", setting)]
    return osetra_here(folder, "fit", people_csv, "--target", "label", "--panda", "--epochs", 25, *space, *options)


def test_the_story_of_one_model_is_told_and_can_be_read_again(people_csv, tmp_path):
    call = fit(tmp_path, people_csv, "--babysitter", "act", "--store", "mine.db").succeeded()
    said, out = " ".join(call.err.split()), " ".join(call.out.split())
    assert "Searching" not in said
    assert "Panda: one model, trial 0, trained for up to 25 epochs (all of the budget), budget 25 epochs" in said
    assert "The babysitter (act) looks after every epoch" in said
    assert "The babysitter acts: begin anew and set learning_rate" in said
    assert "Trial 0, as it was steered" in out
    assert "the babysitter (rule diverged) rolled it back from epoch" in out
    told = osetra_here(tmp_path, "lineage", "people", 0, "--store", "mine.db").succeeded().out
    assert "babysitter (rule diverged) rolled it back" in " ".join(told.split())
    facts = strict_json(osetra_here(tmp_path, "show", "people", "--store", "mine.db", "--json").succeeded().out)
    assert facts["strategy"] == "panda"
    page = tmp_path / "people.html"
    osetra_here(tmp_path, "report", "people", "--store", "mine.db", "-o", page).succeeded()
    assert "One model was trained, watched and steered" in page.read_text()
    assert "rolled it back from epoch" in page.read_text()


def test_what_panda_cannot_do_is_refused(people_csv, tmp_path):
    assert "got strategy random; leave it out" in fit(tmp_path, people_csv, "--strategy", "random").refused()
    assert "did you mean plateau" in fit(tmp_path, people_csv, "--babysitter", "platau=act").refused()
    assert not (tmp_path / "osetra.db").exists()
