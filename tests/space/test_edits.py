"""An edit does what its name says or is refused; the history of a space is kept exactly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import Edit, Space, SpaceHistory, choice, integer, linear, log, ordinal, parse_scale, powers_of_two, when

SPACE = Space(
    {
        "learning_rate": log(1e-4, 0.1),
        "optimizer": choice("adam", "momentum"),
        "momentum": when(linear(0.5, 0.9), optimizer="momentum"),
        "batch_size": powers_of_two(64, 512),
        "width": ordinal(1, 3, 10),
        "num_layers": integer(1, 3),
        "eps": 1e-8,
        "beta2": when(0.999, optimizer="adam"),
    },
    constraints=("num_layers * batch_size < 1000",),
)
GOOD = {
    "learning_rate": 1e-2, "optimizer": "momentum", "momentum": 0.7, "batch_size": 128, "width": 3, "num_layers": 2, "eps": 1e-8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "name", "entry"),
    [
        (lambda space: space.widen("learning_rate", 1e-5, 1), "learning_rate", log(1e-5, 1)),
        (lambda space: space.widen("batch_size", 64, 1024), "batch_size", powers_of_two(64, 1024)),
        (lambda space: space.widen("num_layers", 0, 3), "num_layers", integer(0, 3)),
        (lambda space: space.widen("momentum", 0.5, 0.95), "momentum", when(linear(0.5, 0.95), optimizer="momentum")),
        (lambda space: space.narrow("learning_rate", 1e-3, 0.1), "learning_rate", log(1e-3, 0.1)),
        (lambda space: space.narrow("width", 2, 10), "width", ordinal(3, 10)),
        (lambda space: space.fix("learning_rate", 0.01), "learning_rate", 0.01),
        (lambda space: space.fix("eps", 1e-7), "eps", 1e-7),
        (lambda space: space.fix("momentum", 0.6), "momentum", when(0.6, optimizer="momentum")),
        (lambda space: space.add_choice("optimizer", "gd"), "optimizer", choice("adam", "momentum", "gd")),
        (lambda space: space.add_choice("width", 5), "width", ordinal(1, 3, 5, 10)),
        (lambda space: space.release("eps", log(1e-10, 1e-6)), "eps", log(1e-10, 1e-6)),
        (lambda space: space.release("beta2", linear(0.9, 0.9999)), "beta2", when(linear(0.9, 0.9999), optimizer="adam")),
    ],
)
def test_an_edit_changes_one_entry_and_leaves_a_record(edit, name, entry):
    edited = edit(SPACE)
    assert edited == SPACE.replace({name: entry})
    assert edited != SPACE
    assert edited.edit is not None
    assert edited.edit.name == name
    assert parse_scale(edited.edit.old) == SPACE.entries()[name]
    assert parse_scale(edited.edit.new) == entry
    assert SPACE.edit is None
    assert edited.with_(num_layers=2).edit is None


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda space: space.widen("learning_rate", 1e-3, 1),
            "learning_rate must hold all of log(0.0001, 0.1) and more to be widened, got log(0.001, 1)",
        ),
        (lambda space: space.widen("learning_rate", 1e-3, 0.1), "give a lower low or a higher high, or use narrow"),
        (lambda space: space.widen("learning_rate", 1e-4, 0.1), "and more to be widened, got log(0.0001, 0.1); give a lower low"),
        (
            lambda space: space.widen("learning_rate", 0, 1),
            "learning_rate cannot have the range log(0, 1): log needs 0 < low < high",
        ),
        (lambda space: space.widen("batch_size", 60, 512), "powers_of_two needs bounds that are powers of two"),
        (lambda space: space.widen("optimizer", 1, 2), "optimizer must be a range to be widened, got choice(adam, momentum); to a choice"),
        (lambda space: space.widen("eps", 1e-9, 1), "eps must be a range to be widened, got 1e-08; release it onto a scale first"),
        (lambda space: space.widen("eta", 1, 2), "an edit must name a hyperparameter of the space, got 'eta'; did you mean beta2?"),
        (
            lambda space: space.narrow("learning_rate", 1e-5, 0.1),
            "learning_rate must lie within log(0.0001, 0.1) and hold less to be narrowed, got log(1e-05, 0.1)",
        ),
        (lambda space: space.narrow("learning_rate", 1e-5, 1), "give a higher low or a lower high, or use widen"),
        (lambda space: space.narrow("num_layers", 2, 2), "to fix the value give 2 itself"),
        (lambda space: space.narrow("width", 2, 5), "must keep at least two of its values and lose one to be narrowed, got 2 .. 5"),
        (lambda space: space.narrow("width", 0, 50), "which keeps 3 of ordinal(1, 3, 10)"),
        (lambda space: space.narrow("optimizer", 1, 2), "got choice(adam, momentum); fix a choice, or replace it by a shorter one"),
        (lambda space: space.fix("learning_rate", 1.0), "learning_rate must be in log 0.0001 .. 0.1, got 1.0; the nearest is 0.1"),
        (lambda space: space.fix("eps", 1e-8), "eps must not be fixed at 1e-08 already"),
        (lambda space: space.fix("eps", None), "a value must be a finite number"),
        (lambda space: space.add_choice("optimizer", "adam"), "optimizer must not hold adam yet to take it"),
        (lambda space: space.add_choice("width", "wide"), "ordinal needs numbers"),
        (
            lambda space: space.add_choice("num_layers", 5),
            "must be a choice or an ordinal to take another value, got integer(1, 3); use widen",
        ),
        (lambda space: space.add_choice("eps", 5), "got 1e-08; release it onto a scale first"),
        (
            lambda space: space.release("learning_rate", log(1, 2)),
            "learning_rate must be fixed to be released, got log(0.0001, 0.1); use widen",
        ),
        (lambda space: space.release("eps", log(1e-6, 1)), "eps, until now fixed, must be in log 1e-06 .. 1, got 1e-08"),
        (lambda space: space.release("eps", 3), "eps must be released onto a scale, got 3; such as log(1e-4, 0.1)"),
        (lambda space: space.fix("optimizer", "adam").fix("optimizer", "adam"), "already"),
    ],
)
def test_an_edit_that_does_not_do_what_it_says_is_refused(edit, message):
    with pytest.raises(SpaceError) as caught:
        edit(SPACE)
    assert message in str(caught.value)


@given(st.floats(1e-8, 1e-4), st.floats(0.1, 1e4))
def test_what_lay_in_a_space_lies_in_the_widened_one(low, high):
    if (low, high) == (1e-4, 0.1):
        return
    widened = SPACE.widen("learning_rate", low, high)
    widened.validate(GOOD)
    assert widened.narrow("learning_rate", 1e-4, 0.1) == SPACE


def test_a_condition_whose_value_would_be_lost_keeps_a_scale_from_being_narrowed():
    space = Space({"num_layers": integer(1, 4), "dropout": when(linear(0, 1), num_layers=4)})
    with pytest.raises(SpaceError, match="dropout exists only where num_layers is 4, which it never is"):
        space.narrow("num_layers", 1, 3)


def test_a_name_fixed_where_a_condition_fails_leaves_the_conditional_one_out():
    assert "momentum" not in SPACE.fix("optimizer", "adam").nearest(GOOD)


def test_a_record_says_what_was_done_and_why():
    edit = SPACE.widen("learning_rate", 1e-5, 1, why="best on the boundary").edit
    assert edit is not None
    assert edit.describe() == "learning_rate was widened, from log(0.0001, 0.1) to log(1e-05, 1.0): best on the boundary".replace(
        "1.0", "1"
    )
    assert Edit.from_dict(json.loads(json.dumps(edit.to_dict()))) == edit


HISTORY = (
    SpaceHistory.begin(SPACE)
    .after(10, SPACE.widen("learning_rate", 1e-5, 1, why="best on the boundary"))
    .after(10, SPACE.widen("learning_rate", 1e-5, 1).add_choice("optimizer", "gd"))
    .after(25, SPACE.widen("learning_rate", 1e-5, 1).add_choice("optimizer", "gd").fix("num_layers", 2))
)


def test_a_history_knows_the_space_of_every_trial():
    assert HISTORY.at(0) == HISTORY.at(9) == SPACE
    assert HISTORY.at(10) == HISTORY.at(24) == SPACE.widen("learning_rate", 1e-5, 1).add_choice("optimizer", "gd")
    assert HISTORY.at(25) == HISTORY.at(10**6) == HISTORY.space
    assert HISTORY.space.fixed["num_layers"] == 2


def test_a_history_knows_after_how_many_asks_an_edit_was_made():
    history = (
        SpaceHistory.begin(SPACE)
        .after(4, SPACE.fix("eps", 1e-7, why="too small"), asks=9)
        .after(4, SPACE.fix("eps", 1e-7).fix("num_layers", 2), asks=9)
        .after(5, SPACE.fix("eps", 1e-7).fix("num_layers", 2).add_choice("width", 30), asks=12)
    )
    names = [[version.edit.name for version in history.made_at(asks)] for asks in (0, 4, 9, 12)]
    assert names == [[], [], ["eps", "num_layers"], ["width"]]
    again = SpaceHistory.from_dict(json.loads(json.dumps(history.to_dict())))
    assert again.made_at(9) == history.made_at(9)
    assert (again.at_first, again.space) == (SPACE, history.space)
    assert [version.asks for version in HISTORY.versions] == [0, 10, 10, 25]
    with pytest.raises(SpaceError, match="edits must be kept in order, got 11 asks behind 12; give the count now"):
        again.after(5, again.space.fix("batch_size", 64), asks=11)


def test_a_history_comes_back_from_json():
    again = SpaceHistory.from_dict(json.loads(json.dumps(HISTORY.to_dict())))
    assert again == HISTORY
    assert again.describe() == HISTORY.describe()


def test_a_history_is_told_in_sentences():
    assert HISTORY.describe().splitlines() == [
        "after 10 trials learning_rate was widened, from log(0.0001, 0.1) to log(1e-05, 1): best on the boundary",
        "after 10 trials optimizer was given another value, from choice(adam, momentum) to choice(adam, momentum, gd)",
        "after 25 trials num_layers was fixed, from integer(1, 3) to 2",
    ]
    assert SpaceHistory.begin(SPACE).describe() == "the space was not edited"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HISTORY.after(24, HISTORY.space.fix("eps", 1e-6)), "edits must be kept in order, got 24 trials behind 25"),
        (lambda: HISTORY.after(30, SPACE.fix("eps", 1e-6)), "takes one edit of the space in force at a time, got another space"),
        (lambda: HISTORY.after(30, HISTORY.space.with_(eps=1e-6)), "make it from history.space with widen, narrow, fix"),
        (
            lambda: HISTORY.after(30, HISTORY.space.fix("eps", 1e-6).narrow("learning_rate", 1e-3, 1)),
            "takes one edit of the space in force at a time",
        ),
        (lambda: HISTORY.after(30, HISTORY.space.fix("eps", 1e-7).fix("eps", 1e-6)), "takes one edit of the space in force at a time"),
        (lambda: SpaceHistory.from_dict({"versions": [{"trials": 0, "edit": None, "space": {}}]}), "write them with to_dict"),
        (lambda: SpaceHistory.from_dict({}), "a history must be written as a list of versions, got {}"),
        (
            lambda: SpaceHistory.from_dict({"versions": [{"trials": 3, "asks": 3, "edit": None, "space": {}}]}),
            "rising numbers of trials and asks from 0",
        ),
        (lambda: SpaceHistory.from_dict({"versions": [{"trials": 0, "asks": 0, "edit": None}]}), "a space must be written as a mapping"),
        (
            lambda: SpaceHistory.from_dict({"versions": [{"trials": 0, "asks": 0, "edit": {"verb": "widen"}, "space": {}}]}),
            "an edit must be written as texts for verb, name, old, new, why",
        ),
        (
            lambda: Edit(verb="bend", name="a", old="1", new="2"),
            "an edit must be one of widen, narrow, fix, add_choice, release, got 'bend'",
        ),
    ],
)
def test_a_broken_history_is_refused(make, message):
    with pytest.raises(SpaceError) as caught:
        make()
    assert message in str(caught.value)
