"""From a verdict to the next search: what is chosen, what becomes of the gap, and that the old study stays as it is."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import StudyError
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.diagnosis.actions import Action
from osetra.diagnosis.bias_variance import judge, rate_of
from osetra.diagnosis.change import compare, paired
from osetra.diagnosis.expected import growth
from osetra.engines.port import OPTIMIZERS
from osetra.space import powers_of_two
from osetra.study.apply import choose, next_space_of
from osetra.training.recipe import build_member

OLD = "small"


def ring(rows=900):
    """Two classes, inside and outside a ring: one or two units cannot tell them apart, sixteen can."""
    generator = np.random.default_rng(11)
    X = generator.normal(size=(rows, 2))
    return pd.DataFrame(X, columns=["x", "y"]).assign(label=np.where(np.hypot(*X.T) < 1.18, "in", "out"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table, and a study whose networks are far too small for it."""
    place = tmp_path_factory.mktemp("apply")
    ring().to_csv(place / "ring.csv", index=False)
    osetra.fit(
        place / "ring.csv", "label", trials=8, epochs_per_trial=20, store=place / "s.db", models=place / "models", study=OLD,
        space={"hidden_units": 1, "num_layers": 1, "learning_rate": osetra.log(3e-3, 3e-2), "keep_prob": 1.0}, sizes=(0.6, 0.3, 0.1),
    ).store.close()  # fmt: skip
    return place


@pytest.fixture(scope="module")
def applied(folder):
    return osetra.Study.open(OLD, folder / "s.db").apply(base_error=0.0)


def everything(study):
    return study.record, study.trials(), study.events(), [study.curve(trial.number) for trial in study.trials()]


def test_a_planted_bias_shrinks_and_the_new_study_knows_where_it_comes_from(applied, folder):
    assert [action.name for action in applied.actions if action.name in ("bigger network", "longer training")] == [
        "bigger network", "longer training"
    ]  # fmt: skip
    change = applied.change
    assert change.gap == "avoidable bias"
    assert applied.after.space.scales["hidden_units"] == powers_of_two(2, 4), "the old size is known already"
    assert change.has_shrunk
    assert change.after.value < change.before.value - 0.05
    assert change.dev.is_paired
    assert change.dev.is_better
    assert applied.sentence.startswith("High bias shrank from ")
    assert applied.sentence.endswith("the new study, small-next, is the better one")
    new = osetra.Study.open("small-next", folder / "s.db")
    told = new.facts["applied"]
    assert (told["from"], told["gap"], told["has_shrunk"], told["better"]) == (OLD, "avoidable bias", True, "small-next")
    assert told["before"]["dev"]["value"] > told["after"]["dev"]["value"]
    assert told["actions"][0]["effect"]
    assert json.loads(json.dumps(applied.to_dict())) == told
    assert new.facts["warm_start"]["study"] == OLD
    assert new.facts["epochs_per_trial"] == 40
    assert new.facts["budget"] == osetra.Study.open(OLD, folder / "s.db").facts["budget"]
    assert (folder / "models" / "small-next").is_dir()


def test_dev_rows_are_the_same_and_the_difference_is_that_of_the_two_errors(applied):
    assert applied.before.facts["split"] == applied.after.facts["split"]
    found = applied.after.dev_error["value"] - applied.before.dev_error["value"]
    assert applied.change.dev.value == pytest.approx(found)
    assert applied.change.dev.low <= found <= applied.change.dev.high


def test_the_old_study_is_left_as_it_was(folder, applied):
    before = osetra.Study.open(OLD, folder / "s.db")
    kept = everything(before)
    again = before.apply(base_error=0.0)
    assert again.after.name == "small-next-2"
    assert everything(osetra.Study.open(OLD, folder / "s.db")) == kept


