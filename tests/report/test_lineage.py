"""The story of a trial: what is told, in which order, and what is left out."""

from datetime import UTC, datetime, timedelta

import pytest

from osetra.core.records import Command, CommandState, Event, Study, StudyState, Task, Trial, TrialState
from osetra.report.lineage import lineage, parent_of, told

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
LINE = {"epoch": 0, "settings": {}, "total": None}


def study(state=StudyState.FINISHED, **facts):
    return Study(
        name="mine", state=state, created=BEGAN, task=Task.BINARY, target="label", source="rows.csv", seed=5, error_name="error rate",
        facts=facts,
    )  # fmt: skip


def trial(number=7, **more):
    known = {"state": TrialState.FINISHED, "epochs": 20, "best_epoch": 18, "dev_error": 0.125}
    return Trial(number=number, configuration={"learning_rate": 0.01, "initialisation": "he"}, **{**known, **more})


def events(number, *rows):
    """Each (epoch, kind, detail) or (epoch, kind, detail, who), a minute after the one before."""
    return [
        Event(trial=number, epoch=row[0], kind=row[1], detail=row[2], who=(*row, "osetra")[3], at=BEGAN + timedelta(minutes=place))
        for place, row in enumerate(rows)
    ]


def sentences(story):
    return [step.sentence for step in story.steps]


STEERED = [
    (0, "started", {}),
    (0, "warm start", {"study": "old", "trial": 3, "changes": ["l2 was moved to 1"]}),
    (1, "probe", {"layers": []}),
    (4, "promoted", {"until": 20}),
    (6, "taken in hand", {"curve": [], **LINE}),
    (6, "set", {**LINE, "settings": {"learning_rate": 0.3, "l2": 2.0}, "old": {"learning_rate": 0.01, "l2": None}, "why": "slow"}, "ada"),
    (6, "rolled back", {**LINE, "from": 9, "dropped": [], "forgotten": [{**LINE, "settings": {"learning_rate": 0.3}}]}, "ben"),
    (20, "finished", {"reason": "trained its 20 epochs"}),
]


def test_a_story_goes_from_initialisation_to_file():
    story = lineage(study(best=7, model="/models/mine"), [(trial(), events(7, *STEERED))])
    began, *rest = sentences(story)
    assert began.startswith("Trial 7 began with weights drawn by initialisation he from the study's seed 5 and its own number; ")
    assert began.endswith("; its configuration is that of trial 3 of study old, changed to fit: l2 was moved to 1.")
    assert rest == [
        "After epoch 4 it climbed a rung and went on, up to epoch 20.",
        "After epoch 6 it was taken in hand: from here on people decide about it, and no longer the search.",
        "After epoch 6 ada set learning_rate from 0.01 to 0.3, l2 to 2 (slow).",
        "After epoch 6 ben rolled it back from epoch 9, and what was set since was undone: learning_rate 0.3.",
        "It ended, finished: trained its 20 epochs.",
        "Its best dev error rate was 12.50 %, at epoch 18. Its weights of epoch 18 became the study's model, saved in /models/mine.",
    ]
    assert story.is_model
    assert story.model == "/models/mine"
    assert [step.who for step in story.steps][3:5] == ["ada", "ben"]
    assert [step.at for step in story.steps][3] == BEGAN + timedelta(minutes=5)
    assert story.to_dict()["steps"][3]["at"] == "2026-01-02T00:05:00+00:00"


def test_a_branch_tells_first_what_it_took_over_and_nothing_else():
    before = events(
        7,
        (0, "started", {}),
        (2, "set", {**LINE, "settings": {"l2": 1.0}, "old": {"l2": 0.0}, "why": ""}, "ada"),
        (5, "set", {**LINE, "settings": {"l2": 9.0}, "old": {"l2": 1.0}, "why": ""}, "ada"),
        (8, "paused", {"why": ""}, "ada"),
    )
    branched = {"from": 7, "seed": 7, "epoch": 5, "settings": {"learning_rate": 0.05}, "script": [], "why": "to compare"}
    after = [
        Event(trial=1_000_000, epoch=5, kind="branched", detail=branched, who="ben", at=BEGAN + timedelta(hours=1)),
        Event(trial=1_000_000, epoch=20, kind="finished", detail={"reason": "done"}, at=BEGAN + timedelta(hours=2)),
    ]
    later = Event(trial=7, epoch=4, kind="rolled back", detail={"from": 9}, who="ada", at=BEGAN + timedelta(hours=2))
    assert parent_of(after) == 7
    assert parent_of(before) is None
    story = lineage(study(best=7), [(trial(), [*before, later]), (trial(1_000_000), after)])
    assert [(step.trial, step.sentence) for step in story.steps][1:] == [
        (7, "After epoch 2 ada set l2 from 0 to 1."),
        (1_000_000, "ben branched trial 1000000 from trial 7 at the end of epoch 5, with learning_rate 0.05 (to compare)."),
        (1_000_000, "It ended, finished: done."),
        (1_000_000, "Its best dev error rate was 12.50 %, at epoch 18. It did not become the model; trial 7 did."),
    ]


