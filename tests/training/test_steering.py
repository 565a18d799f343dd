"""Steering: settings change while a trial trains, and its script repeats it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.core.records import Task, TrialState
from osetra.core.seeding import Seed
from osetra.engines.native.engine import NativeEngine
from osetra.engines.port import TrainingData
from osetra.training.checkpoint import pack
from osetra.training.life import Life
from osetra.training.recipe import build_member
from osetra.training.steering import Change, Script, apply, check_change, live_by

EPOCHS = 10
BEGIN = {"learning_rate": 0.05, "hidden_units": 5, "num_layers": 1, "batch_size": 16, "schedule": "cosine"}


def build(configuration, total):
    return build_member(configuration, num_inputs=4, num_outputs=2, task=Task.MULTICLASS, seed=Seed(study=1, trial=2), total_epochs=total)


def toy() -> TrainingData:
    draw = np.random.default_rng(0)
    inputs, targets = draw.normal(size=(60, 4)).astype(np.float32), draw.integers(0, 2, 60)
    return TrainingData(train_inputs=inputs[:40], train_targets=targets[:40], dev_inputs=inputs[40:], dev_targets=targets[40:])


DATA = toy()


def begun(patience=None, **more) -> Life:
    return Life(build({**BEGIN, **more}, EPOCHS), NativeEngine(), DATA, epochs=EPOCHS, patience=patience)


def steered(*steps, **more) -> tuple[Life, Script]:
    """A life to which things happen as they would to one in training: numbers train so many epochs, changes are made."""
    life, script = begun(**more), Script({**BEGIN, **more}, EPOCHS)
    for step in steps:
        if isinstance(step, int):
            life.go_on(step)
        else:
            made = Change(epoch=life.epochs, settings=step.get("settings", {}), total=step.get("total"))
            check_change(script, made, build, DATA)
            script.add(made)
            apply(life, script, build)
    return life, script


def bits(life: Life) -> tuple[object, ...]:
    state = life.member.state
    curve = [(r.epoch, r.train_cost, r.train_error, r.dev_loss, r.dev_error) for r in life.standing.curve]
    return curve, state.step, state.parameters.tobytes(), state.second_moment.tobytes(), life.weights.parameters.tobytes()


def test_a_change_holds_from_the_next_epoch_on():
    plain, changed = begun(), steered(4, {"settings": {"learning_rate": 0.01, "l2": 3.0, "keep_prob": 0.8}}, 6)[0]
    plain.go_on(EPOCHS)
    assert bits(plain)[0][:4] == bits(changed)[0][:4]
    assert bits(plain)[0][4:] != bits(changed)[0][4:]
    assert changed.member.hyperparameters.l2 == 3.0
    assert changed.member.hyperparameters.keep_prob == (0.8,)
    assert changed.member.learning_rates(3, 2) == pytest.approx(plain.member.learning_rates(3, 2))
    assert changed.member.learning_rates(4, 2).tolist() == [0.01, 0.01]


def test_a_schedule_that_is_set_is_laid_out_over_all_epochs_with_the_rate_that_was_set():
    life, _ = steered(2, {"settings": {"learning_rate": 0.2}}, 2, {"settings": {"schedule": "inverse", "decay": 1.0}}, 1)
    assert life.member.learning_rates(3, 1).tolist() == [0.2]
    assert life.member.learning_rates(4, 1)[0] == pytest.approx(0.2 / 5)


def test_more_epochs_lay_the_schedule_out_anew_but_leave_a_rate_that_was_set():
    longer, _ = steered(EPOCHS, {"total": 20}, 5)
    assert longer.epochs == 15
    assert longer.member.learning_rates(10, 1)[0] == pytest.approx(0.05 / 2, rel=0.01)
    set_before, _ = steered(2, {"settings": {"learning_rate": 0.02}}, 8, {"total": 20}, 1)
    assert set_before.member.learning_rates(12, 1).tolist() == [0.02]


def test_a_trial_that_patience_ended_goes_on_when_it_is_taken_in_hand():
    life, script = begun(patience=1, schedule="constant"), Script({**BEGIN, "schedule": "constant"}, EPOCHS)
    life.go_on(EPOCHS)
    assert life.state is TrialState.FINISHED
    assert life.epochs < EPOCHS
    ended = life.epochs
    script.add(Change(epoch=ended))
    apply(life, script, build)
    life.go_on(EPOCHS)
    assert life.epochs == EPOCHS
    again = begun(patience=1, schedule="constant")
    live_by(again, script, build, EPOCHS)
    assert bits(again) == bits(life)


STEPS = st.one_of(
    st.integers(1, 4),
    st.fixed_dictionaries({"settings": st.fixed_dictionaries({}, optional={
        "learning_rate": st.sampled_from([0.3, 0.001]), "l2": st.sampled_from([0.0, 5.0]), "batch_size": st.sampled_from([8, 40]),
        "keep_prob": st.sampled_from([1.0, 0.7]), "schedule": st.sampled_from(["constant", "cosine", "reduce_on_plateau"]),
    })}),
    st.fixed_dictionaries({"total": st.integers(25, 30)}),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=6), st.data())
def test_whatever_was_done_to_a_trial_its_script_repeats_it_from_the_start_and_from_any_checkpoint(steps, data):
    life, script = begun(), Script(BEGIN, EPOCHS)
    kept = {}
    for step in [*steps, 1]:
        if isinstance(step, dict):
            script.add(Change(epoch=life.epochs, settings=step.get("settings", {}), total=step.get("total")))
            apply(life, script, build)
        elif life.state is not TrialState.FINISHED:
            life.go_on(step)
            kept[life.epochs] = pack(life)
    again = begun()
    live_by(again, script, build, life.epochs)
    assert bits(again) == bits(life)
    at = data.draw(st.sampled_from(sorted(kept)))
    halfway = begun()
    live_by(halfway, script, build, life.epochs, checkpoint=kept[at], curve=life.standing.curve)
    assert bits(halfway) == bits(life)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 9))
def test_a_trial_that_was_rolled_back_is_one_that_never_went_there(first, back):
    back = min(back, first)
    _, script = steered(first, {"settings": {"learning_rate": 0.3}}, 1)
    forgotten = script.roll_back(back)
    assert [change.epoch for change in forgotten] == ([first] if back <= first else [])
    rolled, straight = begun(), begun()
    live_by(rolled, script, build, back)
    assert rolled.epochs == back
    script.add(Change(epoch=back, settings={"l2": 2.0}))
    apply(rolled, script, build)
    rolled.go_on(2)
    live_by(straight, Script(BEGIN, EPOCHS, [Change(epoch=back, settings={"l2": 2.0})]), build, rolled.epochs)
    assert bits(rolled) == bits(straight)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_units": 9}, "hidden_units cannot change while a trial trains; set one of learning_rate"),
        ({"flip": True}, "flip"),
        ({"learning_rate": -1.0}, "learning_rate must be > 0, got -1.0"),
        ({"l2": -1.0}, "l2 must be >= 0"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_changes(settings, words):
    life, script = steered(2)
    with pytest.raises(SpaceError, match=words):
        check_change(script, Change(epoch=2, settings=settings), build, DATA)
    assert script.configuration == BEGIN
    assert life.member.hyperparameters.l2 == 0.0


def test_fewer_epochs_than_it_has_are_refused():
    with pytest.raises(SpaceError, match="a trial of 4 epochs can only be given more than these, got 3"):
        check_change(Script(BEGIN, EPOCHS), Change(epoch=4, total=3), build, DATA)