def test_data_from_memory_are_handed_over_again():
    frame = ring(300)
    study = osetra.fit(frame, "label", trials=2, epochs_per_trial=3, space={"hidden_units": 1, "num_layers": 1}, study="memory")
    with pytest.raises(StudyError, match="hand them over anew"):
        study.apply(base_error=0.0)
    with pytest.raises(StudyError, match="must be those of study 'memory'"):
        study.apply(base_error=0.0, data=ring(200))
    done = study.apply(base_error=0.0, data=frame)
    assert done.after.store is study.store
    assert done.change.dev.is_paired


def test_where_nothing_is_high_there_is_nothing_to_apply(folder):
    study = osetra.Study.open(OLD, folder / "s.db")
    found = study.diagnose(0.9)
    if any(action.can_be_typed for action in found.actions):
        pytest.skip("the curve or the layers of this study ask for something")
    with pytest.raises(StudyError, match="needs an action that a search can carry out, got none"):
        study.apply(base_error=0.9)


def test_rounds_end_where_no_gap_is_high(folder):
    study = osetra.Study.open(OLD, folder / "s.db")
    series = study.apply_until("done", base_error=0.9)
    assert (series.rounds, series.best, series.ended) == ((), study, "neither bias nor variance is high")


def test_rounds_go_on_from_the_better_study_and_end_when_interrupted(folder):
    study, heard = osetra.Study.open(OLD, folder / "s.db"), []
    progress = SimpleNamespace(notice=heard.append, update=lambda _: None)

    def is_enough():
        return sum("; dev error " in said for said in heard) == 2

    series = study.apply_until("done", base_error=0.0, progress=progress, interrupted=is_enough)
    first, second = series.rounds
    assert first.before is study
    assert second.before is first.better
    assert series.best is second.better
    assert series.ended == "interrupted"
    assert first.sentence + "." in heard


def test_a_round_that_the_time_does_not_pay_for_is_not_begun(folder):
    study = osetra.Study.open(OLD, folder / "s.db")
    series = study.apply_until("2s", base_error=0.0, budget="60s")
    assert series.rounds == ()
    assert "are left, too few for another" in series.ended
    with pytest.raises(StudyError, match=r"budget must be a time > 0, got 0\.0"):
        study.apply_until("0s")


def finding(train, dev, *names):
    actions = tuple(Action(name=name, sentence=name, evidence="", options={"patience": 5}) for name in names)
    return SimpleNamespace(gaps=judge(rate_of(train, 9_000), rate_of(dev, 9_000), error_name="error rate"), actions=actions)


BOTH = (
    "wider range of l2",
    "lower learning rate",
    "bigger network",
    "longer training",
    "better optimiser",
    "more l2 or dropout",
    "augmentation",
    "smaller network",
)


def test_bias_comes_first_and_variance_after_two_rounds_that_brought_nothing():
    def chosen(*failed):
        found = choose(finding(0.2, 0.4, *BOTH), failed)
        return found and (found.gap.name, [action.name for action in found.actions])

    assert chosen() == ("avoidable bias", ["lower learning rate", "bigger network", "longer training"])
    assert chosen(("avoidable bias", 0)) == ("avoidable bias", ["lower learning rate", "wider range of l2", "better optimiser"])
    tried = [("avoidable bias", 0), ("avoidable bias", 1)]
    assert chosen(*tried) == ("variance", ["lower learning rate", "more l2 or dropout", "augmentation"])
    assert chosen(*tried, ("variance", 0)) == ("variance", ["lower learning rate", "wider range of l2", "smaller network"])
    assert chosen(*tried, ("variance", 0), ("variance", 1)) is None


def test_without_a_high_gap_what_else_is_out_of_order_is_mended_unless_only_gaps_are_asked_for():
    found = finding(0.0, 0.0, "lower learning rate", "wider range of l2")
    assert [action.name for action in choose(found, ()).actions] == ["lower learning rate", "wider range of l2"]
    assert choose(found, (), gaps_only=True) is None
    assert choose(finding(0.0, 0.0), ()) is None


