"""Importance from Python and in `osetra show`: bars for people, numbers for programs, silence where it cannot be told."""

from datetime import UTC, datetime

import numpy as np
import pytest

import osetra
from osetra.core.errors import StudyError
from osetra.core.records import Study, StudyState, Task, Trial, TrialState
from osetra.space import Space, choice, integer, log
from osetra.store.sql import open_store

from .calls import osetra_here, strict_json

SPACE = Space({"learning_rate": log(1e-4, 1.0), "num_layers": integer(1, 4), "[b]kind": choice("x", "y"), "optimizer": "adam"})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder with a store of two studies: one of 60 trials that the learning rate decides, one of 4."""
    folder = tmp_path_factory.mktemp("importance")
    opened = open_store(folder / "osetra.db")
    generator = np.random.default_rng(0)
    for name, count in (("long", 60), ("short", 4)):
        study = Study(
            name=name, state=StudyState.FINISHED, created=datetime.now(UTC), task=Task.BINARY, target="y", source="made.csv", seed=0,
            error_name="error rate", facts={"space": SPACE.to_dict()},
        )  # fmt: skip
        opened.create_study(study)
        points = generator.random((count, 3))
        trials = [
            Trial(number=number, configuration=SPACE.decode(point), state=TrialState.FINISHED, epochs=5, dev_error=float(point[1]) / 3)
            for number, point in enumerate(points)
        ]
        opened.record(name, trials=trials)
    opened.close()
    return folder


def test_a_study_tells_it(store):
    study = osetra.Study.open("long", store / "osetra.db")
    found = study.importance()
    assert SPACE.names[1] == "learning_rate"
    assert found.hyperparameters[0].name == "learning_rate"
    assert found.best == 6
    assert study.importance(share=0.2, region=0.6).trials == 36
    with pytest.raises(StudyError, match="importance needs 0 < share < region <= 1, got share 2"):
        study.importance(share=2)
    with pytest.raises(StudyError, match="at least 20 trials that ended, got 4"):
        osetra.Study.open("short", store / "osetra.db").importance()


def test_show_draws_a_bar_for_each_hyperparameter(store):
    said = osetra_here(store, "show", "long").succeeded().out
    section = said[said.index("\nImportance\n") :].splitlines()
    heading, first, *others = section[2:6]
    assert heading.split() == ["share", "95", "%", "interval", "tier"]
    assert first.startswith("learning_rate")
    assert first.count("█") > 12
    assert first.rstrip().endswith("1")
    assert all(line.count("█") < 8 for line in others)
    assert any(line.startswith("[b]kind") and line.rstrip().endswith("-") for line in others)
    assert "learning_rate mattered most for coming out among the best 6 of 60 trials" in said
    assert "as the tiers say" in said
    facts = strict_json(osetra_here(store, "show", "long", "--json").succeeded().out)["importance"]
    assert facts["hyperparameters"][0]["name"] == "learning_rate"
    assert facts["hyperparameters"][0]["share"] > 0.5


def test_show_says_nothing_of_it_where_there_are_too_few_trials(store):
    assert "Importance" not in osetra_here(store, "show", "short").succeeded().out
    assert strict_json(osetra_here(store, "show", "short", "--json").succeeded().out)["importance"] is None
