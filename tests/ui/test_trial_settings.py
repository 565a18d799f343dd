"""What a trial's page makes of settings, events and commands, without a browser."""

import shlex
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.core.records import Command, CommandState, Event, Study, StudyState, Task, Trial, TrialState
from osetra.space.scales import log, one_minus_log
from osetra.space.space import Space
from osetra.store.memory import MemoryStore
from osetra.study.past import Past
from osetra.ui.pages.trial.fields import STEPS, Setting, main_settings, other_settings, read_other, shown
from osetra.ui.pages.trial.happened import SUGGESTED, asked, happened, without_repeats
from osetra.ui.pages.trial.lists import can_be_undone, latest_suggestion
from osetra.ui.pages.trial.seen import Seen, script_of
from osetra.ui.pages.trial.typed import done, resume, typed

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CONFIGURATION = {"learning_rate": 0.01, "l2": 0.0, "keep_prob": 0.9, "batch_size": 96, "schedule": "cosine", "optimizer": "nesterov"}


def study(**facts):
    return Study(
        name="my study", state=StudyState.RUNNING, created=NOW, task=Task.BINARY, target="label", source="rows.csv", seed=0,
        error_name="error rate", facts={"epochs_per_trial": 50, "split": {"sizes": [1000, 100, 100]}, **facts},
    )  # fmt: skip


def event(kind, epoch=4, who="ada", **detail):
    return Event(trial=7, epoch=epoch, kind=kind, detail=detail, who=who, at=NOW)


def change(kind, epoch, settings, *, total=None, **more):
    detail = {"epoch": epoch, "settings": settings, "total": total, **more}
    return Event(trial=7, epoch=epoch, kind=kind, detail=detail, who="ada", at=NOW)


def seen(events=(), commands=(), *, epochs=20, record=None, is_trained=True):
    record = record or study()
    trial = Trial(
        number=7, configuration=CONFIGURATION, state=TrialState.RUNNING, reason="in hand", epochs=epochs, best_epoch=6, dev_error=0.1
    )
    return Seen(
        record=record, trial=trial, curve=(), events=events, checkpoints=(), commands=commands, best=3, before=6, after=None,
        is_trained=is_trained, script=script_of(trial, events, total=50),
    )  # fmt: skip


TAKEN = change("taken in hand", 2, {}, curve=[])
SET = change("set", 4, {"learning_rate": 0.1}, old={"learning_rate": 0.01}, why="too slow")


def test_each_main_setting_has_a_slider_on_its_own_scale_or_a_choice():
    found = {one.name: one for one in main_settings(CONFIGURATION, study())}
    assert list(found) == ["learning_rate", "momentum", "l2", "keep_prob", "batch_size", "schedule"]
    kinds = {name: one.scale.kind for name, one in found.items() if one.scale is not None}
    assert kinds == {"learning_rate": "log", "momentum": "one_minus_log", "l2": "log", "keep_prob": "linear"}
    assert "cosine" in found["schedule"].options
    # Its own size is among them though no power of two; none is greater than the training part.
    assert found["batch_size"].options == (8, 16, 32, 64, 96, 128, 256, 512)
    assert found["momentum"].value == 0.9, "the engines' own, where the configuration leaves it out"


def test_an_optimiser_without_momentum_has_the_decay_that_it_has():
    names = [one.name for one in main_settings({**CONFIGURATION, "optimizer": "adam"}, study())]
    assert names[1] == "beta1"
    assert main_settings({**CONFIGURATION, "optimizer": "gd"}, study())[1].name == "l2"


def test_a_slider_reaches_what_was_searched_and_the_value_in_effect():
    space = Space({"learning_rate": log(1e-9, 10)}).to_dict()
    rate = main_settings(CONFIGURATION, study(space=space))[0]
    assert rate.scale == log(1e-9, 10)
    far = main_settings({**CONFIGURATION, "learning_rate": 300.0}, study())[0]
    assert far.place_of(300.0) == STEPS


@given(st.sampled_from(range(4)), st.integers(0, STEPS))
def test_a_slider_stands_where_the_value_of_its_place_lies(which, place):
    """To 3 digits, which is less than what the slider tells apart on no scale but by a few steps."""
    one = main_settings(CONFIGURATION, study())[which]
    value = one.value_at(place)
    assert abs(one.place_of(value) - place) <= 3
    assert one.read(shown(value)) in (None, value)


def test_the_left_end_of_lambda_is_none_at_all():
    l2 = main_settings(CONFIGURATION, study())[2]
    assert (l2.value_at(0), l2.place_of(0.0)) == (0.0, 0)
    assert 0 < float(l2.value_at(1)) < 1e-4


def test_what_is_typed_is_read_and_refused_as_everywhere():
    rate = Setting(name="learning_rate", value=1 / 3, scale=log(1e-3, 1))
    # What the field shows is rounded, and means the value in effect.
    assert rate.read("0.333333") is None
    assert rate.read(" 1e-2 ") == 0.01
    assert rate.read("1") == 1.0
    for text, words in (("-1", "learning_rate must be > 0"), ("", "must be one number or word"), ("fast", "learning_rate must be > 0")):
        with pytest.raises(SpaceError, match=words):
            rate.read(text)
    assert Setting(name="keep_prob", value=1.0).read("0.9-0.5") == "0.9-0.5"
    momentum = Setting(name="momentum", value=0.9, scale=one_minus_log(0.5, 0.999))
    with pytest.raises(SpaceError, match=r"momentum must be in \[0, 1\)"):
        momentum.read("1")


