"""Odd tables that are of use all the same: they are tuned on, and what became of them is said."""

import numpy as np
import pytest

from .calls import osetra_here, strict_json
from .conftest import people

ROWS = 2500


def odd_tables():
    """By name: the table, and the words in which it is said."""
    frame = people(ROWS)
    label = frame["label"].astype(object).where(np.arange(ROWS) % 5 > 0)
    levels = [f"level {k}" for k in range(2000)]
    return {
        "no-label": (frame.assign(label=label), "500 rows without a target were dropped"),
        "constant": (frame.assign(income=3), "income was dropped: it has a single value in the training part"),
        "empty-column": (frame.assign(income=np.nan), "income was dropped: it is empty in the training part"),
        "levels": (frame.assign(city=[*levels, *levels[: ROWS - 2000]]), "hashed into 32 signed inputs"),
        "rare": (frame.assign(label=["once", "twice", "twice", *frame["label"][3:]]), "2 classes have fewer than 3 rows (twice, once)"),
    }


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    tables = odd_tables()
    for name, (frame, _) in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)

    def call(name):
        quick = ("--trials", 1, "--epochs-per-trial", 2, "--store", f"{name}.db")
        return osetra_here(folder, "fit", f"{name}.csv", "--target", "label", *quick, "--json").succeeded()

    return {name: call(name) for name in tables}


@pytest.mark.parametrize("name", ["no-label", "constant", "empty-column", "levels", "rare"])
def test_an_odd_table_is_tuned_on_and_what_became_of_it_is_said(calls, name):
    words = odd_tables()[name][1]
    facts = strict_json(calls[name].out)
    assert facts["state"] == "finished"
    assert any(words in note for note in facts["notes"])
    assert words in " ".join(calls[name].err.split())
    assert sum(facts["split"]["sizes"]) == (2000 if name == "no-label" else ROWS)


def test_many_notes_on_columns_are_cut_short(tmp_path):
    frame = people(60).assign(**{f"same {k}": k for k in range(9)})
    frame.to_csv(tmp_path / "wide.csv", index=False)
    said = osetra_here(tmp_path, "fit", "wide.csv", "--target", "label", "--trials", 1, "--epochs-per-trial", 1).succeeded().err
    assert said.count("was dropped") == 4
    assert "5 more notes on columns (osetra show lists them)" in said
    assert osetra_here(tmp_path, "show").succeeded().out.count("was dropped") == 9
