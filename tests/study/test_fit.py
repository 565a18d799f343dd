"""`osetra.fit` as a user calls it, on the tables that scikit-learn carries."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.dummy import DummyClassifier

import osetra
from osetra.core.errors import DataError, SpaceError, StoreError, StudyError
from osetra.core.records import StudyState, TrialState
from osetra.data.split import Split
from osetra.store.memory import MemoryStore
from osetra.study.table import PreparedTable, split_facts, split_from_facts


def frame(load):
    return load(as_frame=True).frame


QUICK = {"trials": 4, "epochs_per_trial": 15, "seed": 3}


@pytest.fixture(scope="module")
def cancer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cancer")
    study = osetra.fit(frame(load_breast_cancer), "target", store=folder / "s.db", models=folder / "models", study="cancer", **QUICK)
    return folder, study


def test_a_binary_table_becomes_a_model_far_better_than_guessing(cancer):
    _, study = cancer
    guess = DummyClassifier().fit(np.zeros((569, 1)), load_breast_cancer().target).score(np.zeros((569, 1)), load_breast_cancer().target)
    assert study.dev_error["value"] < (1 - guess) / 3
    assert study.dev_error["low"] <= study.dev_error["value"] <= study.dev_error["high"]
    assert study.test_error["rows"] == 114


def test_the_study_and_its_model_are_there_for_another_process(cancer):
    folder, study = cancer
    code = (
        "import osetra, json; from sklearn.datasets import load_breast_cancer as load\n"
        f"s = osetra.Study.open('cancer', {str(folder / 's.db')!r})\n"
        "rows = load(as_frame=True).frame\n"
        "print(json.dumps([s.best.number, s.dev_error['value'], s.model.predict_proba(rows)[:5].tolist(), len(s.curve(0))]))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    import json

    number, dev, probabilities, epochs = json.loads(done.stdout)
    assert (number, dev, epochs) == (study.best.number, study.dev_error["value"], 15)
    assert probabilities == study.model.predict_proba(frame(load_breast_cancer))[:5].tolist()


def test_the_dev_error_of_the_model_is_the_one_that_training_saw(cancer):
    _, study = cancer
    assert study.dev_error["value"] == pytest.approx(study.best.dev_error, abs=1e-9)


def test_the_test_part_is_measured_once_and_that_is_an_event(cancer):
    _, study = cancer
    tested = [event for event in study.events() if event.kind == "tested"]
    assert len(tested) == 1
    assert tested[0].detail == study.test_error


def test_the_recorded_split_is_the_one_that_was_used(cancer):
    _, study = cancer
    recorded = split_from_facts(study.facts["split"])
    again = PreparedTable.of(frame(load_breast_cancer), "target", seed=3).split
    for part in ("train", "dev", "test"):
        assert (getattr(recorded, part) == getattr(again, part)).all()


def test_a_split_without_test_part_survives_its_record():
    parts = Split(train=np.array([0, 2, 5]), dev=np.array([1, 3, 4]), test=np.array([], dtype=np.int64), rule="r")
    again = split_from_facts(split_facts(parts))
    assert [again.train.tolist(), again.dev.tolist(), again.test.tolist()] == [[0, 2, 5], [1, 3, 4], []]


def test_the_study_remembers_data_versions_hardware_and_space(cancer):
    _, study = cancer
    assert study.facts["fingerprint"]["rows"] == 569
    assert len(study.facts["fingerprint"]["sha256"]) == 64
    assert study.facts["environment"]["versions"]["numpy"] == np.__version__
    assert study.space.names
    assert set(study.best.configuration) >= set(study.space.names)
    assert len(study.to_frame()) == 4


def test_several_classes_and_text_labels_come_back_as_they_were():
    rows = frame(load_wine)
    rows["target"] = rows["target"].map({0: "barolo", 1: "grignolino", 2: "barbera"})
    study = osetra.fit(rows, "target", **QUICK | {"epochs_per_trial": 40})
    assert study.record.task == "multiclass"
    assert set(study.model.predict(rows)) == {"barolo", "grignolino", "barbera"}
    assert study.model.score(rows) > 0.9


def test_a_regression_is_measured_in_the_units_of_its_target():
    rows = frame(load_diabetes)
    study = osetra.fit(rows, "target", **QUICK)
    assert study.record.error_name == "RMSE"
    spread = rows["target"].std()
    assert 0.5 * spread < study.dev_error["value"] < spread
    squared = (study.model.predict(rows) - rows["target"].to_numpy()) ** 2
    recorded = split_from_facts(study.facts["split"])
    assert np.sqrt(squared[recorded.dev].mean()) == pytest.approx(study.dev_error["value"], rel=1e-6)
    assert study.dev_error["value"] == pytest.approx(study.best.dev_error, rel=1e-4)


def test_several_targets_are_predicted_together():
    rows = frame(load_diabetes)
    rows["double"] = 2 * rows["target"]
    study = osetra.fit(rows, ["target", "double"], **QUICK)
    assert study.model.predict(rows).shape == (442, 2)


def test_arrays_will_do():
    data = load_wine()
    study = osetra.fit(data.data, y=data.target, **QUICK)
    assert study.model.predict(data.data).shape == (178,)


def test_the_same_seed_gives_the_same_study_whatever_the_workers_and_another_seed_another():
    def told(seed, workers):
        study = osetra.fit(frame(load_wine), "target", trials=5, epochs_per_trial=6, seed=seed, workers=workers)
        return [(t.number, dict(t.configuration), t.dev_loss) for t in study.trials()], study.test_error

    assert told(1, 1) == told(1, 2)
    assert told(1, 1) != told(2, 1)


def test_the_space_can_be_edited_and_fixed():
    study = osetra.fit(
        frame(load_wine), "target", space={"learning_rate": osetra.log(1e-3, 1e-2), "activation": "tanh", "hidden_units": "12-6"}, **QUICK
    )
    assert study.space.fixed["activation"] == "tanh"
    assert all(1e-3 <= trial.configuration["learning_rate"] <= 1e-2 for trial in study.trials())
    assert study.model.network.hidden_units[0] == 12


def test_without_a_test_part_none_is_measured():
    study = osetra.fit(frame(load_wine), "target", test=False, **QUICK)
    assert study.test_error is None
    assert study.facts["split"]["sizes"][2] == 0


def test_a_group_column_keeps_groups_together_and_teaches_nothing():
    rows = frame(load_wine)
    rows["owner"] = np.arange(len(rows)) % 40
    study = osetra.fit(rows, "target", groups="owner", **QUICK)
    parts = split_from_facts(study.facts["split"])
    owners = [set(rows["owner"].to_numpy()[part]) for part in (parts.train, parts.dev, parts.test)]
    assert sum(map(len, owners)) == len(set.union(*owners))
    assert "owner" not in study.model.feature_names


def test_later_rows_are_dev_and_test_when_there_is_a_time():
    rows = frame(load_wine).sample(frac=1, random_state=0)
    rows["when"] = np.random.default_rng(0).permutation(len(rows))
    study = osetra.fit(rows, "target", time_column="when", **QUICK)
    parts = split_from_facts(study.facts["split"])
    when = rows["when"].to_numpy()
    assert when[parts.train].max() < when[parts.dev].min()
    assert when[parts.dev].max() < when[parts.test].min()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"target": None}, DataError, "a target is required"),
        ({"target": "targt"}, DataError, "target"),
        ({"trials": 0}, StudyError, "trials must be a whole number >= 1"),
        ({"budget": "soon"}, StudyError, "give for example 60s"),
        ({"seed": -1}, StudyError, "seed must be a whole number >= 0"),
        ({"workers": 0}, StudyError, "workers must be >= 1"),
        ({"epochs_per_trial": 0}, StudyError, "epochs_per_trial must be >= 1"),
        ({"space": {"lerning_rate": 0.1}}, SpaceError, "learning_rate"),
        ({"space": {"activation": "rellu"}}, SpaceError, "relu"),
        ({"groups": "nobody"}, DataError, "nobody"),
    ],
)
def test_nonsense_is_refused_before_anything_is_recorded(arguments, error, words, tmp_path):
    store = tmp_path / "s.db"
    osetra.fit(frame(load_wine), "target", store=store, study="before", **QUICK)
    with pytest.raises(error, match=words):
        osetra.fit(**{"data": frame(load_wine), "target": "target", "store": store} | QUICK | arguments)
    from osetra.store.sql import open_store

    assert [summary.study.name for summary in open_store(store).studies()] == ["before"]


def test_a_study_of_which_every_trial_diverges_says_so_and_is_recorded_as_failed(tmp_path):
    store = tmp_path / "s.db"
    wild = {"learning_rate": osetra.log(1e25, 1e30), "optimizer": "gd", "batch_norm": False}
    with pytest.raises(StudyError, match="all 4 trials diverged; lower the learning rate"):
        osetra.fit(frame(load_wine), "target", store=store, study="wild", space=wild, **QUICK)
    study = osetra.Study.open("wild", store)
    assert study.record.state is StudyState.FAILED
    assert study.store.count_trials("wild")[TrialState.DIVERGED] == 4
    with pytest.raises(StudyError, match="no trained trial yet"):
        study.best  # noqa: B018 -- asking is the act


def test_a_taken_name_loses_nothing(tmp_path, cancer):
    folder, study = cancer
    with pytest.raises(StudyError, match="cancer"):
        osetra.fit(frame(load_wine), "target", store=folder / "s.db", study="cancer", **QUICK)
    again = osetra.Study.open("cancer", folder / "s.db")
    assert again.record == study.record
    assert len(again.trials()) == 4


class FillingStore(MemoryStore):
    """Takes so many records, then the disk is full."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def record(self, study, **what):
        self.room -= 1
        if self.room < 0:
            raise StoreError("the store cannot be written: the disk is full; free some space")
        super().record(study, **what)


