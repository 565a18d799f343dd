"""Schedules against values worked by hand, against PyTorch's, and in training."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_wine

import osetra
from osetra.core.errors import SpaceError
from osetra.core.records import TrialState
from osetra.space import choice
from osetra.training.schedules import SCHEDULES, learning_rates

STEPWISE = ("sqrt_step", "cosine", "one_cycle")
DEAF = [schedule for schedule in SCHEDULES if schedule != "reduce_on_plateau"]
"""Those that need not hear the curve."""


def first_of_each_epoch(rates, epochs, steps=3):
    return [rates(epoch, steps)[0] for epoch in range(epochs)]


def every_step(rates, epochs, steps):
    return np.concatenate([rates(epoch, steps) for epoch in range(epochs)])


def test_inverse_decay_gives_the_course_s_numbers():
    rates = learning_rates("inverse", 0.2, total_epochs=10, decay=1.0)
    assert first_of_each_epoch(rates, 4) == pytest.approx([0.2, 0.1, 0.2 / 3, 0.05])
    assert (rates(2, 3) == rates(2, 3)[0]).all()


def test_exponential_decay_takes_five_per_cent_an_epoch():
    rates = learning_rates("exponential", 1.0, total_epochs=10)
    assert first_of_each_epoch(rates, 3) == pytest.approx([1.0, 0.95, 0.9025])


def test_exponential_decay_takes_the_base_it_is_given():
    rates = learning_rates("exponential", 0.2, total_epochs=10, decay_base=0.5)
    assert first_of_each_epoch(rates, 4) == [0.2, 0.1, 0.05, 0.025]


def test_sqrt_epoch_divides_by_the_root_of_the_epoch_counted_from_one():
    rates = learning_rates("sqrt_epoch", 0.6, total_epochs=10)
    assert first_of_each_epoch(rates, 9) == pytest.approx([0.6 / math.sqrt(epoch) for epoch in range(1, 10)])
    assert rates(3, 2) == pytest.approx([0.3, 0.3])


def test_sqrt_step_counts_steps_over_all_epochs():
    rates = learning_rates("sqrt_step", 0.6, total_epochs=3)
    assert every_step(rates, 3, 3) == pytest.approx([0.6 / math.sqrt(t) for t in range(1, 10)])


def test_a_staircase_is_halved_every_so_many_epochs():
    rates = learning_rates("staircase", 0.8, total_epochs=7, decay_every=3)
    assert first_of_each_epoch(rates, 7) == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]
    rates = learning_rates("staircase", 0.8, total_epochs=7, decay_every=1, decay_factor=0.1)
    assert first_of_each_epoch(rates, 3) == pytest.approx([0.8, 0.08, 0.008])


@pytest.mark.parametrize(("total", "stair"), [(30, 10), (11, 3), (3, 1), (2, 1), (1, 1)])
def test_a_stair_is_a_third_of_the_epochs_and_at_least_one_unless_told(total, stair):
    told = learning_rates("staircase", 0.8, total_epochs=total, decay_every=stair)
    untold = learning_rates("staircase", 0.8, total_epochs=total)
    assert first_of_each_epoch(untold, total + 2) == first_of_each_epoch(told, total + 2)


def test_cosine_falls_from_the_full_rate_through_half_to_nearly_nothing():
    steps = every_step(learning_rates("cosine", 1.0, total_epochs=4), 4, 5)
    assert steps[0] == 1.0
    assert steps[10] == pytest.approx(0.5)
    assert steps[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * 19 / 20)))
    assert (np.diff(steps) < 0).all()


def test_one_cycle_rises_over_thirty_per_cent_of_the_steps_and_falls_to_a_ten_thousandth():
    steps = every_step(learning_rates("one_cycle", 0.5, total_epochs=10), 10, 4)
    assert steps[0] == pytest.approx(0.5 / 25)
    assert steps.argmax() == 11
    assert steps[11] == pytest.approx(0.5)
    assert steps[-1] == pytest.approx(0.5e-4)
    assert np.diff(steps[:12]) == pytest.approx(0.5 * (24 / 25) / 11)
    assert (np.diff(steps[11:]) < 0).all()
    assert steps[25:26] == pytest.approx(0.5 * (1e-4 + (1 - 1e-4) * (1 + math.cos(math.pi * 14 / 28)) / 2))


@given(st.integers(1, 5), st.integers(1, 4))
def test_one_cycle_of_any_few_steps_stays_within_its_ends(epochs, steps):
    rates = every_step(learning_rates("one_cycle", 1.0, total_epochs=epochs), epochs, steps)
    assert (rates >= 1e-4 * (1 - 1e-9)).all()
    assert (rates <= 1).all()


@pytest.mark.parametrize("schedule", DEAF)
def test_rates_past_the_last_epoch_stay_finite_and_do_not_rise_again(schedule):
    rates = learning_rates(schedule, 0.1, total_epochs=3)
    after = every_step(rates, 9, 2)[5:]
    assert np.isfinite(after).all()
    assert (np.diff(after) <= 0).all()
    assert (after >= 0).all()


def test_warm_up_rises_linearly_and_then_leaves_the_rate_alone():
    rates = learning_rates("constant", 0.4, total_epochs=9, warmup_epochs=2)
    assert every_step(rates, 3, 2).tolist() == [0.1, 0.2, pytest.approx(0.3), 0.4, 0.4, 0.4]


def test_warm_up_may_take_part_of_an_epoch():
    rates = learning_rates("constant", 0.4, total_epochs=9, warmup_epochs=0.5)
    assert rates(0, 8).tolist() == [0.1, 0.2, pytest.approx(0.3), 0.4, 0.4, 0.4, 0.4, 0.4]
    assert (learning_rates("constant", 0.4, total_epochs=9, warmup_epochs=1e-320)(0, 8) == 0.4).all()


@pytest.mark.parametrize("schedule", DEAF)
def test_warm_up_multiplies_every_schedule_but_one_cycle(schedule):
    cold = every_step(learning_rates(schedule, 0.3, total_epochs=6), 6, 4)
    warm = every_step(learning_rates(schedule, 0.3, total_epochs=6, warmup_epochs=1.5), 6, 4)
    ramp = np.ones(24) if schedule == "one_cycle" else np.minimum(np.arange(1, 25) / 6, 1)
    assert warm == pytest.approx(cold * ramp)
    assert (warm[6:] == cold[6:]).all()


@pytest.mark.parametrize("schedule", DEAF)
def test_rates_are_one_float64_a_step_and_all_alike_where_the_epoch_decides(schedule):
    rates = learning_rates(schedule, 0.3, total_epochs=6)(2, 5)
    assert rates.shape == (5,)
    assert rates.dtype == np.float64
    assert (len(set(rates.tolist())) == 1) == (schedule not in STEPWISE)


def test_the_rates_of_studies_made_before_there_were_more_schedules_are_the_same_bits():
    rate, decay, total, steps = 0.0037, 0.3, 17, 7

    def cosine(epoch):
        progress = np.minimum((epoch * steps + np.arange(steps)) / (total * steps), 1.0)
        return rate * 0.5 * (1.0 + np.cos(np.pi * progress))

    before = {
        "constant": lambda _: np.full(steps, rate * 1.0),
        "inverse": lambda epoch: np.full(steps, rate * (1.0 / (1.0 + decay * epoch))),
        "exponential": lambda epoch: np.full(steps, rate * 0.95**epoch),
        "cosine": cosine,
    }
    for schedule, expected in before.items():
        rates = learning_rates(schedule, rate, total_epochs=total, decay=decay)
        for epoch in range(total + 2):
            assert rates(epoch, steps).tobytes() == expected(epoch).tobytes()


class TestAgainstPytorch:
    @pytest.fixture
    def torch(self):
        return pytest.importorskip("torch", reason="schedules are held against PyTorch's: pip install 'osetra[torch]'")

    @staticmethod
    def rates_of(torch, make_scheduler, count, first=1.0):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=first)
        scheduler = make_scheduler(optimizer)
        rates = []
        for turn in range(count):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if turn < count - 1:
                scheduler.step()
        return rates

    def test_staircase_is_step_lr(self, torch):
        theirs = self.rates_of(torch, lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=4, gamma=0.3), 15)
        ours = learning_rates("staircase", 1.0, total_epochs=15, decay_every=4, decay_factor=0.3)
        assert first_of_each_epoch(ours, 15) == pytest.approx(theirs, rel=1e-12)

    def test_exponential_is_exponential_lr(self, torch):
        theirs = self.rates_of(torch, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.9), 15)
        assert first_of_each_epoch(learning_rates("exponential", 1.0, total_epochs=15, decay_base=0.9), 15) == pytest.approx(
            theirs, rel=1e-12
        )

    def test_cosine_is_cosine_annealing_lr_taken_every_step(self, torch):
        theirs = self.rates_of(torch, lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=30), 30)
        assert every_step(learning_rates("cosine", 1.0, total_epochs=6), 6, 5) == pytest.approx(theirs, rel=1e-9)

    @pytest.mark.parametrize(("epochs", "steps"), [(6, 5), (4, 1), (3, 7)])
    def test_one_cycle_is_one_cycle_lr(self, torch, epochs, steps):
        total = epochs * steps

        def scheduler(strategy):
            # Theirs divides the first rate, not the highest, for the last; momentum is no part of ours.
            return lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
                optimizer, max_lr=0.7, total_steps=total, pct_start=0.3, anneal_strategy=strategy,
                cycle_momentum=False, div_factor=25, final_div_factor=400,
            )  # fmt: skip

        # Ours rises as theirs does with one strategy and falls as with the other.
        rising, falling = (self.rates_of(torch, scheduler(strategy), total) for strategy in ("linear", "cos"))
        theirs = np.where(np.arange(total) <= 0.3 * total - 1, rising, falling)
        assert every_step(learning_rates("one_cycle", 0.7, total_epochs=epochs), epochs, steps) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (("steps", 0.1), {}, "one of constant, .* got 'steps'; choose one"),
        (("manual", 0.1), {}, "one of constant, .* got 'manual'; choose one"),
        (("constant", -0.1), {}, "learning_rate must be > 0, got -0.1; give a value or a range"),
        (("constant", math.inf), {}, "learning_rate must be > 0, got inf"),
        (("inverse", 0.1), {"decay": -1}, "decay must be >= 0, got -1; 0 keeps the rate constant"),
        (("exponential", 0.1), {"decay_base": 0}, r"decay_base must be in \(0, 1\], got 0; 0.95 takes 5 %"),
        (("exponential", 0.1), {"decay_base": 1.1}, r"decay_base must be in \(0, 1\], got 1.1"),
        (("staircase", 0.1), {"decay_factor": 2.0}, r"decay_factor must be in \(0, 1\], got 2.0; 0.5 halves"),
        (("staircase", 0.1), {"decay_every": 0}, "decay_every must be a whole number >= 1, got 0; give epochs"),
        (("staircase", 0.1), {"decay_every": 2.5}, "decay_every must be a whole number >= 1, got 2.5"),
        (("reduce_on_plateau", 0.1), {"decay_patience": 0}, "decay_patience must be a whole number >= 1, got 0; give epochs"),
        (("constant", 0.1), {"warmup_epochs": -1}, "warmup_epochs must be >= 0, got -1; 0 switches warm-up off"),
        (("constant", 0.1), {"warmup_epochs": "two"}, "warmup_epochs must be >= 0, got 'two'"),
    ],
)
def test_nonsense_is_refused(arguments, settings, words):
    with pytest.raises(SpaceError, match=words):
        learning_rates(*arguments, total_epochs=1, **settings)


def test_one_fit_trains_a_trial_with_every_schedule_cold_and_warmed_up(tmp_path):
    fixed = {"learning_rate": 0.01, "batch_size": 32, "hidden_units": 8, "l2": 0.0, "keep_prob": 1.0, "decay_patience": 1}

    def fitted(**more):
        space = {**fixed, "schedule": choice(*SCHEDULES), **more}
        return osetra.fit(
            load_wine(as_frame=True).frame, "target", trials=len(SCHEDULES), epochs_per_trial=9, space=space,
            study=f"schedules {sorted(more)}", store=tmp_path / "s.db", models=tmp_path / "models", seed=1,
        )  # fmt: skip

    study, warmed = fitted(), fitted(warmup_epochs=2.5)
    for one in (study, warmed):
        assert {trial.configuration["schedule"] for trial in one.trials()} == set(SCHEDULES)
        assert {trial.state for trial in one.trials()} == {TrialState.FINISHED}

    def curves(one):
        # The weights of every trial start from its own number, so that only rates of the same trial are compared.
        return {trial.configuration["schedule"]: [record.train_cost for record in one.curve(trial.number)] for trial in one.trials()}

    assert len(curves(study)["constant"]) == 9
    numbers = {trial.configuration["schedule"]: trial.number for trial in study.trials()}
    assert numbers == {trial.configuration["schedule"]: trial.number for trial in warmed.trials()}
    for schedule in SCHEDULES:
        assert (curves(study)[schedule] == curves(warmed)[schedule]) == (schedule == "one_cycle")