def test_a_stop_is_told_with_its_reason_and_what_waits_is_told_too():
    stopped = events(7, (0, "started", {}), (9, "stopped", {"reason": "stopped by ada after epoch 9"}))
    asked = {"trial": 7, "who": "ada", "at": BEGAN}
    commands = [
        Command(id=1, kind="stop", why="no hope", state=CommandState.DONE, **asked),
        Command(id=2, kind="extend", state=CommandState.WAITING, **asked),
        Command(id=3, kind="pause", state=CommandState.REFUSED, **asked),
        Command(id=4, kind="pause", state=CommandState.WAITING, **{**asked, "trial": 8}),
    ]
    story = lineage(study(best=3), [(trial(), stopped)], commands)
    assert sentences(story)[1:3] == [
        "It ended, stopped: stopped by ada after epoch 9 (no hope).",
        "ada asked for extend, which waits to be carried out.",
    ]
    assert len(story.steps) == 4
    assert story.steps[1].who == "ada"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"best": 7, "model": None}, "became the study's model, not saved to a file"),
        ({"best": 7, "ensemble": {"is_model": True}, "model": "/m"}, "The study's model is an ensemble, saved in /m."),
        ({"best": 3}, "It did not become the model; trial 3 did."),
        ({}, "The study has no model (finished)."),
        ({"state": StudyState.RUNNING}, "which trial becomes the model is open while the study runs"),
    ],
)
def test_the_end_says_what_became_of_it(facts, words):
    state = facts.pop("state", StudyState.FINISHED)
    assert words in sentences(lineage(study(state, **facts), [(trial(), events(7, (0, "started", {})))]))[-1]


def test_a_trial_of_the_finals_says_whose_configuration_it_has():
    results = [{"trial": 2, "configuration": {"learning_rate": 0.01, "initialisation": "he"}}]
    facts = study(finals_results=results)
    assert "the configuration of trial 2, trained anew in the finals" in sentences(lineage(facts, [(trial(), [])]))[0]
    assert "finals" not in sentences(lineage(facts, [(trial(2), [])]))[0]


def test_an_event_of_a_kind_that_is_not_known_is_told_by_its_kind():
    [event] = events(7, (3, "dreamt", {"why": "plateau"}))
    assert told(event, "error rate") == "dreamt (plateau)"


def test_what_the_babysitter_did_and_would_have_done_is_told_with_its_rule():
    back = {"epoch": 4, "settings": {"learning_rate": 0.03}, "total": None, "old": {"learning_rate": 0.3}, "from": 9, "dropped": []}
    steered = events(
        7,
        (0, "taken in hand", {"curve": [], **LINE}),
        (9, "suggested", {"rule": "plateau", "settings": {"learning_rate": 0.15}, "rollback_to": None, "why": "it stands"}, "babysitter"),
        (9, "suggested", {"rule": "overfitting", "settings": {"l2": 2.0}, "rollback_to": 5, "why": ""}, "babysitter"),
        (4, "rolled back", {**back, "forgotten": [{**LINE, "settings": {"learning_rate": 0.3}}], "rule": "diverged"}, "babysitter"),
        (6, "set", {**LINE, "settings": {"l2": 2.0}, "old": {"l2": 1.0}, "rule": "overfitting", "why": "so"}, "babysitter"),
    )
    assert sentences(lineage(study(best=7), [(trial(), steered)]))[1:-1] == [
        "It was in hand from the first epoch on: people decide about it, and no search.",
        "After epoch 9 the babysitter (rule plateau) suggested to set learning_rate 0.15 (it stands).",
        "After epoch 9 the babysitter (rule overfitting) suggested to roll it back to epoch 5 and set l2 2.",
        "After epoch 4 the babysitter (rule diverged) rolled it back from epoch 9 and set learning_rate from 0.3 to 0.03.",
        "After epoch 6 the babysitter (rule overfitting) set l2 from 1 to 2 (so).",
    ]