def test_a_store_that_fills_up_loses_neither_what_it_held_nor_the_best_model(tmp_path):
    store = FillingStore(2)
    with pytest.raises(StoreError, match=r"the disk is full.*The best model so far, of trial .* is saved in"):
        osetra.fit(frame(load_wine), "target", store=store, study="w", models=tmp_path, trials=100_000, epochs_per_trial=5)
    assert store.count_trials("w").total() > 0
    assert store.study("w").state is StudyState.FAILED
    assert osetra.load_model(tmp_path / "w").score(frame(load_wine)) > 0.5


def test_names_come_from_the_file_and_do_not_collide(tmp_path):
    path = tmp_path / "wine.csv"
    frame(load_wine).to_csv(path, index=False)
    names = [osetra.fit(path, "target", store=tmp_path / "s.db", **QUICK).name for _ in range(2)]
    assert names == ["wine", "wine-2"]
    assert osetra.fit(frame(load_wine), "target", **QUICK).name == "study"


@pytest.fixture(scope="module")
def digits():
    """Handwriting, 1,797 images of 8 x 8 pixels as bytes, and what was written."""
    data = load_digits()
    return (data.images * 15).astype(np.uint8), data.target


def test_images_become_a_model_that_reads_handwriting(digits, tmp_path):
    X, y = digits
    study = osetra.fit(X[..., np.newaxis], y=y, models=tmp_path, study="digits", trials=3, epochs_per_trial=15, seed=1)
    assert study.facts["notes"][:2] == [
        "1,797 images of 8 x 8 pixels, 10 classes",
        "target has 10 distinct values: multi-class classification",
    ]
    assert study.test_error["value"] < 0.1
    assert study.dev_error["value"] == pytest.approx(study.best.dev_error, abs=1e-9)
    test = split_from_facts(study.facts["split"]).test
    assert study.model.score(X[test], y[test]) == pytest.approx(1 - study.test_error["value"])
    kept = osetra.load_model(tmp_path / "digits")
    assert kept.predict_proba(X).tobytes() == study.model.predict_proba(X).tobytes()