def test_other_settings_are_those_without_a_field_of_their_own():
    names = other_settings(CONFIGURATION)
    assert {"clip_norm", "warmup_epochs", "beta2"} <= set(names)
    assert not {"learning_rate", "momentum", "schedule"} & set(names)
    assert read_other("clip_norm", "5") == 5
    with pytest.raises(SpaceError, match="clip_norm must be >= 0"):
        read_other("clip_norm", "-5")


def test_what_is_in_effect_is_what_a_study_that_goes_on_takes_up():
    """The page and the desk read the same events."""
    events = [
        TAKEN, SET, change("extended", 6, {}, total=80, old=50), change("set", 9, {"l2": 2.0}, old={"l2": 0.0}),
        change("rolled back", 8, {"momentum": 0.5}, **{"from": 12}), change("set", 10, {"keep_prob": 0.5}, old={"keep_prob": 0.9}),
    ]  # fmt: skip
    store = MemoryStore()
    store.create_study(study())
    trial = Trial(number=7, configuration=CONFIGURATION, state=TrialState.RUNNING, epochs=11)
    store.record("my study", trials=[trial], events=events)
    script = script_of(trial, events, total=50)
    assert script.changes == [one for one in Past.of(store, "my study").scripts[7] if one.settings or one.total]
    assert script.total == 80
    assert script.configuration == {**CONFIGURATION, "learning_rate": 0.1, "momentum": 0.5, "keep_prob": 0.5}


def test_a_change_can_be_undone_while_it_is_in_effect_and_the_study_is_trained():
    assert can_be_undone(seen([TAKEN, SET]), SET)
    assert not can_be_undone(seen([TAKEN, SET], is_trained=False), SET)
    back = change("rolled back", 3, {}, **{"from": 9})
    assert not can_be_undone(seen([TAKEN, SET, back]), SET)
    # Where no epoch came since there is nothing to go back to: a value can be set again, epochs cannot be taken away.
    extended = change("extended", 20, {}, total=80, old=50)
    assert not can_be_undone(seen([TAKEN, extended]), extended)
    assert can_be_undone(seen([TAKEN, extended], epochs=21), extended)


def test_a_suggestion_stands_until_something_is_changed():
    suggested = event("suggested", 9, "babysitter", rule="plateau", settings={"learning_rate": 0.005}, rollback_to=None, why="it stalls")
    assert latest_suggestion(seen([TAKEN, SET, suggested])) is suggested
    assert latest_suggestion(seen([TAKEN, suggested, change("set", 10, {"l2": 1.0}, old={})])) is None
    assert latest_suggestion(seen([suggested], is_trained=False)) is None
    assert happened(suggested, "error rate") == "suggested: set learning_rate 0.005"


@pytest.mark.parametrize(
    ("kind", "detail", "words", "line"),
    [
        ("set", {"settings": {"learning_rate": 0.1, "keep_prob": "0.9-0.5"}}, "set learning_rate 0.1, keep_prob 0.9-0.5",
         "osetra set 'my study' 7 learning_rate=0.1 keep_prob=0.9-0.5"),
        ("pause", {}, "pause", "osetra pause 'my study' 7"),
        ("extend", {"epochs": 5}, "extend by 5 epochs", "osetra extend 'my study' 7 5"),
        ("rollback", {"epoch": "best"}, "roll back to its best epoch", "osetra rollback 'my study' 7 best"),
        ("branch", {"epoch": 3, "settings": {"l2": 2.0}}, "branch from epoch 3 with l2 2", "osetra branch 'my study' 7 l2=2.0 --epoch 3"),
        ("branch", {"settings": {}}, "branch from here", "osetra branch 'my study' 7"),
    ],
)  # fmt: skip
def test_a_command_is_said_and_typed(kind, detail, words, line):
    command = Command(id=1, trial=7, kind=kind, detail=detail, why="it's so", who="ada", at=NOW, state=CommandState.DONE)
    assert asked(command) == words
    assert typed(seen(), kind, detail, "osetra.db") == line
    [told] = done(seen(commands=[command]), "my studies.db")
    assert shlex.split(told) == [*shlex.split(line), "--why", "it's so", "--store", "my studies.db"]
    assert resume(seen(), "my studies.db") == "osetra resume 'my study' --store 'my studies.db'"


def test_events_are_told_with_old_and_new_values_and_without_why():
    assert happened(SET, "error rate") == "learning_rate 0.01 → 0.1"
    assert happened(change("rolled back", 3, {}, **{"from": 9}), "error rate") == "rolled back from epoch 9 to 3"
    assert happened(event("finished", reason="no better for 66 epochs"), "error rate") == "it ended, finished: no better for 66 epochs"


def test_why_a_trial_cannot_be_steered_is_said():
    assert seen().why_not == ""
    assert "Resume it" in seen(is_trained=False).why_not
    assert seen(is_trained=False).can_resume


def test_what_is_suggested_again_and_again_is_one_line():
    def said(epoch, l2):
        return Event(trial=7, epoch=epoch, kind=SUGGESTED, detail={"rule": "overfitting", "settings": {"l2": l2}}, who="babysitter", at=NOW)

    changed = Event(trial=7, epoch=35, kind="set", detail={"settings": {"l2": 1.0}, "old": {}}, who="ada", at=NOW)
    events = [said(10, 1.0), said(15, 9.0), said(20, 1.0), said(30, 1.0), changed, said(40, 1.0), said(50, 10.0)]
    assert without_repeats(events) == [(said(15, 9.0), 1), (said(30, 1.0), 3), (changed, 1), (said(40, 1.0), 1), (said(50, 10.0), 1)]