def test_edits_of_several_actions_come_together(folder):
    space = osetra.Study.open(OLD, folder / "s.db").space
    made = [
        Action(name="bigger network", sentence="", evidence="", edits={"hidden_units": powers_of_two(4, 16)}),
        Action(name="better optimiser", sentence="", evidence="", edits={"optimizer": "adamw"}),
    ]
    after = next_space_of(space, made)
    assert after.scales["hidden_units"] == powers_of_two(4, 16)
    assert after.fixed["optimizer"] == "adamw"
    assert set(OPTIMIZERS) > {"adamw"}


def test_paired_rows_tell_a_difference_that_two_intervals_do_not():
    generator = np.random.default_rng(0)
    before = (generator.random(2_000) < 0.2).astype(float)
    after = before.copy()
    after[np.flatnonzero(before)[:30]] = 0.0
    found = paired(before, after, is_rate=True)
    assert found.value == pytest.approx(-0.015)
    assert found.is_better
    # McNemar's: 30 rows changed, all one way; the standard error of the difference is sqrt(30) / 2000.
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(30) / 2_000, rel=0.15)
    apart = compare(
        None, None, dev_before=rate_of(before.mean(), 2_000), dev_after=rate_of(after.mean(), 2_000), dev=None, error_name="error rate"
    )
    assert not apart.dev.is_better
    squared = generator.exponential(size=(500))
    assert paired(squared, 4 * squared, is_rate=False).value == pytest.approx(np.sqrt(squared.mean()))


def test_a_gap_that_shrinks_while_dev_gets_worse_is_no_gain():
    def changed(train, dev):
        old, new = (judge(rate_of(t, 9_000), rate_of(d, 9_000), error_name="error rate") for t, d in ((0.02, 0.10), (train, dev)))
        return compare(
            old.gap("variance"), new.gap("variance"), dev_before=rate_of(0.10, 9_000), dev_after=rate_of(dev, 9_000), dev=None,
            error_name="error rate",
        )  # fmt: skip

    worse = changed(0.14, 0.15)
    assert (worse.has_shrunk, worse.is_gain) == (True, False)
    assert "dev error 10.0 % -> 15.0 % (worse beyond the interval: 5.0 points, 4." in worse.sentence
    better = changed(0.04, 0.07)
    assert (better.has_shrunk, better.is_gain) == (True, True)
    assert better.sentence.startswith("High variance shrank from 8.0 points (7.3 to 8.7) to 3.0 points (")
    traded = changed(0.05, 0.10)
    assert (traded.has_shrunk, traded.is_gain) == (True, False)
    same = changed(0.02, 0.10)
    assert (same.has_shrunk, same.is_gain) == (False, False)
    assert "no clear difference: 0.0 points" in same.sentence


@pytest.mark.parametrize(("units", "layers", "edits"), [(16, 2, {"hidden_units": powers_of_two(16, 64)}), (8, 3, {"hidden_units": 32})])
def test_the_cost_of_a_bigger_network_is_that_of_its_parameters(units, layers, edits):
    def parameters(units):
        configuration = {"hidden_units": units, "num_layers": layers, "batch_norm": False}
        return build_member(
            configuration, num_inputs=10, num_outputs=3, task=Task.MULTICLASS, seed=Seed(study=0, trial=0), total_epochs=1
        ).layout.size  # fmt: skip

    best = {"hidden_units": units, "num_layers": layers}
    # Biases of the output do not grow, hence not to the last digit.
    assert growth(edits, best, parameters(units)) == pytest.approx(parameters(4 * units) / parameters(units), rel=0.03)
    assert growth({"l2": 0.1}, best, 100) == 1.0


def test_every_action_says_what_it_brings_and_costs(folder):
    for base_error in (0.0, 0.2):
        for action in osetra.Study.open(OLD, folder / "s.db").diagnose(base_error).actions:
            assert action.effect, action.name
            assert action.cost, action.name
