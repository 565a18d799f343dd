"""Plans: the cost model and the rehearsal against arithmetic by hand, the words, and what a fit keeps of its own."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

import osetra
from listener import Listener
from osetra.core.errors import DataError, SpaceError, StudyError
from osetra.core.records import TrialState
from osetra.core.seeding import Seed
from osetra.report.plan_words import plan_sentences, short_plan_sentences
from osetra.space.tiers import FEW_TRIALS
from osetra.study.budget import Budget
from osetra.study.epoch_cost import NOMINAL, EpochCost, Work
from osetra.study.guessed_errors import GuessedErrors
from osetra.study.plan import Approach, make_plan
from osetra.study.probe_cost import Probe, ProbedTrial, probe, thin
from osetra.study.rehearse import rehearse
from osetra.study.setting import decide
from osetra.study.table import PreparedTable

EPOCH_S = 0.1


def people(rows=400):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, 3))
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "label": np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")})


@pytest.fixture(scope="module")
def table():
    return PreparedTable.of(people(), "label")


def setting_for(table, budget, **options):
    chosen = {
        "edits": {}, "strategy": "waves", "finals": True, "ensemble": False, "epochs_per_trial": 16, "patience": None, "workers": 2
    } | options  # fmt: skip
    return dataclasses.replace(decide(table, budget, **chosen), slice_epochs=1)


def probed(setting, seconds=None, errors=None, *, count=24, share=1.0, gap_s=0.0):
    """A probe that timed the first points of the space: `seconds` and `errors` are functions of a configuration."""
    from osetra.search.sobol import SobolSampler

    sampler = SobolSampler(setting.space, seed=5, first=setting.first)
    points = [point for point in (sampler.propose(number) for number in range(count)) if point]
    trials = tuple(
        ProbedTrial(
            # None of the search itself, whose errors are then guessed.
            number=10_000 + place,
            configuration=point,
            epoch_s=seconds(point) if seconds else EPOCH_S,
            curve=(errors(point) if errors else 0.2,),
        )
        for place, point in enumerate(points)
    )
    return Probe(trials=trials, share=share, gap_s=gap_s, seconds=3.0)


class SameWork(Work):
    """Every epoch is as much work as any other."""

    def of(self, configuration):
        return np.full(len(NOMINAL), 1.0)


class SameCost(EpochCost):
    """Every epoch takes 0.1 s."""

    def of(self, configuration):
        return EPOCH_S


def same_cost(table):
    return SameCost(Work(table), NOMINAL)


def guesses(setting, trials=()):
    return GuessedErrors(setting.space, trials, seed=Seed(study=0), last=setting.epochs_per_trial)


# The cost model


def test_the_work_of_an_epoch_is_what_arithmetic_by_hand_says(table):
    rows, dev = table.training.num_rows, len(table.training.dev_inputs)
    work = Work(table).of({"hidden_units": 8, "num_layers": 2, "batch_size": 32, "keep_prob": 0.8})
    weights, units, passes = 3 * 8 + 8 * 8 + 8 * 2, 16, rows + dev / 3
    steps = math.ceil(rows / 32)
    assert work.tolist() == pytest.approx([steps, passes * weights, steps * weights, passes * units, rows * units, passes * 3, 0])
    assert Work(table).of({"hidden_units": "8-4", "batch_size": 32})[3] == pytest.approx(passes * 12)
    assert Work(table).of({"hidden_units": 8, "num_layers": 2, "batch_size": 32, "keep_prob": 1.0})[4] == 0
    assert Work(table).of({"noise": 0.1})[6] == rows * 3


def test_a_machine_three_times_as_slow_takes_three_times_as_long_for_every_configuration(table):
    work, setting = Work(table), setting_for(table, Budget(seconds=60))
    timed = probed(setting, lambda point: 3 * float(work.of(point) @ NOMINAL), count=40)
    cost = EpochCost.fit(work, [t.configuration for t in timed.trials[:4]], [t.epoch_s for t in timed.trials[:4]])
    for trial in timed.trials[4:]:
        assert cost.of(trial.configuration) == pytest.approx(trial.epoch_s, rel=1e-6)


def test_another_mix_of_speeds_is_learned_from_what_was_timed(table):
    work, setting = Work(table), setting_for(table, Budget(seconds=60))
    speeds = NOMINAL * np.array([6, 0.5, 2, 4, 0.3, 1, 1])
    timed = probed(setting, lambda point: float(work.of(point) @ speeds), count=60).trials
    cost = EpochCost.fit(work, [t.configuration for t in timed[:20]], [t.epoch_s for t in timed[:20]])
    off = [cost.of(trial.configuration) / trial.epoch_s for trial in timed[20:]]
    assert min(off) > 0.85
    assert max(off) < 1.15


def test_a_probe_on_a_part_of_the_rows_speaks_for_all(table):
    work, setting = Work(table), setting_for(table, Budget(seconds=60))
    timed = probed(setting, lambda point: 0.25 * float(work.of(point) @ NOMINAL)).trials
    cost = EpochCost.fit(work, [t.configuration for t in timed], [t.epoch_s for t in timed], share=0.25)
    assert cost.of(setting.first) == pytest.approx(float(work.of(setting.first) @ NOMINAL), rel=1e-6)


def test_without_a_measurement_the_nominal_speed_stands(table):
    assert EpochCost.fit(Work(table), [], []).of({"hidden_units": 8}) == float(Work(table).of({"hidden_units": 8}) @ NOMINAL)


# The rehearsal


def test_core_seconds_become_epochs(table):
    """(22 s - 2 s) * 2 cores / 0.1 s = 400 epochs; at the very end a core may find no epoch that still fits or nothing to do."""
    budget = Budget(seconds=22)
    setting = setting_for(table, budget)
    found = rehearse(setting, budget, setup_s=2.0, cost=same_cost(table), gap_s=0.0, errors=guesses(setting), seed=0)
    assert 370 <= found.epochs <= 400
    assert found.seconds <= 20 + 1e-9
    assert sum(found.lengths) == found.epochs
    assert max(found.lengths) == 16


def test_what_lies_between_two_epochs_counts(table):
    budget = Budget(seconds=22)
    setting = setting_for(table, budget)
    found = rehearse(setting, budget, setup_s=2.0, cost=same_cost(table), gap_s=EPOCH_S, errors=guesses(setting), seed=0)
    assert 180 <= found.epochs <= 200


def test_a_budget_in_epochs_is_spent_to_the_last_and_takes_epochs_over_cores(table):
    budget = Budget(epochs=200)
    setting = setting_for(table, budget, strategy="random", finals=False)
    found = rehearse(setting, budget, setup_s=2.0, cost=same_cost(table), gap_s=0.0, errors=guesses(setting), seed=0)
    assert found.epochs == 200
    assert found.seconds == pytest.approx(200 * EPOCH_S / 2, abs=16 * EPOCH_S)
    assert found.lengths == (16,) * 12 + (8,)
    assert found.reached == ((16, 12),)


def test_the_ladder_thins_from_rung_to_rung(table):
    budget = Budget(epochs=400)
    setting = setting_for(table, budget)
    found = rehearse(setting, budget, setup_s=0.0, cost=same_cost(table), gap_s=0.0, errors=guesses(setting), seed=0)
    assert [rung for rung, _ in found.reached] == [1, 4, 16]
    assert found.reached[0][1] > found.reached[1][1] > found.reached[2][1]
    for rung, count in found.reached:
        assert count == sum(length >= rung for length in found.lengths)


def test_the_rehearsal_climbs_the_ladder_of_the_fit(table):
    """A budget in epochs means the same jobs but for what the errors decide."""
    study = osetra.fit(people(), "label", epochs=160, epochs_per_trial=16, patience=0, seed=0, workers=2)
    setting = setting_for(table, Budget(epochs=160), patience=0)
    found = rehearse(setting, Budget(epochs=160), setup_s=0.0, cost=same_cost(table), gap_s=0.0, errors=guesses(setting), seed=0)
    assert found.epochs == study.facts["epochs"] == 160
    assert len(found.lengths) == pytest.approx(study.facts["trials"], rel=0.25)
    assert found.reached[0] == (1, len(found.lengths))


def test_a_rehearsal_that_knows_every_curve_is_the_study(table):
    """Every trial of the search and of its finals, and how far each is trained, early ends included."""
    budget = Budget(epochs=480)
    study = osetra.fit(people(), "label", epochs=480, epochs_per_trial=16, patience=4, seed=0, workers=2)
    trials = sorted(study.trials(limit=None), key=lambda trial: trial.number)
    known = [
        ProbedTrial(
            number=trial.number, configuration=trial.configuration, epoch_s=EPOCH_S, state=trial.state,
            curve=tuple(record.dev_error for record in study.curve(trial.number)),
        )
        for trial in trials
    ]  # fmt: skip
    setting = dataclasses.replace(setting_for(table, budget, patience=4), slice_epochs=study.facts["slice_epochs"])
    errors = GuessedErrors(setting.space, known, seed=Seed(study=0), last=16, patience=4)
    found = rehearse(setting, budget, setup_s=0.0, cost=same_cost(table), gap_s=0.0, errors=errors, seed=0)
    assert found.lengths == tuple(trial.epochs for trial in trials)
    assert found.finals == 6
    assert any(trial.epochs < 16 and trial.state is TrialState.FINISHED for trial in trials), "or early ends were not tried"


def test_the_climb_costs_what_those_cost_that_did_well_in_the_probe(table):
    """Where large networks did well in the probe fewer epochs fit in than where small ones did."""
    work, budget = Work(table), Budget(seconds=60)
    setting = setting_for(table, budget, edits={"hidden_units": osetra.powers_of_two(8, 1024), "num_layers": 2, "batch_size": 64})

    def seconds(point):
        return 20 * float(work.of(point) @ NOMINAL)

    def epochs(errors):
        found = probed(setting, seconds, errors)
        plan = make_plan(table, setting, budget, found, work=work, setup_s=1.0, seed=0, draws=(1, 3), all_epochs=1_000)
        return plan.epochs

    assert epochs(lambda point: 1 / int(point["hidden_units"])) < 0.7 * epochs(lambda point: int(point["hidden_units"]) / 1024)


def test_the_same_probe_gives_the_same_plan(table):
    budget = Budget(seconds=20)
    setting = setting_for(table, budget)
    plans = [
        make_plan(table, setting, budget, probed(setting), work=Work(table), setup_s=1.0, seed=0, draws=(1, 2), all_epochs=800)
        for _ in range(2)
    ]
    assert plans[0].to_dict() == plans[1].to_dict()


def test_configurations_that_no_network_can_be_made_of_cost_nothing_and_spoil_nothing(table):
    budget, edits = Budget(seconds=21), {"activation": "relu-tanh", "num_layers": osetra.integer(1, 2)}
    setting = setting_for(table, budget, edits=edits)
    cost = EpochCost.fit(Work(table), [setting.first], [EPOCH_S])
    assert math.isinf(cost.of({"activation": "relu-tanh", "hidden_units": 8, "num_layers": 1}))
    found = rehearse(setting, budget, setup_s=1.0, cost=cost, gap_s=0.0, errors=guesses(setting), seed=0)
    assert found.epochs > 0
    timed = probed(setting)
    timed = dataclasses.replace(timed, trials=[trial for trial in timed.trials if trial.configuration["num_layers"] == 2])
    plan = make_plan(table, setting, budget, timed, work=Work(table), setup_s=1.0, seed=0, draws=(1, 1))
    assert math.isfinite(plan.space_epoch_s[2])
    study = osetra.fit(people(), "label", epochs=48, epochs_per_trial=6, space=edits)
    assert study.facts["plan"]["actual"]["epochs"] <= study.facts["plan"]["predicted"]["epochs"] == 48


# The plan


def of_epochs(table, epochs):
    budget = Budget(seconds=60)
    setting = setting_for(table, budget, epochs_per_trial=10)
    plan = make_plan(table, setting, budget, probed(setting), work=Work(table), setup_s=1.0, seed=0, draws=(1, 1))
    return dataclasses.replace(plan, epochs=epochs)


@pytest.mark.parametrize(
    ("epochs", "approach"), [(0, "panda"), (29, "panda"), (30, "mix"), (119, "mix"), (120, "caviar"), (9_000, "caviar")]
)
def test_panda_below_3_full_trainings_and_caviar_from_where_all_tiers_are_tuned(table, epochs, approach):
    plan = of_epochs(table, epochs)
    assert plan.full_trainings == epochs / 10
    assert plan.approach is Approach(approach)
    assert FEW_TRIALS == 12


def test_a_longer_search_is_rehearsed_shortened_and_multiplied_the_finals_apart(table):
    """In 501 s, 400 s of them for the search, 2 cores train 8,000 epochs; then the finals: 8 finalists, 3 seeds, 16 epochs."""
    budget = Budget(seconds=501)
    setting = setting_for(table, budget, strategy="random", patience=0)
    whole, shortened = (
        make_plan(table, setting, budget, probed(setting), work=SameWork(table), setup_s=1.0, seed=0, draws=(1, 1), most_epochs=most)
        for most in (10**9, 500)
    )
    for plan in (whole, shortened):
        assert plan.epochs == pytest.approx(2 * 400 / EPOCH_S + 8 * 3 * 16, rel=0.03)
        assert plan.train_s == pytest.approx(400 + 8 * 3 * 16 * EPOCH_S / 2, rel=0.03)
        assert plan.finals == 24
        assert plan.trials == pytest.approx(8_000 / 16 + 24, rel=0.06)
        assert plan.reached == ((16, pytest.approx(8_000 / 16 + 24, rel=0.06)),)


def test_a_budget_that_reading_uses_up_buys_nothing_and_the_plan_says_what_would(table):
    budget = Budget(seconds=2)
    setting = setting_for(table, budget)
    plan = make_plan(table, setting, budget, probed(setting), work=Work(table), setup_s=5.0, seed=0, draws=(1, 1))
    assert (plan.epochs, plan.approach) == (0, Approach.PANDA)
    assert any("2s ends before an epoch does: reading and preparing took 5.0 s. Give it " in sentence for sentence in plan.sentences)
    assert short_plan_sentences(plan.to_dict()) == [next(s for s in plan.sentences if "ends before" in s)]


def test_seconds_for_inverts_the_arithmetic(table):
    plan = dataclasses.replace(of_epochs(table, 100), epoch_s=0.5, setup_s=3.0)
    assert plan.seconds_for(12) == 3.0 + 12 * 10 * 0.5 / 2


def test_memory_is_bytes_of_data_and_six_arrays_of_every_trial(table):
    budget = Budget(epochs=64)
    setting = setting_for(table, budget, edits={"hidden_units": 8, "num_layers": 1}, strategy="random")
    plan = make_plan(table, setting, budget, probed(setting), work=Work(table), setup_s=1.0, seed=0, draws=(1, 1))
    parameters = Work(table).member({"hidden_units": 8, "num_layers": 1}).layout.size
    assert plan.trials_bytes == 8 * 6 * 4 * parameters, "8 at work, and of a plain search none waits"
    training = table.training
    arrays = [training.train_inputs, training.dev_inputs, training.train_targets, training.dev_targets]
    assert plan.data_bytes >= sum(array.nbytes for array in arrays) + 400 * 3 * 8


# The words


FACTS = {
    "source": "people.csv", "error_name": "error rate", "rows": [29_304, 9_768, 9_770], "dev_error": 0.15, "dev_reach": 0.00708,
    "budget": {"seconds": 600.0, "trials": None, "epochs": None}, "workers": 2, "batch_sizes": [64, 512], "epochs_per_trial": 34,
    "patience": 11, "strategy": "waves", "tuned": ["num_layers", "learning_rate", "batch_size"],
    "fixed": {"optimizer": "adam", "gain": 1.0},
    "probe_s": 5.1, "probe_trials": 23, "probe_share": 1.0, "setup_s": 2.6, "default_epoch_s": 0.11, "space_epoch_s": [0.0204, 0.13, 0.61],
    "epoch_s": 0.1219, "rehearsals": 3, "train_s": 597.4, "train_s_low": 596.4, "train_s_high": 598.4, "epochs": 9_801,
    "epochs_low": 8_120, "epochs_high": 11_010, "trials": 1_234, "trials_low": 1_100, "trials_high": 1_300, "finals": 24,
    "full_trainings": 288.3, "approach": "caviar", "reached": [[1, 1_234], [4, 411], [34, 77]], "data_bytes": 30 * 2**20,
    "trials_bytes": 800 * 2**20, "seconds_for": {"mix": 9.0, "caviar": 27.3},
}  # fmt: skip


def test_a_plan_in_words():
    assert plan_sentences(FACTS) == [
        "29,304 rows train, 9,768 tell candidates apart (an error near 15 % is known to ±0.7 points), 9,770 test.",
        "Mini-batches of 64 to 512 rows: 458 to 58 steps an epoch.",
        (
            "One epoch of one model takes 0.11 s with the default configuration, 0.13 s on average over the space (0.02 s to 0.61 s), "
            "on one of 2 cores at work; measured now on 23 configurations in 5.1 s."
        ),
        (
            "10m less 2.6 s to read, prepare and fit reference models = 9 min 57 s of training * 2 cores / 0.12 s an epoch = about 9,800 "
            "epochs; / 34 = 288 full trainings (between 8,120 and 11,000 epochs in 3 rehearsals, by how costly the best turn out)."
        ),
        "288 full trainings: caviar: many side by side, most stopped early, the best trained on.",
        "Tuned: tier 1: learning_rate; tier 2: batch_size; tier 3: num_layers. Left fixed: optimizer adam, 1 more.",
        (
            "The ladder: of about 1,230 trials, 1,230 reach epoch 1, 411 reach epoch 4, 77 reach epoch 34; 24 of them are the finals, "
            "the best anew with fresh seeds."
        ),
        (
            "Memory: about 830 MB besides Python and its libraries (some 0.3 GB): 30 MB of data, as read and as prepared, and 800 MB "
            "of trials at work and waiting (those over 1 GB wait on disk)."
        ),
        (
            "Which configurations go far was rehearsed without training, by how the probe's did and networks on tables mostly do; it may "
            "turn out otherwise."
        ),
    ]


def test_the_short_form_is_two_lines():
    assert short_plan_sentences(FACTS) == [
        "Plan: an epoch of one model takes about 0.13 s on one core (0.02 s to 0.61 s over the space).",
        (
            "10m on 2 cores: about 9,800 epochs in 10 min 0 s, 288 full trainings of 34 epochs; caviar: many side by side, "
            "most stopped early, the best trained on."
        ),
    ]


def test_too_little_for_a_mix_says_what_a_mix_needs():
    panda = FACTS | {"full_trainings": 2.2, "approach": "panda", "epochs": 75, "seconds_for": {"mix": 62.2, "caviar": 301.0}}
    assert (
        "A mix needs a budget of about 63s, caviar needs about 6m; osetra fit with --trials 1 trains the default configuration alone."
        in plan_sentences(panda)
    )
    mix = FACTS | {"full_trainings": 5.0, "approach": "mix", "epochs": 170, "seconds_for": {"mix": 62.2, "caviar": 30_000.0}}
    assert "Caviar needs about 9h." in plan_sentences(mix)


def test_words_where_the_budget_is_in_trials_or_epochs():
    trials = FACTS | {
        "budget": {"seconds": None, "trials": 20, "epochs": None}, "epochs": 680, "full_trainings": 20.0, "train_s": 41.4,
        "train_s_low": 31.4, "train_s_high": 71.4,
    }  # fmt: skip
    lines = plan_sentences(trials)
    assert (
        "20 trials: about 680 epochs; / 34 = 20 full trainings; at 0.12 s an epoch 1 min 23 s of one core, 44 s on 2 cores, 2.6 s to "
        in lines[3]
    )
    assert "2.6 s to read and prepare included (between 34 s and 1 min 14 s in 3 rehearsals, by how costly the best turn out)." in lines[3]
    epochs = FACTS | {"budget": {"seconds": None, "trials": None, "epochs": 680}, "epochs": 680, "full_trainings": 20.0, "train_s": 41.4}
    assert plan_sentences(epochs)[3].startswith("680 epochs: 680 epochs; / 34 = 20 full trainings; at ")


def test_words_for_a_regression_without_a_test_part_and_one_configuration():
    facts = FACTS | {
        "error_name": "RMSE", "rows": [300, 100, 0], "dev_reach": 0.1386, "tuned": [], "batch_sizes": [32], "probe_share": 0.25,
        "probe_trials": 1, "reached": [[4, 1], [34, 1]], "trials": 1, "finals": 0,
    }  # fmt: skip
    lines = plan_sentences(facts)
    assert lines[0].startswith("300 rows train, 100 tell candidates apart (an RMSE is known to about ±13.9 % of itself, ")
    assert lines[0].endswith("; no test part.")
    assert lines[1] == "Mini-batches of 32 rows: 10 steps an epoch."
    assert "measured now on 1 configuration on 25 % of the rows in 5.1 s" in lines[2]
    assert "Nothing is left to tune. Fixed: optimizer adam, 1 more." in lines
    assert "No ladder: of about 1 trial, 1 reach epoch 34." in lines


# The probe


def test_the_probe_times_what_a_search_begins_with(table):
    setting = setting_for(table, Budget(seconds=60))
    found = probe(table, setting, seconds=0.3, epoch_s=0.001, seed=0)
    assert found.trials[0].configuration == setting.first
    assert len({tuple(trial.configuration.items()) for trial in found.trials}) == len(found.trials) > 1
    assert all(trial.epoch_s > 0 and trial.curve and trial.has_learned for trial in found.trials)
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))
    assert found.share == 1.0
    assert found.seconds > 0


def test_what_a_process_does_but_once_is_not_timed(table):
    """An engine whose first epoch takes 0.3 s longer than every other."""
    from osetra.engines.native.engine import NativeEngine

    class Cold(NativeEngine):
        began = 0

        def advance(self, members, data, *, epochs=1):
            self.began += 1
            records = super().advance(members, data, epochs=epochs)
            return [[dataclasses.replace(record, seconds=0.3 if self.began == 1 else 0.01) for record in curve] for curve in records]

    found = probe(table, setting_for(table, Budget(seconds=60)), seconds=0.2, epoch_s=0.001, seed=0, engine=Cold())
    assert [trial.epoch_s for trial in found.trials] == pytest.approx([0.01] * len(found.trials))


def test_the_probe_sees_what_the_fit_will_see(table):
    """On all rows and with the same seed its trials are the first of the fit, to the bit."""
    setting = setting_for(table, Budget(epochs=160))
    found = probe(table, setting, seconds=0.3, epoch_s=0.001, seed=0)
    study = osetra.fit(people(), "label", epochs=160, epochs_per_trial=16, seed=0)
    seen = {trial.number: trial for trial in found.trials}
    for trial in [study.trial(number) for number in range(3)]:
        curve = [record.dev_error for record in study.curve(trial.number)]
        both = min(len(curve), len(seen[trial.number].curve))
        assert dict(seen[trial.number].configuration) == dict(trial.configuration)
        assert list(seen[trial.number].curve[:both]) == curve[:both]


def test_thinning_keeps_the_first_rows_of_both_parts():
    generator = np.random.default_rng(0)
    arrays = {"train_inputs": generator.normal(size=(10_000, 2)), "dev_inputs": generator.normal(size=(1_000, 2))}
    targets = {"train_targets": np.zeros(10_000, dtype=np.int64), "dev_targets": np.zeros(1_000, dtype=np.int64)}
    from osetra.engines.port import TrainingData

    data = TrainingData(**arrays, **targets)
    thinned, share = thin(data, most=0.3)
    assert (thinned.num_rows, len(thinned.dev_inputs), share) == (3_000, 300, 0.3)
    assert np.array_equal(thinned.train_inputs, data.train_inputs[:3_000])
    assert thin(data, most=0.01)[0].num_rows == 2_000, "fewer rows would time something else"
    assert thin(data, most=1.5) == (data, 1.0)


# Calls


def test_plan_is_the_plan_of_the_fit_with_the_same_arguments():
    found = osetra.plan(people(), "label", epochs=120, epochs_per_trial=12, seed=1, probe_seconds=0.2, space={"num_layers": 1})
    study = osetra.fit(people(), "label", epochs=120, epochs_per_trial=12, seed=1, space={"num_layers": 1})
    assert found.epochs == study.facts["epochs"]
    assert list(found.rows) == study.facts["split"]["sizes"]
    assert found.tuned == study.space.names
    assert found.fixed["num_layers"] == 1
    assert (found.epochs_per_trial, found.patience) == (study.facts["epochs_per_trial"], study.facts["patience"])
    assert str(found) == "\n".join(found.sentences)


def test_a_fit_says_its_plan_first_and_keeps_what_became_of_it():
    heard = Listener()
    study = osetra.fit(people(), "label", epochs=60, epochs_per_trial=12, seed=1, progress=heard)
    assert [line.startswith("Plan: an epoch of one model takes about ") for line in heard.said].count(True) == 1
    assert any("60 epochs on " in line and "about 60 epochs in " in line for line in heard.said)
    predicted, actual = study.facts["plan"]["predicted"], study.facts["plan"]["actual"]
    trials = study.trials(limit=None)
    assert predicted["epochs"] == actual["epochs"] == sum(trial.epochs for trial in trials) == 60
    assert actual["trials"] == len(trials)
    assert actual["busy_s"] == pytest.approx(sum(trial.seconds for trial in trials))
    assert sum(length * count for length, count in actual["lengths"]) == 60
    assert set(actual) - {"busy_s", "lengths"} <= set(predicted)


def test_a_study_in_seconds_keeps_its_plan_too(monkeypatch):
    # However busy the machine is.
    monkeypatch.setattr("osetra.study.fit.MOST_BEFORE_PLAN", math.inf)
    study = osetra.fit(people(), "label", budget=2.5, seed=1)
    predicted, actual = study.facts["plan"]["predicted"], study.facts["plan"]["actual"]
    assert predicted["budget"]["seconds"] == 2.5
    assert predicted["probe_trials"] >= 1
    assert actual["epochs"] == study.facts["epochs"]
    assert actual["train_s"] > 0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"target": None}, DataError, "a target is required"),
        ({"target": "colour"}, DataError, "colour"),
        ({"budget": "soon"}, StudyError, "a time must be a number with s, m, h or d behind it"),
        ({"budget": -1}, StudyError, "budget must be a time > 0"),
        ({"seed": -1}, StudyError, "seed must be a whole number >= 0"),
        ({"trials": 0}, StudyError, "trials must be a whole number >= 1"),
        ({"workers": 0}, StudyError, "workers must be >= 1"),
        ({"strategy": "guess"}, StudyError, "strategy must be waves"),
        ({"space": {"learning_rat": 0.1}}, SpaceError, "learning_rate"),
        ({"sizes": (0.5, 0.6, 0.1)}, DataError, "sizes"),
    ],
)
def test_what_fit_refuses_plan_refuses_with_the_same_words(options, error, words):
    given = {"target": "label", "trials": 2} | options
    if "budget" in options:
        del given["trials"]
    messages = []
    for call in (osetra.plan, osetra.fit):
        with pytest.raises(error, match=words) as caught:
            call(people(), **given)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_a_probe_needs_a_time():
    with pytest.raises(StudyError, match="a time must be a number with s, m, h or d behind it, got 'a while'"):
        osetra.plan(people(), "label", probe_seconds="a while")
