"""Re-tests of real, small studies: what is trained, what is kept, when one is due, and the exit codes for cron."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import osetra
from cli.calls import osetra_here
from osetra.core.errors import DataError, StudyError
from osetra.core.records import Task
from osetra.store.sql import open_store
from osetra.study.candidates import affordable, choose, moves, ranked
from osetra.study.due import POLICY, Policy, due, keep_policy, policy_of
from osetra.study.retest import BASIS, KEY, read_for_retest
from osetra.study.retraining import row_errors

SMALL = {"epochs_per_trial": 6, "space": {"hidden_units": osetra.choice(4, 8, 16), "num_layers": 1, "batch_size": osetra.choice(16, 64)}}


def table(rows=500, seed=5, shift=0.0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, 4))
    label = np.where(X[:, 0] * X[:, 1] + X[:, 2] > 0, "a", "b")
    return pd.DataFrame(X + shift, columns=list("wxyz")).assign(label=label, kind=generator.choice(["p", "q"], rows))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retest")
    table().to_csv(folder / "rows.csv", index=False)
    table(seed=6).to_csv(folder / "new.csv", index=False)
    study = osetra.fit(folder / "rows.csv", "label", study="s", trials=8, seed=2, store=folder / "s.db", **SMALL)
    study.store.close()
    return folder


@pytest.fixture
def home(fitted, tmp_path):
    """A folder of its own with the study, which a test may change."""
    for name in ("s.db",):
        (tmp_path / name).write_bytes((fitted / name).read_bytes())
    for name in ("rows.csv", "new.csv"):
        (tmp_path / name).write_bytes((fitted / name).read_bytes())
    store = open_store(tmp_path / "s.db")
    record = store.study("s")
    store.update_study(replace(record, facts={**record.facts, "asked": {**record.facts["asked"], "data": str(tmp_path / "rows.csv")}}))
    store.close()
    return tmp_path


def opened(home):
    return osetra.Study.open("s", home / "s.db")


def test_a_retest_trains_the_winner_rivals_and_fresh_ones_and_is_kept(home):
    study = opened(home)
    found = study.retest(home / "new.csv", rivals=2, fresh=2, seeds=2)
    assert [one.trial is None for one in found.candidates] == [False, False, False, True, True]
    assert found.candidates[0].trial == study.best.number
    assert found.candidates[0].configuration == study.best.configuration
    assert [len(one.errors) for one in found.found.standings] == [2] * 5
    assert any(one.errors[0] != one.errors[1] for one in found.found.standings)
    assert not found.is_same_data
    assert sum(found.rows) == 400
    # Another handle sees it, and the winner stays.
    again = opened(home)
    assert again.facts[KEY] == study.facts[KEY] == [json.loads(json.dumps(found.to_dict()))]
    assert again.best.number == study.best.number
    assert again.facts[BASIS]["data"] == str(home / "new.csv")
    event = again.events()[-1]
    assert (event.kind, event.trial, event.detail["verdict"]) == ("retested", study.best.number, str(found.verdict))


def test_the_same_seed_gives_the_same_retest_and_the_next_one_is_fresh(home):
    def errors(found):
        return [one.errors for one in found.found.standings]

    options = {"rivals": 1, "fresh": 1, "seeds": 2}
    first, second = (opened(home).retest(**options) for _ in range(2))
    assert (first.seed, second.seed) == (0, 1)
    assert first.is_same_data
    assert errors(first) != errors(second)
    assert first.candidates[-1].configuration != second.candidates[-1].configuration
    assert errors(opened(home).retest(**options, seed=0)) == errors(first)
    assert len(opened(home).facts[KEY]) == 3


def test_seeds_are_none_of_the_study_s_trials_and_dev_rows_are_others(home):
    study = opened(home)
    prepared, _ = read_for_retest(study, seed=12345)
    assert len(prepared.split.dev) == study.facts["split"]["sizes"][1]
    from osetra.study.table import split_from_facts

    assert not np.array_equal(prepared.split.dev, split_from_facts(study.facts["split"]).dev)
    found = study.retest(rivals=1, fresh=0, seeds=2)
    assert study.best.dev_error not in found.found.standings[0].errors or study.best.dev_error == 0


def test_rivals_differ_from_the_winner_and_from_one_another(home):
    study = opened(home)
    known = ranked(study)
    assert known[0].trial == study.best.number
    assert [one.trial for one in known[1:]] == [
        trial.number for trial in study.trials() if trial.number != study.best.number and trial.dev_error is not None
    ]
    chosen = choose(study, rivals=3, fresh=4, seed=0)
    assert len({tuple(sorted(one.configuration.items())) for one in chosen}) == 8
    for place, one in enumerate(chosen[:4]):
        for other in chosen[:place]:
            assert any(move.share is None or move.share >= 0.1 for move in moves(study.space, other.configuration, one.configuration))
    for one in chosen[4:]:
        study.space.validate(one.configuration)
    assert choose(study, rivals=3, fresh=4, seed=0) == chosen
    assert choose(study, rivals=3, fresh=4, seed=1)[:4] == chosen[:4]


def test_moves_say_how_far_along_its_range_a_hyperparameter_went():
    space = osetra.Space({"learning_rate": osetra.log(1e-4, 1e-1), "activation": osetra.choice("relu", "tanh"), "l2": osetra.linear(0, 1)})
    old = {"learning_rate": 1e-3, "activation": "relu", "l2": 0.5}
    found = moves(space, old, {"learning_rate": 1e-1, "activation": "tanh", "l2": 0.52})
    assert [(one.name, one.share) for one in found] == [("activation", None), ("learning_rate", pytest.approx(2 / 3))]
    # Where nothing moved far, what moved at all is told.
    assert [one.name for one in moves(space, old, {**old, "l2": 0.52})] == ["l2"]
    assert moves(space, old, old) == ()


def test_a_planted_winner_that_hardly_learns_is_beaten_and_what_moved_is_told(home):
    study = opened(home)
    worst = {**study.best.configuration, "learning_rate": min(study.space.scales["learning_rate"].arguments)}
    store = open_store(home / "s.db")
    store.record("s", trials=[replace(store.trial("s", study.best.number), configuration=worst, dev_error=0.001)])
    store.close()
    found = opened(home).retest(rivals=2, fresh=0, seeds=3)
    assert found.verdict == "beaten", found.sentence
    assert found.best.trial not in (None, study.best.number)
    assert found.moved.startswith("What moved: ")
    assert "learning_rate 0.0001 -> 0.0" in found.moved
    assert found.sentence.startswith(f"Beaten by trial {found.best.trial}: ")


def test_a_budget_trains_fewer_and_says_so(home):
    study = opened(home)
    chosen = choose(study, rivals=3, fresh=3, seed=0)
    assert affordable(study, chosen, 3, seconds=1e6, rows=300) == (chosen, 3, [])
    kept, seeds, notes = affordable(study, chosen, 3, seconds=1e-6, rows=300)
    assert (len(kept), seeds) == (2, 2)
    assert kept == chosen[:2]
    assert "2 of 7 candidates, 2 of 3 seeds each" in notes[0]
    with pytest.raises(StudyError, match=r"2 trainings each of the old winner and another, got .* give more seconds"):
        study.retest(budget=1e-6)
    assert opened(home).facts.get(KEY) is None


def test_an_interrupted_retest_leaves_nothing(home):
    with pytest.raises(StudyError, match="interrupted before its end, so nothing of it is kept"):
        opened(home).retest(interrupted=lambda: True)
    assert opened(home).facts.get(KEY) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": 1}, "seeds must be a whole number >= 2, got 1"),
        ({"rivals": 0, "fresh": 0}, "a rival or a fresh configuration"),
        ({"rivals": -1}, "rivals must be a whole number >= 0, got -1"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
        ({"budget": "soon"}, "a time must be a number"),
    ],
)
def test_options_that_make_no_sense_are_refused(home, options, said):
    with pytest.raises(StudyError, match=said):
        opened(home).retest(**options)


def test_data_without_the_target_or_that_are_gone_are_refused(home):
    with pytest.raises(DataError, match="label"):
        opened(home).retest(table().drop(columns="label"))
    (home / "rows.csv").unlink()
    with pytest.raises(StudyError, match="must be where they were, got nothing at"):
        opened(home).retest()
    objective = osetra.optimize(lambda trial: trial.params["x"], space={"x": osetra.linear(0, 1)}, trials=2)
    with pytest.raises(StudyError, match="which tunes an objective"):
        objective.retest()


def test_a_regression_in_memory_with_weights_is_retested_on_new_rows():
    def rows(seed):
        frame = table(300, seed).drop(columns="label")
        return frame.assign(y=3 * frame["w"] + frame["x"], worth=np.arange(300) % 3)

    study = osetra.fit(rows(0), "y", trials=3, weights="worth", sizes=(120, 40, 40), **SMALL)
    found = study.retest(rows(1), rivals=1, fresh=1, seeds=2)
    assert study.facts[KEY][0]["data"] == "in memory"
    # 200 rows have a weight above 0; sizes were rows of the old data.
    assert found.rows == (120, 40)
    assert 0 < found.found.standings[0].error < 5
    assert "RMSE" in found.sentence
    with pytest.raises(StudyError, match="in memory, so they cannot be read again"):
        study.retest()
    assert due(study, Policy()).notes == ("its data were handed over in memory, so they were not looked at",)


def test_a_space_without_another_configuration_is_refused_and_new_classes_are_not():
    fixed = {
        "learning_rate": 0.01,
        "hidden_units": 4,
        "num_layers": 1,
        "batch_size": 32,
        "l2": 0.0,
        "keep_prob": 1.0,
        "schedule": "constant",
    }
    study = osetra.fit(table(200), "label", trials=1, epochs_per_trial=3, space=fixed)
    with pytest.raises(StudyError, match="needs another configuration than the winner's, got none"):
        study.retest(table(200))
    study = osetra.fit(table(200), "label", trials=2, **SMALL)
    three = table(200, 7)
    three.loc[:60, "label"] = "c"
    assert "'c'" in due(study, Policy(), data=three).reasons[0].sentence
    assert study.retest(three, rivals=1, fresh=0, seeds=2).found.standings[0].error > 0


def test_row_errors_are_those_of_each_output():
    classes = np.array([0, 1, 1])
    two, one = np.array([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]), np.array([[0.4], [0.3], [0.8]])
    assert row_errors(two, classes, Task.BINARY).tolist() == row_errors(one, classes, Task.BINARY).tolist() == [0, 1, 0]
    values = row_errors(np.array([[1.0], [3.0]], np.float32), np.array([[2.0], [1.0]]), Task.REGRESSION, 10.0)
    assert values.tolist() == [100, 400]


def test_a_study_is_due_when_it_is_old_and_a_retest_makes_it_young(home):
    study = opened(home)
    later = datetime.now(UTC) + timedelta(days=100)
    assert due(study, Policy()).reasons == ()
    [reason] = due(study, Policy(), now=later).reasons
    assert (reason.kind, reason.sentence) == ("age", "last tested 100 days ago, with 90 allowed")
    assert due(study, Policy(days=0), now=later).reasons == ()
    study.retest(rivals=1, fresh=0, seeds=2)
    young = due(opened(home), Policy(days=1e-9))
    assert young.tested > study.record.finished
    assert young.verdict == study.facts[KEY][-1]["verdict"]


def test_a_study_is_due_when_its_data_have_drifted_grown_or_changed_columns(home):
    path = home / "rows.csv"

    def sentences(frame):
        frame.to_csv(path, index=False)
        return [reason.sentence for reason in due(opened(home), Policy()).reasons]

    assert sentences(pd.concat([table(), table(300, 9)])) == []
    assert sentences(pd.concat([table(), table(600, 9)])) == ["its data have 1,100 rows, where there were 500"]
    [drifted] = sentences(table(seed=9, shift=0.8))
    assert drifted.startswith("its data have drifted: ")
    assert "median" in drifted
    assert sentences(table(seed=9).drop(columns="kind")) == ["its data have drifted: kind is gone"]
    [unreadable] = sentences(table().drop(columns="label"))
    assert unreadable.startswith("its data cannot be read as they were: ")
    assert "'label'" in unreadable
    assert due(opened(home), Policy(drift=0)).reasons == ()
    path.unlink()
    assert due(opened(home), Policy()).notes == (f"its data are no longer at {path}, so they were not looked at",)


def test_a_study_is_due_when_versions_or_hardware_have_changed(home):
    study = opened(home)
    then = study.facts["environment"]
    old = {**then, "processor": "abacus", "versions": {**then["versions"], "numpy": "1.0.3"}}
    study.record = replace(study.record, facts={**study.facts, "environment": old})
    versions, hardware = due(study, Policy()).reasons
    assert versions.sentence.startswith("versions have changed: numpy 1.0.3 -> ")
    assert hardware.sentence.startswith("it ran on other hardware: abacus -> ")
    assert due(study, Policy(versions=False)).reasons == ()
    patch = {**then, "versions": {**then["versions"], "numpy": ".".join([*then["versions"]["numpy"].split(".")[:2], "999"])}}
    study.record = replace(study.record, facts={**study.facts, "environment": patch})
    assert due(study, Policy()).reasons == ()


def test_a_study_of_an_older_osetra_only_knows_that_its_data_changed(home):
    study = opened(home)
    known = {name: fact for name, fact in study.facts["fingerprint"].items() if name != "sketch"}
    study.record = replace(study.record, facts={**study.facts, "fingerprint": known})
    assert due(study, Policy()).reasons == ()
    table(seed=11).to_csv(home / "rows.csv", index=False)
    assert [reason.kind for reason in due(study, Policy()).reasons] == ["data"]


def test_a_policy_is_kept_with_its_study_and_what_is_given_goes_before_it(home):
    study = opened(home)
    assert policy_of(study) == Policy(days=90, drift=0.2, versions=True)
    keep_policy(study, policy_of(study, days=7))
    again = opened(home)
    assert again.facts[POLICY] == {"days": 7, "drift": 0.2, "versions": True}
    assert policy_of(again) == Policy(days=7)
    assert policy_of(again, days=30, versions=False) == Policy(days=30, versions=False)
    with pytest.raises(StudyError, match=r"days must be a number >= 0, got -1.*0 leaves it out"):
        policy_of(again, days=-1)
    for days in (100_001, 1e9, float("inf")):
        with pytest.raises(StudyError, match=rf"days must be at most 100,000, got {days!r}; 0 leaves age out"):
            policy_of(again, days=days)
    assert due(again, policy_of(again, days=100_000), now=datetime.now(UTC) + timedelta(days=99_999)).reasons == ()


def test_exit_codes_tell_cron_what_was_found(home):
    call = osetra_here(home, "due", "--store", "s.db")
    assert (call.code, call.out.strip()[:13]) == (0, "s is not due:"), call
    call = osetra_here(home, "due", "--store", "s.db", "--days", "1e-9", "--json")
    [told] = json.loads(call.out)
    assert (call.code, told["study"], told["reasons"][0]["kind"]) == (10, "s", "age")
    assert "osetra retest s --store s.db" in osetra_here(home, "due", "--store", "s.db", "--days", "1e-9").out
    assert osetra_here(home, "due", "s", "--store", "s.db", "--days", "1e-9", "--keep").code == 10
    assert osetra_here(home, "due", "--store", "s.db").code == 10
    call = osetra_here(home, "retest", "s", "--store", "s.db", "--data", "new.csv", "--rivals", "1", "--fresh", "1", "--seeds", "2")
    found = opened(home).facts[KEY][-1]
    assert call.code == {"still best": 0, "no longer distinguishable": 10, "beaten": 11}[found["verdict"]], call
    assert found["sentence"] in " ".join(call.out.split())
    assert "old winner" in call.out
    told = json.loads(osetra_here(home, "retest", "--store", "s.db", "--rivals", "1", "--fresh", "0", "--seeds", "2", "--json").out)
    assert {"verdict", "candidates", "tau", "moves", "sentence"} <= told.keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["due", "--keep"], "--data and --keep are of one study"),
        (["due", "s", "--no-data", "--drift", "0.3"], "--no-data looks at no data"),
        (["due", "nobody"], "nobody"),
        (["due", "s", "--days", "-2"], "days must be a number >= 0"),
        (["due", "--days", "1e9"], "days must be at most 100,000, got 1000000000.0"),
        (["retest", "s", "--seeds", "1"], "seeds must be a whole number >= 2"),
        (["retest", "s", "--data", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_mistakes_at_the_command_are_one_message(home, arguments, said):
    assert said in osetra_here(home, *arguments, "--store", "s.db").refused()
