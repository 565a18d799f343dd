"""The babysitter's rules, on curves that need them and curves that do not, written here or trained; and what it does to bad starts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.core.records import EpochRecord, Task
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import Member, TrainingData
from osetra.training.babysitter import AGAIN, MODES, Babysitter
from osetra.training.plateau import HearsCurve
from osetra.training.recipe import build_member
from osetra.training.rules import RULES
from osetra.training.schedules import SCHEDULES
from osetra.training.suggestion import Past, Rule, Suggestion

ENGINE = NativeEngine()
NAMES = [rule.name for rule in RULES]
CONSTANT = {"learning_rate": 0.1, "schedule": "constant"}


def curve(cost, dev_loss=None, dev_error=None, train_error=0.1) -> list[EpochRecord]:
    dev_loss = cost if dev_loss is None else dev_loss
    dev_error = dev_loss if dev_error is None else dev_error
    return [
        EpochRecord(epoch=at, train_cost=float(c), train_error=train_error, dev_loss=float(d), dev_error=float(e), seconds=0.0)
        for at, (c, d, e) in enumerate(zip(cost, dev_loss, dev_error, strict=True), start=1)
    ]


def names(found: list[Suggestion]) -> list[str]:
    return [one.name for one in found]


def look(records, settings: Mapping[str, Any] = CONSTANT, history=(), rate=None, only: str | None = None) -> list[Suggestion]:
    sitter = Babysitter("suggest" if only is None else {only: "suggest"})
    return sitter.look(records, settings, history, rate=settings["learning_rate"] if rate is None else rate)


def bent(epochs: int, low: float = 0.3, fast: float = 0.35) -> np.ndarray:
    """As costs fall in a good training."""
    return low + (1 - low) * np.exp(-fast * np.arange(epochs))


# Written curves: one that needs the rule, and those next to it that do not.


@pytest.mark.parametrize("cost", [math.nan, math.inf, 2.5], ids=str)
def test_a_cost_that_explodes_sends_back_to_the_best_epoch_with_a_tenth_of_the_rate(cost):
    records = curve([*bent(10), cost])
    [found] = look(records)
    assert (found.name, found.epoch, found.rollback_to, dict(found.settings)) == ("diverged", 11, 10, {"learning_rate": 0.01})
    assert "in epoch 11" in found.sentence
    assert found.sentence.endswith("at a rate of 0.1")


def test_the_rate_divided_is_the_one_in_effect_not_the_one_set():
    [found] = look(curve([*bent(10), math.nan]), {"learning_rate": 0.1, "schedule": "cosine"}, rate=0.04)
    assert found.settings == {"learning_rate": 0.004}


def test_a_training_that_diverges_early_or_twice_from_one_epoch_begins_anew():
    [early] = look(curve([1.0, 0.9, math.nan]))
    assert early.rollback_to == 0
    [first] = look(curve([math.nan]))
    assert first.rollback_to == 0
    records = curve([*bent(10), math.nan])
    [once] = look(records)
    [twice] = look(records, history=[once.past(acted=True)])
    assert (once.rollback_to, twice.rollback_to) == (10, 0)


def test_a_cost_that_rises_by_half_is_no_explosion():
    assert look(curve([*bent(10), 1.5])) == []


def shaken(epochs: int, share: float, fast: float = 0.35) -> np.ndarray:
    return bent(epochs, fast=fast) * (1 + share * (-1.0) ** np.arange(epochs))


def test_costs_that_go_up_and_down_ask_for_a_third_of_the_rate():
    [found] = look(curve(shaken(14, 0.3)))
    assert (found.name, found.rollback_to) == ("oscillating", None)
    assert found.settings == {"learning_rate": 0.0333}
    assert "For 8 epochs the dev loss has gone up and down by " in found.sentence


@pytest.mark.parametrize(
    "records",
    [
        curve(bent(14, low=0.001, fast=1.0)),
        curve(shaken(14, 0.02)),
        curve(shaken(14, 0.3), dev_loss=bent(14)),
        curve(bent(14), dev_loss=shaken(14, 0.3)),
        curve(shaken(14, 0.3), dev_error=bent(14)),
        curve(shaken(7, 0.3)),
    ],
    ids=["a steep fall", "a little", "cost alone", "dev loss alone", "not the dev error", "too short"],
)
def test_what_only_looks_restless_is_left_alone(records):
    assert look(records, only="oscillating") == []


def test_unrest_where_a_schedule_has_lowered_the_rate_is_not_the_rate_s_doing():
    records = curve(shaken(14, 0.3))
    cosine = {"learning_rate": 0.1, "schedule": "cosine"}
    assert names(look(records, cosine, rate=0.05)) == ["oscillating"]
    assert look(records, cosine, rate=0.005) == []


def overfitted(epochs: int = 24, rise: float = 0.03) -> list[EpochRecord]:
    dev = 0.4 + rise * np.abs(np.arange(epochs) - 6)
    return curve(bent(epochs, low=0.01, fast=0.2), dev_loss=dev)


def test_dev_loss_that_rises_for_long_asks_for_regularisation_from_the_best_epoch_on():
    [found] = look(overfitted(), {**CONSTANT, "l2": 0.05})
    assert (found.name, found.rollback_to, found.settings) == ("overfitting", 7, {"l2": 0.5})
    assert found.sentence.startswith("It overfits since about epoch 7: the dev loss rose from 0.4 to 0.91, while the cost fell")


def test_l2_and_dropout_take_turns_and_dropout_has_an_end():
    def then(settings, tries):
        history = [Past(name="overfitting", epoch=0)] * tries
        return [dict(found.settings) for found in look(overfitted(), {**CONSTANT, **settings}, history)]

    assert then({"l2": 0.05}, 1) == [{"keep_prob": 0.8}]
    assert then({"l2": 0.0, "keep_prob": "0.9-0.6"}, 0) == [{"keep_prob": "0.72-0.48"}]
    assert then({"l2": 0.05, "keep_prob": 0.45}, 1) == [{"l2": 0.5}]
    assert then({"keep_prob": 0.45}, 0) == []
    assert then({"l2": 0.05}, 4) == []


@pytest.mark.parametrize(
    "records",
    [
        curve(bent(24)),
        overfitted(12),
        overfitted(rise=0.001),
        curve(bent(24), dev_loss=0.4 + 0.03 * np.abs(np.arange(24) - 6), dev_error=bent(24)),
        curve(0.3 + 0.02 * np.arange(24), dev_loss=0.4 + 0.03 * np.abs(np.arange(24) - 6)),
    ],
    ids=["healthy", "not for long", "not by much", "dev error still falls", "the cost rises as well"],
)
def test_what_is_no_overfitting_is_left_alone(records):
    assert look(records, only="overfitting") == []


def test_a_cost_that_creeps_down_a_straight_line_asks_for_three_times_the_rate():
    [found] = look(curve(1.0 - 0.01 * np.arange(5)), {"learning_rate": 1e-4})
    assert (found.name, found.settings, found.rollback_to) == ("too slow", {"learning_rate": 3e-4}, None)
    assert found.sentence.startswith("The cost creeps down, from 1 to 0.96 in 5 epochs, as slowly at the end as at the start")


def test_one_that_hardly_moves_asks_for_ten_times_the_rate():
    [found] = look(curve(1.0 - 0.001 * np.arange(5)), {"learning_rate": 1e-4})
    assert found.settings == {"learning_rate": 1e-3}


@pytest.mark.parametrize(
    ("records", "settings"),
    [
        (curve(bent(5, fast=0.2)), {}),
        (curve(1.0 - 0.1 * np.arange(5)), {}),
        (curve(1.0 - 0.01 * np.arange(4)), {}),
        (curve(1.0 - 0.01 * np.arange(7)), {}),
        (curve([1.0, 0.98, 1.0, 0.97, 0.98]), {}),
        (curve(1.0 - 0.01 * np.arange(5)), {"schedule": "one_cycle"}),
        (curve(1.0 - 0.01 * np.arange(5)), {"warmup_epochs": 5.0}),
    ],
    ids=["bends", "falls fast", "too short", "past its moment", "noisy", "one cycle rises by itself", "warm-up"],
)
def test_what_is_not_too_slow_is_left_alone(records, settings):
    assert look(records, {**CONSTANT, **settings}) == []


def stuck(epochs: int = 24, seed: int = 0) -> list[EpochRecord]:
    """Falls, and then stands at a level that noise holds it at."""
    noise = 1 + 0.03 * np.random.default_rng(seed).normal(size=epochs)
    cost = bent(epochs, fast=1.5) * noise
    return curve(cost, dev_error=[*bent(8, fast=0.9), *np.full(epochs - 8, 0.4)])


def test_a_cost_that_stands_still_asks_for_half_the_rate():
    [found] = look(stuck(), only="plateau")
    assert (found.settings, found.rollback_to) == ({"learning_rate": 0.05}, None)
    assert "no dev error was below that of epoch 8" in found.sentence


def test_a_plateau_is_the_business_of_a_schedule_that_lowers_the_rate_unless_a_rate_was_set_since():
    cosine = {"learning_rate": 0.1, "schedule": "cosine"}
    assert look(stuck(), cosine, rate=0.06, only="plateau") == []
    assert names(look(stuck(), cosine, rate=0.1, only="plateau")) == ["plateau"]


@pytest.mark.parametrize(
    "records",
    [
        stuck(14),
        curve(bent(24, fast=0.05)),
        curve(np.full(24, 0.3), dev_error=[0.2, *np.full(23, 0.3)]),
        curve(bent(24, fast=1.5), dev_error=[*bent(8, fast=0.9), *np.full(16, 0.4)]),
        curve([r.train_cost for r in stuck()], train_error=0.0, dev_error=[r.dev_error for r in stuck()]),
    ],
    ids=["too short", "still falls", "never began to fall", "without noise", "no error left"],
)
def test_what_is_no_plateau_is_left_alone(records):
    assert look(records, only="plateau") == []


# Waiting, giving up, modes.


def test_every_rule_but_diverged_waits_for_epochs_after_a_change():
    troubled = {"oscillating": curve(shaken(24, 0.3)), "overfitting": overfitted(40), "plateau": stuck(40)}
    for name, records in troubled.items():
        settings = {**CONSTANT, "l2": 0.1}
        assert names(look(records, settings, only=name)) == [name]
        for who in (name, "a person"):
            recent = [Past(name=who, epoch=len(records) - 5)]
            assert look(records, settings, recent, only=name) == []
            assert names(look(records, settings, [Past(name=who, epoch=len(records) - 5, acted=False)], only=name)) in ([], [name])
    assert names(look(curve([*bent(10), math.nan]), history=[Past(name="plateau", epoch=10)])) == ["diverged"]


def test_after_a_rollback_the_wait_counts_from_the_epoch_gone_back_to():
    records = curve(shaken(12, 0.3))
    back = [Past(name="a person", epoch=40, rollback_to=4)]
    assert names(look(records, history=back)) == ["oscillating"]
    assert look(records[:11], history=back) == []


def test_too_slow_looks_again_after_its_own_change_and_not_after_another_s():
    records = curve(1.0 - 0.01 * np.arange(10))
    assert names(look(records, history=[Past(name="too slow", epoch=5)])) == ["too slow"]
    assert look(records, history=[Past(name="a person", epoch=5)]) == []
    assert look(records, history=[Past(name="too slow", epoch=3), Past(name="a person", epoch=5)]) == []


def test_what_nobody_followed_is_said_again_only_later():
    sitter, records, history, said = Babysitter("suggest"), curve(shaken(40, 0.3, fast=0.01)), [], []
    for epoch in range(1, 41):
        found = sitter.look(records[:epoch], CONSTANT, history, rate=0.1)
        history += [one.past(acted=False) for one in found]
        said += [one.epoch for one in found if one.name == "oscillating"]
    assert said[0] == 8
    assert set(np.diff(said)) == {AGAIN}


def test_a_rule_gives_up_after_its_tries():
    for rule in RULES:
        records = {"diverged": curve([*bent(10), math.nan]), "oscillating": curve(shaken(20, 0.3)), "overfitting": overfitted(),
                   "too slow": curve(1.0 - 0.01 * np.arange(5)), "plateau": stuck()}[rule.name]  # fmt: skip
        past = [Past(name=rule.name, epoch=0)]
        settings = {**CONSTANT, "l2": 0.1}
        assert names(look(records, settings, past * (rule.tries - 1), only=rule.name)) == [rule.name]
        assert look(records, settings, past * rule.tries, only=rule.name) == []


def test_modes_are_by_rule_and_those_left_out_are_off():
    records = curve([*bent(10), math.nan])
    assert Babysitter("off").look(records, CONSTANT, rate=0.1) == []
    assert Babysitter({"plateau": "act"}).look(records, CONSTANT, rate=0.1) == []
    for mode, acts in zip(MODES[1:], (False, True), strict=True):
        sitter = Babysitter({"diverged": mode})
        [found] = sitter.look(records, CONSTANT, rate=0.1)
        assert sitter.acts(found) is acts
    assert Babysitter().modes == dict.fromkeys(NAMES, "suggest")


def test_the_most_urgent_comes_first_and_a_curve_that_ended_in_nan_is_judged_by_nothing_else():
    records = curve([*shaken(14, 0.3), 9.0])
    assert names(look(records)) == ["diverged", "oscillating"]
    assert names(look(curve([*shaken(14, 0.3), math.nan]))) == ["diverged"]
    assert look(curve([*shaken(14, 0.3), math.nan]), only="oscillating") == []


def test_unknown_rules_and_modes_are_refused():
    with pytest.raises(SpaceError, match=r"must be one of diverged, oscillating, .*, got 'platau'; did you mean plateau"):
        Babysitter({"platau": "act"})
    with pytest.raises(SpaceError, match="the mode of a rule must be off, suggest or act, got 'on' for diverged; choose one"):
        Babysitter("on")  # pyright: ignore[reportArgumentType]


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=30), st.sampled_from([*NAMES, "a person"]),
    st.integers(0, 30), st.sampled_from([None, 0, 3]), st.booleans(),
)  # fmt: skip
def test_any_curve_is_looked_at_without_a_warning_twice_alike_and_with_rates_above_zero(costs, name, epoch, back, acted):
    history = [Past(name=name, epoch=epoch, rollback_to=back, acted=acted)]
    records = curve(costs)
    first, again = (look(records, {**CONSTANT, "l2": 0.1}, history) for _ in range(2))
    assert first == again
    for found in first:
        assert found.settings.get("learning_rate", 1.0) > 0  # pyright: ignore[reportOperatorIssue]
        assert found.rollback_to is None or 0 <= found.rollback_to <= len(records)


# Trained.


def table(rows: int = 500, noise: float = 0.5, inputs: int = 6) -> TrainingData:
    draw = np.random.default_rng(2)
    x = draw.normal(size=(rows + 400, inputs)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + noise * draw.normal(size=rows + 400) > 0).astype(np.int64)
    return TrainingData(train_inputs=x[:rows], train_targets=y[:rows], dev_inputs=x[rows:], dev_targets=y[rows:])


@dataclass
class Trial:
    """A training with a babysitter beside it. Its epochs are those that were trained, ways given up included."""

    configuration: dict[str, Any]
    data: TrainingData
    epochs: int
    seed: int = 0
    said: list[Suggestion] = field(default_factory=list)
    best: tuple[float, float] = (math.inf, math.inf)

    def build(self, settings) -> Member:
        return build_member(
            {"hidden_units": 12, "num_layers": 2, "batch_size": 32} | settings, num_inputs=self.data.train_inputs.shape[1], num_outputs=2,
            task=Task.BINARY, seed=Seed(study=self.seed, trial=0), total_epochs=self.epochs,
        )  # fmt: skip

    def live(self, sitter: Babysitter) -> "Trial":
        settings, member = dict(self.configuration), self.build(self.configuration)
        states, records, history = [member.state.copy()], [], []
        steps = math.ceil(self.data.num_rows / member.hyperparameters.batch_size)
        for _ in range(self.epochs):
            rates = member.learning_rates
            rate = float(rates(member.state.epoch, steps).mean())
            [[record]] = ENGINE.advance([member], self.data)
            if isinstance(rates, HearsCurve):
                rates.hear(record)
            records.append(record)
            states.append(member.state.copy())
            is_well = math.isfinite(record.train_cost) and math.isfinite(record.dev_loss)
            if is_well:
                self.best = min(self.best, (record.dev_error, record.dev_loss))
            found = sitter.look(records, settings, history, rate=rate)
            self.said += found
            acting = [one for one in found if sitter.acts(one)][:1]
            history += [one.past(acted=bool(acting)) for one in acting or found]
            for one in acting:
                self._follow(one, member, settings, records, states)
            if not is_well and not acting:
                break
        return self

    def _follow(self, one: Suggestion, member: Member, settings, records, states) -> None:
        if one.rollback_to is not None:
            member.state = states[one.rollback_to].copy()
            del records[one.rollback_to :], states[one.rollback_to + 1 :]
        settings.update(one.settings)
        member.hyperparameters = self.build(settings).hyperparameters
        if "learning_rate" in one.settings:
            rate = float(one.settings["learning_rate"])
            member.learning_rates = lambda _epoch, steps: np.full(steps, rate)


HEALTHY = (
    {"learning_rate": 3e-3},
    {"learning_rate": 1e-2, "l2": 0.5},
    {"learning_rate": 0.1, "optimizer": "momentum"},
    {"learning_rate": 0.2, "optimizer": "gd"},
    {"learning_rate": 3e-3, "batch_norm": False, "activation": "tanh"},
    {"learning_rate": 5e-3, "keep_prob": 0.9},
)


def test_of_54_healthy_trainings_with_every_schedule_at_most_two_hear_a_suggestion():
    data = table(rows=1_500)
    heard = []
    for schedule in SCHEDULES:
        for number, settings in enumerate(HEALTHY):
            trial = Trial({"schedule": schedule, **settings}, data, epochs=25, seed=number).live(Babysitter("suggest"))
            assert trial.best[0] < 0.3
            heard += [(schedule, number, trial.said[0].name, trial.said[0].sentence)] if trial.said else []
    assert len(heard) <= 2, heard


GD = {"optimizer": "gd", "schedule": "constant", "batch_norm": False, "activation": "elu"}
ADAM = {"optimizer": "adam", "schedule": "constant"}
BAD = {
    "explodes": ({**GD, "learning_rate": 30.0}, table(), "diverged", 0.2),
    "rises": ({**GD, "learning_rate": 3.0}, table(rows=1_000, noise=1.5), "diverged", 0.3),
    "too high": ({**ADAM, "learning_rate": 1.0}, table(noise=0.0), "oscillating", 0.2),
    "hardly moves": ({**GD, "learning_rate": 1e-5}, table(), "too slow", 0.3),
    "creeps": ({**ADAM, "learning_rate": 1e-5, "batch_norm": False}, table(), "too slow", 0.3),
    "overfits": ({**ADAM, "learning_rate": 1e-2, "hidden_units": 64, "l2": 1e-3}, table(rows=150, inputs=20), "overfitting", 0.45),
    "noisy": ({"optimizer": "momentum", "learning_rate": 1.0}, table(rows=1_000, noise=1.5), "plateau", 0.25),
}
"""Configuration, data, the rule that it needs, and a dev error to be below with help."""


def first_said(trial: Trial, name: str) -> Suggestion | None:
    return next((one for one in trial.said if one.name == name), None)


@pytest.mark.parametrize("start", BAD)
def test_a_bad_start_is_recognised_and_the_acting_babysitter_ends_no_worse(start):
    configuration, data, name, within = BAD[start]
    left, helped = (Trial(configuration, data, epochs=40).live(Babysitter(mode)) for mode in ("suggest", "act"))
    assert first_said(left, name), left.said
    assert first_said(helped, name), helped.said
    assert helped.best[0] <= left.best[0]
    assert helped.best[0] < within


def test_a_rule_of_one_s_own_is_heard_like_the_others():
    class Late:
        name, tries = "late", 1

        def look(self, seen):
            return Suggestion(name="late", epoch=seen.epoch, sentence="late", settings={"l2": 1.23456}) if seen.epoch > 3 else None

    rules: tuple[Rule, ...] = (*RULES, Late())
    [found] = Babysitter({"late": "act"}, rules=rules).look(curve(bent(4)), CONSTANT, rate=0.1)
    assert found.settings == {"l2": 1.23}
