"""What any store must do with trials, their pages and their counts: a part of `StoreContract` in `osetra.testing.stores`.

Knows nothing of: how a store keeps things.
"""

import math
from datetime import timedelta
from typing import Any

import numpy as np

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Trial, TrialState
from osetra.testing.stores_made import NOON, make_epoch, make_event, make_study, make_trial, numbers, refusal


class TrialsContract:
    """Every method takes an empty store."""

    def test_every_field_of_a_trial_comes_back(self, store: Store) -> None:
        store.create_study(make_study())
        full = Trial(
            number=3,
            configuration={"learning_rate": 1 / 3, "layers": 2, "whole": 2.0, "nesterov": True, "activation": "relu ✓"},
            state=TrialState.PAUSED,
            reason="asked to, by a 'person'\n",
            epochs=12,
            best_epoch=9,
            dev_error=0.1 + 0.2,
            dev_loss=5e-324,
            train_error=1.7976931348623157e308,
            seconds=1e-9,
            num_parameters=2**40,
        )
        bare = Trial(number=4, configuration={}, state=TrialState.WAITING)
        store.record("mine", trials=[full, bare])
        assert store.trial("mine", 3) == full
        assert store.trial("mine", 4) == bare
        configuration = store.trial("mine", 3).configuration
        assert list(configuration) == list(full.configuration)
        assert [type(value) for value in configuration.values()] == [float, int, float, bool, str]

    def test_every_state_comes_back(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(number, state=state) for number, state in enumerate(TrialState)])
        assert [trial.state for trial in store.trials("mine", order_by="number")] == list(TrialState)

    def test_loss_that_is_not_a_number_is_not_taken_for_none(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0, dev_loss=math.nan, train_error=None)])
        trial = store.trial("mine", 0)
        assert trial.dev_loss is not None
        assert math.isnan(trial.dev_loss)
        assert trial.train_error is None

    def test_numbers_of_numpy_come_back_as_python_s_own(self, store: Store) -> None:
        store.create_study(make_study(facts={"rows": np.int64(5), "share": np.float32(0.5), "ok": np.bool_(True)}))
        given: dict[str, Any] = {"dev_error": np.float32(0.1), "epochs": np.int64(2), "num_parameters": np.int64(9)}
        trial = make_trial(0, configuration={"units": np.int32(64)}, **given)
        store.record("mine", trials=[trial], epochs={0: [make_epoch(1, dev_error=np.float32(0.1))]})
        kept = store.trial("mine", 0)
        assert kept == make_trial(0, float(np.float32(0.1)), configuration={"units": 64}, epochs=2, num_parameters=9)
        assert type(kept.dev_error) is float
        assert type(kept.configuration["units"]) is int
        assert store.study("mine").facts == {"rows": 5, "share": 0.5, "ok": True}

    def test_what_is_kept_does_not_change_with_what_was_given(self, store: Store) -> None:
        facts: dict[str, Any] = {"notes": ["one"]}
        configuration = {"learning_rate": 0.1}
        store.create_study(make_study(facts=facts))
        store.record("mine", trials=[make_trial(0, configuration=configuration)])
        facts["notes"].append("two")
        configuration["learning_rate"] = 9.0
        seen: Any = store.study("mine").facts
        seen["notes"].append("three")
        assert store.study("mine").facts == {"notes": ["one"]}
        assert store.trial("mine", 0).configuration == {"learning_rate": 0.1}

    def test_a_trial_recorded_again_is_replaced_whole(self, store: Store) -> None:
        store.create_study(make_study())
        store.record(
            "mine", trials=[make_trial(0, 0.5, TrialState.RUNNING, reason="rung 1", best_epoch=1, num_parameters=3), make_trial(1, 0.4)]
        )
        store.record("mine", epochs={0: [make_epoch(1)]}, events=[make_event(0)])
        after = make_trial(0, None, TrialState.DIVERGED, configuration={"momentum": 0.9})
        store.record("mine", trials=[after])
        assert store.trial("mine", 0) == after
        assert store.trial("mine", 1) == make_trial(1, 0.4)
        assert store.curve("mine", 0) == [make_epoch(1)]
        assert store.events("mine", trial=0) == [make_event(0)]

    def test_the_last_of_two_records_of_a_trial_in_one_call_stands(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0, 0.5), make_trial(0, 0.4)])
        assert store.trials("mine") == [make_trial(0, 0.4)]

    def test_an_unknown_trial_is_an_error_that_says_which_there_are(self, store: Store) -> None:
        store.create_study(make_study())
        with refusal(StudyError, "study 'mine' has no trial 0", "no trial yet"):
            store.trial("mine", 0)
        store.record("mine", trials=[make_trial(number) for number in (2, 5, 3)])
        for number in (4, -1, 2**31, 2**63, 10**30):
            with refusal(StudyError, f"study 'mine' has no trial {number};", "holds 3, numbered 2 to 5"):
                store.trial("mine", number)
            assert not store.curve("mine", number)
            assert not store.events("mine", trial=number)

    def test_trials_come_best_first_those_without_an_error_last_ties_by_number(self, store: Store) -> None:
        store.create_study(make_study())
        errors = {5: 0.25, 1: None, 3: 0.25, 0: math.inf, 4: 0.125, 2: None, 6: -1.0}
        store.record("mine", trials=[make_trial(number, error) for number, error in errors.items()])
        assert numbers(store.trials("mine")) == [6, 4, 3, 5, 0, 1, 2]
        assert numbers(store.trials("mine", order_by="number")) == [0, 1, 2, 3, 4, 5, 6]

    def test_pages_make_up_the_whole(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(n, None if n % 5 == 0 else (n * 7 % 4) / 4, list(TrialState)[n % 3]) for n in range(23)])
        for order_by in ("dev_error", "number"):
            for states in ((), (TrialState.WAITING,), (TrialState.WAITING, TrialState.PAUSED)):
                whole = store.trials("mine", states=states, order_by=order_by)
                pages = [store.trials("mine", states=states, order_by=order_by, limit=4, offset=at) for at in range(0, len(whole), 4)]
                assert [trial for page in pages for trial in page] == list(whole)
                assert list(store.trials("mine", states=states, order_by=order_by, offset=3)) == list(whole[3:])
        assert list(store.trials("mine", limit=0)) == list(store.trials("mine", offset=23)) == []
        assert len(store.trials("mine", limit=10**30)) == 23
        assert not store.trials("mine", offset=10**30)

    def test_a_page_that_makes_no_sense_is_refused(self, store: Store) -> None:
        store.create_study(make_study())
        with refusal(StoreError, "order_by must be one of dev_error, number", "got 'dev_error; drop table trials'"):
            store.trials("mine", order_by="dev_error; drop table trials")
        with refusal(StoreError, "must be >= 0", "limit=-1"):
            store.trials("mine", limit=-1)
        with refusal(StoreError, "must be >= 0", "offset=-2"):
            store.trials("mine", offset=-2)

    def test_trials_of_the_states_asked_for_come_and_no_other(self, store: Store) -> None:
        store.create_study(make_study())
        states = list(TrialState)
        store.record("mine", trials=[make_trial(number, number / 100, states[number % len(states)]) for number in range(24)])
        for asked in ([TrialState.FAILED], [TrialState.STALE, TrialState.WAITING]):
            for order_by in ("dev_error", "number"):
                expected = [number for number in range(24) if states[number % len(states)] in asked]
                assert numbers(store.trials("mine", states=asked, order_by=order_by)) == expected

    def test_counts_follow_the_states(self, store: Store) -> None:
        store.create_study(make_study())
        assert sum(store.count_trials("mine").values()) == 0
        store.record("mine", trials=[make_trial(n, None, TrialState.RUNNING) for n in range(5)])
        store.record("mine", trials=[make_trial(n, 0.5) for n in range(2)])
        assert dict(store.count_trials("mine")) == {TrialState.RUNNING: 3, TrialState.FINISHED: 2}
        assert store.count_trials("mine")[TrialState.FAILED] == 0

    def test_two_studies_do_not_mix(self, store: Store) -> None:
        for name, error in (("one", 0.1), ("two", 0.2)):
            store.create_study(make_study(name, created=NOON + timedelta(days=error)))
            store.record(
                name, trials=[make_trial(0, error)], epochs={0: [make_epoch(1, dev_error=error)]}, events=[make_event(0, kind=name)]
            )
        store.record("two", trials=[make_trial(1, 0.05, TrialState.FAILED)])
        for name, error, count in (("one", 0.1, 1), ("two", 0.2, 2)):
            assert store.trial(name, 0).dev_error == error
            assert [record.dev_error for record in store.curve(name, 0)] == [error]
            assert [event.kind for event in store.events(name)] == [name]
            assert len(store.trials(name)) == sum(store.count_trials(name).values()) == count
        best = [summary.best for summary in store.studies()]
        assert best == [make_trial(0, 0.2), make_trial(0, 0.1)]
        with refusal(StudyError, "study 'one' has no trial 1"):
            store.record("one", epochs={1: [make_epoch(1)]})
