"""What any store must do where many trials are read at once: looked for, drawn, counted; and that its version tells of every change.

Mixed in beside `StoreContract`, whose fixture it uses. Knows nothing of: how a store keeps things.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from osetra.core import drawing
from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import FIELDS, Condition, Level, Store, hyperparameter
from osetra.core.records import CommandState, TrialState
from osetra.testing.stores import NOON, make_epoch, make_event, make_study, make_trial, numbers, refusal
from osetra.testing.stores_control import make_checkpoint, make_command

ODD_NAMES = ("two words", 'a "quoted" name', "a.b", "grüße", "$", "' or 1=1 --", "[0]", "\\", "%s :name", "0", "epochs")
"""Of hyperparameters; the last is a field's name, too."""


class BoardContract:
    """Every method takes an empty store."""

    # Looking for trials

    def test_trials_come_in_the_order_of_any_field_those_without_a_value_last(self, store: Store) -> None:
        store.create_study(make_study())
        given: list[dict[str, Any]] = [
            {"dev_error": 0.5, "dev_loss": math.nan, "epochs": 3, "seconds": 2.0, "num_parameters": 2**40, "state": TrialState.STOPPED},
            {"dev_error": None, "dev_loss": 0.1, "state": TrialState.WAITING},
            {"dev_error": math.inf, "dev_loss": math.inf, "epochs": 7, "seconds": 9.0, "train_error": 0.2, "best_epoch": 4},
            {"dev_error": -1.0, "epochs": 7, "seconds": 1e-9, "train_error": 0.1, "best_epoch": 2, "num_parameters": 5},
        ]
        store.record("mine", trials=[make_trial(number, **fields) for number, fields in enumerate(given)])
        expected = {
            "number": ([0, 1, 2, 3], [3, 2, 1, 0]), "state": ([2, 3, 0, 1], [1, 0, 2, 3]), "dev_error": ([3, 0, 2, 1], [2, 0, 3, 1]),
            "dev_loss": ([1, 2, 0, 3], [0, 2, 1, 3]), "train_error": ([3, 2, 0, 1], [2, 3, 0, 1]), "epochs": ([1, 0, 2, 3], [2, 3, 0, 1]),
            "best_epoch": ([3, 2, 0, 1], [2, 3, 0, 1]), "seconds": ([1, 3, 0, 2], [2, 0, 3, 1]),
            "num_parameters": ([3, 0, 1, 2], [0, 3, 1, 2]),
        }  # fmt: skip
        assert set(expected) == set(FIELDS)
        for column, (up, down) in expected.items():
            assert numbers(store.find_trials("mine", order_by=column).trials) == up, column
            assert numbers(store.find_trials("mine", order_by=column, descending=True).trials) == down, column

    def test_trials_come_in_the_order_of_a_hyperparameter_of_any_name_and_kind(self, store: Store) -> None:
        store.create_study(make_study())
        values = [2, 0.5, "relu", True, None, "ä", 10**12, -3.0, "Z", False]
        up, down = [7, 9, 1, 3, 0, 6, 8, 2, 5, 4], [5, 2, 8, 6, 0, 3, 1, 9, 7, 4]
        for name in ("learning_rate", *ODD_NAMES):
            trials = [make_trial(at, configuration={} if value is None else {name: value, "z": 1}) for at, value in enumerate(values)]
            store.record("mine", trials=trials)
            column = hyperparameter(name)
            assert numbers(store.find_trials("mine", order_by=column).trials) == up, name
            assert numbers(store.find_trials("mine", order_by=column, descending=True).trials) == down, name
            assert store.find_trials("mine", order_by=column, limit=3, offset=1).trials == [trials[at] for at in up[1:4]]

    def test_a_hyperparameter_beside_a_number_that_is_not_finite_counts_as_missing(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0, configuration={"a": 1.0, "b": math.inf}), make_trial(1, configuration={"a": 2.0})])
        for name in ("a", "b", *ODD_NAMES):
            assert store.find_trials("mine", order_by=hyperparameter(name)).total == 2
        assert numbers(store.find_trials("mine", order_by=hyperparameter("a")).trials) == [1, 0]
        found = store.find_trials("mine", where=[Condition(column=hyperparameter("a"), low=0)])
        assert numbers(found.trials) == [1]

    def test_pages_of_what_is_found_make_up_the_whole_and_know_its_number(self, store: Store) -> None:
        store.create_study(make_study())
        states = (TrialState.FINISHED, TrialState.STOPPED, TrialState.DIVERGED)
        store.record(
            "mine", trials=[make_trial(n, (n * 7 % 5) / 5 if n % 6 else None, states[n % 3], configuration={"a": n % 4}) for n in range(40)]
        )
        asked: list[dict[str, Any]] = [
            {}, {"states": states[:2]}, {"where": [Condition(column=hyperparameter("a"), low=1, high=2)]},
            {"states": states[:1], "where": [Condition(column=hyperparameter("a"), among=(3, 0)), Condition(column="number", high=30)]},
        ]  # fmt: skip
        for of in asked:
            for column in ("dev_error", "number", hyperparameter("a")):
                for descending in (False, True):
                    options: dict[str, Any] = {"order_by": column, "descending": descending, **of}
                    whole = store.find_trials("mine", **options)
                    pages = [store.find_trials("mine", limit=7, offset=at, **options) for at in range(0, 42, 7)]
                    assert [trial for page in pages for trial in page.trials] == list(whole.trials)
                    assert {page.total for page in [*pages, whole]} == {len(whole.trials)}
                    assert store.find_trials("mine", limit=0, **options).total == len(whole.trials)
        assert store.find_trials("mine", states=[TrialState.FAILED]).total == 0
        assert store.find_trials("mine", limit=10**30, offset=10**30).total == 40

    def test_best_first_is_as_trials_gives_it(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(n, None if n % 3 == 0 else (n % 4) / 4) for n in range(20)])
        assert store.find_trials("mine").trials == store.trials("mine")

    def test_a_condition_holds_for_those_with_such_a_value(self, store: Store) -> None:
        store.create_study(make_study())
        configurations: list[dict[str, Any]] = [{"a": 1}, {"a": 2.5}, {"a": "1"}, {"a": True}, {}, {"a": "x' or '1'='1"}]
        losses = [math.nan, 0.25, math.inf, None, -math.inf, 0.5]
        store.record(
            "mine", trials=[make_trial(n, configuration=one, dev_loss=losses[n], epochs=n) for n, one in enumerate(configurations)]
        )
        column = hyperparameter("a")
        for condition, expected in (
            (Condition(column=column), [0, 1, 2, 3, 5]),
            (Condition(column=column, low=1), [0, 1, 3]),
            (Condition(column=column, low=1.5, high=2.5), [1]),
            (Condition(column=column, among=(1,)), [0, 3]),
            (Condition(column=column, among=(True, "1")), [0, 2, 3]),
            (Condition(column=column, among=("x' or '1'='1",)), [5]),
            (Condition(column=column, low=2, among=(1, 2.5)), [1]),
            (Condition(column="dev_loss", low=0.0), [1, 2, 5]),
            (Condition(column="dev_loss", high=0.25), [1, 4]),
            (Condition(column="dev_loss"), [1, 2, 4, 5]),
            (Condition(column="epochs", low=0.5, high=2), [1, 2]),
            (Condition(column="epochs", among=(4, 2**70, "2")), [4]),
            (Condition(column="number", among=(0, 5, 10**400)), [0, 5]),
            (Condition(column="number", low=-(10**400), high=10**400), [0, 1, 2, 3, 4, 5]),
            (Condition(column="state", among=("finished", 3)), [0, 1, 2, 3, 4, 5]),
            (Condition(column="state", among=("waiting",)), []),
            (Condition(column="state", low=0), []),
            (Condition(column="dev_error"), []),
        ):
            found = store.find_trials("mine", order_by="number", where=[condition])
            assert (numbers(found.trials), found.total) == (expected, len(expected)), condition

    def test_what_trials_cannot_be_looked_for_by_is_refused(self, store: Store) -> None:
        store.create_study(make_study())
        calls: list[tuple[str, dict[str, Any]]] = [
            ("must be one of number, state", {"order_by": "reason"}),
            ("got 'dev_error; drop table trials'", {"order_by": "dev_error; drop table trials"}),
            ("must be one of number, state", {"where": [Condition(column="configuration")]}),
            ("must have numbers for ends", {"where": [Condition(column="epochs", low=math.nan)]}),
            ("must be a number, a text or a truth value", {"where": [Condition(column="epochs", among=(math.nan,))]}),
            ("must be a number, a text or a truth value", {"where": [Condition(column=hyperparameter("a"), among=("\ud800",))]}),
            ("must be >= 0", {"limit": -1}),
            ("must be >= 0", {"offset": -1}),
        ]
        for words, options in calls:
            with refusal(StoreError, words):
                store.find_trials("mine", **options)

    # Trials that stand for all

    def test_a_sample_has_the_best_and_those_of_the_lowest_keys(self, store: Store) -> None:
        store.create_study(make_study())
        trials = [make_trial(n, None if n % 4 == 0 else (n * 37 % 101) / 101) for n in range(200)]
        store.record("mine", trials=trials)
        for is_scored in (False, True):
            sample = store.sample_trials("mine", best=10, drawn=30, is_scored=is_scored)
            ranked = [trial.number for trial in store.trials("mine") if trial.dev_error is not None or not is_scored]
            rest = sorted(ranked[10:], key=drawing.key)[:30]
            assert set(numbers(sample)) == {*ranked[:10], *rest}
            assert numbers(sample) == [number for number in ranked if number in {*ranked[:10], *rest}]
        assert store.sample_trials("mine", best=5, drawn=1000) == store.trials("mine")
        assert not store.sample_trials("mine", best=0, drawn=0)

    def test_of_trials_that_come_later_each_puts_one_other_out_at_most(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(n) for n in range(100)])
        before = set(numbers(store.sample_trials("mine", best=0, drawn=40)))
        store.record("mine", trials=[make_trial(n) for n in range(100, 110)])
        after = set(numbers(store.sample_trials("mine", best=0, drawn=40)))
        assert len(before - after) == len(after - before) == len({number for number in after if number >= 100}) <= 10

    def test_leaders_are_those_that_were_the_best_when_they_began(self, store: Store) -> None:
        store.create_study(make_study())
        assert not store.leaders("mine")
        errors = [None, 0.5, 0.6, 0.5, 0.1, 0.4, 0.3, 0.05]
        states = {4: TrialState.DIVERGED, 7: TrialState.FAILED}
        store.record("mine", trials=[make_trial(n, error, states.get(n, TrialState.FINISHED)) for n, error in enumerate(errors)])
        assert numbers(store.leaders("mine")) == [1, 5, 6]

    def test_levels_count_every_trial_once(self, store: Store) -> None:
        store.create_study(make_study())
        assert not store.levels("mine")
        stopped, finished = TrialState.STOPPED, TrialState.FINISHED
        given = [(4, stopped, 0.5), (4, stopped, 0.25), (4, stopped, None), (9, finished, 0.125), (4, finished, None)]
        store.record("mine", trials=[make_trial(n, error, state, epochs=epochs) for n, (epochs, state, error) in enumerate(given)])
        assert list(store.levels("mine")) == [
            Level(epochs=4, state=finished, trials=1, scored=0, best=None),
            Level(epochs=4, state=stopped, trials=3, scored=2, best=0.25),
            Level(epochs=9, state=finished, trials=1, scored=1, best=0.125),
        ]

    # Curves and events of many

    def test_curves_of_several_trials_are_each_s_own(self, store: Store) -> None:
        store.create_study(make_study())
        curves = {n: [make_epoch(epoch, dev_error=n + epoch / 8, dev_loss=math.inf) for epoch in range(1, n + 1)] for n in range(5)}
        store.record("mine", trials=[make_trial(n) for n in range(5)], epochs=curves)
        found = store.curves("mine", [4, 0, 2, 99, -1, 10**30])
        assert {number: list(curve) for number, curve in found.items()} == {
            4: curves[4], 0: [], 2: curves[2], 99: [], -1: [], 10**30: []
        }  # fmt: skip
        assert not store.curves("mine", [])

    def test_curves_are_thinned_evenly_with_both_ends(self, store: Store) -> None:
        store.create_study(make_study())
        lengths = [0, 1, 2, 3, 7, 10, 50, 101]
        curves = {n: [make_epoch(epoch, dev_error=1 / epoch) for epoch in range(1, length + 1)] for n, length in enumerate(lengths)}
        store.record("mine", trials=[make_trial(n) for n in curves], epochs=curves)
        for most in (2, 3, 7, 10, 49, 200):
            for number, curve in store.curves("mine", list(curves), most=most).items():
                whole = curves[number]
                if len(whole) <= most:
                    assert list(curve) == whole
                    continue
                seen = [record.epoch for record in curve]
                assert len(whole) / len(seen) < 2 * len(whole) / most
                assert (seen[0], seen[-1], len(seen) <= most) == (1, len(whole), True)
                assert len({after - before for before, after in pairwise(seen[:-1])}) <= 1
                assert [whole[epoch - 1] for epoch in seen] == list(curve)
        for most in (1, 0, -3):
            with refusal(StoreError, "2 epochs at least"):
                store.curves("mine", [0], most=most)

    def test_the_last_events_leave_out_what_is_not_asked_for(self, store: Store) -> None:
        store.create_study(make_study())
        events = [make_event(kind=kind, epoch=epoch) for epoch, kind in enumerate("abcabc")]
        store.record("mine", events=events)
        assert list(store.last_events("mine", limit=2)) == events[-2:]
        assert list(store.last_events("mine", but=["b", "x"], limit=3)) == [events[at] for at in (2, 3, 5)]
        assert list(store.last_events("mine", limit=100)) == events
        assert not store.last_events("mine", limit=0)
        with refusal(StoreError, "must be >= 0"):
            store.last_events("mine", limit=-1)

    def test_epochs_and_times_of_events_are_told_by_kind(self, store: Store) -> None:
        store.create_study(make_study())
        given = [("a", 4, 3), ("b", 2, 2), ("a", None, 1), ("a", 4, 0), ("a", 1, 9)]
        store.record("mine", events=[make_event(kind=kind, epoch=at, at=NOON.replace(second=second)) for kind, at, second in given])
        assert list(store.event_epochs("mine", "a")) == [1, 4]
        assert not store.event_epochs("mine", "c")
        found = store.event_times("mine", ["a", "c"])
        whole = NOON.timestamp()
        assert {kind: [round(at - whole, 5) for at in times] for kind, times in found.items()} == {"a": [0, 1, 3, 9], "c": []}

    # The version

    def test_the_version_rises_with_every_change_and_with_nothing_else(self, store: Store) -> None:
        store.create_study(make_study())
        store.create_study(make_study("other"))
        asked: list[int] = []

        def ask() -> None:
            asked.append(store.add_command("mine", make_command(trial=0)))

        changes: list[Callable[[], Any]] = [
            lambda: store.record("mine", trials=[make_trial(0, state=TrialState.RUNNING)]),
            lambda: store.record("mine", epochs={0: [make_epoch(1)]}),
            lambda: store.record("mine", events=[make_event(0)]),
            lambda: store.record("mine", checkpoints=[make_checkpoint(0, 1)]),
            lambda: store.record("mine", rolled_back={0: 0}),
            lambda: store.drop_checkpoints("mine", [(0, 1)]),
            lambda: store.update_study(make_study(reason="done")),
            ask,
            lambda: store.answer_command("mine", asked[0], state=CommandState.DONE, answer="so it is", at=NOON),
        ]
        seen = [store.version("mine")]
        for change in changes:
            change()
            seen.append(store.version("mine"))
        assert all(before < after for before, after in pairwise(seen)), seen
        assert store.version("other") == 0
        for refused in (
            lambda: store.record("mine", epochs={9: [make_epoch(1)]}),
            lambda: store.answer_command("mine", asked[0], state=CommandState.DONE, answer="again", at=NOON),
            lambda: store.add_command("mine", make_command(trial=99)),
        ):
            try:
                refused()
            except (StoreError, StudyError):
                continue
            raise AssertionError("it must be refused")
        store.claim("mine", "a")
        store.beat("mine", "a")
        store.release("mine", "a")
        store.trials("mine")
        store.record("other", trials=[make_trial(0)])
        assert store.version("mine") == seen[-1]
        assert store.version("other") > 0

    def test_whatever_is_read_of_many_needs_a_study_that_there_is(self, store: Store) -> None:
        for call in (
            lambda: store.find_trials("mine"),
            lambda: store.sample_trials("mine", best=1, drawn=1),
            lambda: store.leaders("mine"),
            lambda: store.levels("mine"),
            lambda: store.version("mine"),
            lambda: store.version("half \ud800"),
            lambda: store.curves("mine", [0]),
            lambda: store.last_events("mine", limit=1),
            lambda: store.event_epochs("mine", "a"),
            lambda: store.event_times("mine", ["a"]),
        ):
            with refusal(StudyError, "no study is named"):
                call()