def test_a_folder_of_images_names_its_study(digits, tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="folders of images need Pillow, an extra")
    X, y = digits
    for k in range(60):
        (tmp_path / "hand" / str(y[k])).mkdir(parents=True, exist_ok=True)
        image_module.fromarray(X[k]).save(tmp_path / "hand" / str(y[k]) / f"{k}.png")
    study = osetra.fit(tmp_path / "hand", trials=1, epochs_per_trial=1)
    assert (study.name, study.record.target, study.record.source) == ("hand", "class", f"{tmp_path / 'hand'}/")
    assert len(study.model.classes) == 10


MEASURE = """
import numpy as np, pandas as pd
import osetra
from osetra.study.table import PreparedTable
generator = np.random.default_rng(0)
rows = 48_842
numbers = {f"n{k}": generator.normal(size=rows) for k in range(6)}
frame = pd.DataFrame(numbers | {f"c{k}": generator.choice(list("abcdefghijk"), rows) for k in range(8)})
frame["y"] = np.where(frame["n0"] + generator.normal(size=rows) > 0, "yes", "no")
study = osetra.fit(frame, "y", trials=64, epochs_per_trial=1, space={"hidden_units": 32, "num_layers": 2})
shape = sum(study.facts["split"]["sizes"]) * study.model.preparation.num_inputs * 4
# Not ru_maxrss, which a process inherits from the one that started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(study.trials()), shape, int(peak.split()[1]) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc, which Linux has")
def test_64_models_on_a_table_like_adult_stay_within_three_times_the_data_and_400_mb():
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=dict(os.environ))
    trials, prepared, peak = (int(part) for part in done.stdout.split())
    assert trials == 64
    assert peak <= 3 * prepared + 400e6


def test_a_frame_is_not_changed_by_fitting_it():
    rows = frame(load_wine)
    before = rows.copy(deep=True)
    osetra.fit(rows, "target", **QUICK)
    pd.testing.assert_frame_equal(rows, before)
