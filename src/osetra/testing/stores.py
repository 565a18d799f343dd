"""What any store must do: the contract behind `osetra.core.ports.Store`.

Subclass it and hand each method an empty store; with pytest that is a fixture:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = MyStore(tmp_path)
            yield store
            store.close()

Each method is a claim and raises AssertionError where the store breaks it. Needs no pytest. `ControlContract` of
`osetra.testing.stores_control`, mixed in, asks the same of commands, checkpoints and writers.
Knows nothing of: how a store keeps things.
"""

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np

from osetra.core.errors import OsetraError, StoreError, StudyError
from osetra.core.ports import Store
from osetra.core.records import EpochRecord, Event, Study, StudyState, Task, Trial, TrialState

NOON = datetime(2024, 2, 29, 12, 0, 0, 123457, tzinfo=UTC)
ODD_NAMES = ("'; drop table studies; --", 'a "quoted" name', "%s ? :name {x}", "..", "grüße 模型 🐼", " ", "x" * 200)
REFUSED_NAMES = ("", "two\nlines", "nul\0", "bell\a", "\x7f", "x" * 201, "half \ud800")


def make_study(name: str = "mine", **fields: Any) -> Study:
    """A study for trying out a store; `fields` replace what is not given a thought."""
    given: dict[str, Any] = {
        "state": StudyState.RUNNING,
        "created": NOON,
        "task": Task.BINARY,
        "target": "label",
        "source": "table.csv",
        "seed": 7,
        "error_name": "error rate",
    }
    return Study(name=name, **(given | fields))


def make_trial(number: int = 0, dev_error: float | None = None, state: TrialState = TrialState.FINISHED, **fields: Any) -> Trial:
    given: dict[str, Any] = {"configuration": {"learning_rate": 0.1}}
    return Trial(number=number, dev_error=dev_error, state=state, **(given | fields))


def make_epoch(epoch: int = 1, **fields: Any) -> EpochRecord:
    given: dict[str, Any] = {"train_cost": 0.5, "train_error": 0.25, "dev_loss": 0.75, "dev_error": 0.125, "seconds": 0.01}
    return EpochRecord(epoch=epoch, **(given | fields))


def make_event(trial: int | None = None, kind: str = "started", **fields: Any) -> Event:
    given: dict[str, Any] = {"epoch": None, "at": NOON}
    return Event(trial=trial, kind=kind, **(given | fields))


class StoreContract:
    """Every method takes an empty store."""

    # Studies

    def test_every_field_of_a_study_comes_back(self, store: Store) -> None:
        study = Study(
            name="mine",
            state=StudyState.STOPPED,
            reason="the budget was spent",
            created=NOON,
            finished=NOON + timedelta(days=1, microseconds=1),
            task=Task.REGRESSION,
            target="price, in €",
            source="/data/houses.parquet",
            seed=2**80 + 1,
            error_name="RMSE",
            facts={"space": {"depth": [1, 2, 3]}, "ratio": 0.1 + 0.2, "none": None, "yes": True, "text": "ü\n\0", "worst": math.inf},
        )
        store.create_study(study)
        assert store.study("mine") == study
        assert store.study("mine").created.tzinfo is UTC

    def test_a_time_in_another_zone_is_the_same_moment(self, store: Store) -> None:
        store.create_study(make_study(created=NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))))
        assert store.study("mine").created == NOON
        assert store.study("mine").created.utcoffset() == timedelta(0)

    def test_a_time_without_a_zone_is_refused(self, store: Store) -> None:
        with refusal(StoreError, "created of study 'mine'", "time zone", "datetime.now(UTC)"):
            store.create_study(make_study(created=NOON.replace(tzinfo=None)))
        assert not store.studies()

    def test_a_name_is_only_a_name(self, store: Store) -> None:
        for name in ODD_NAMES:
            store.create_study(make_study(name))
            store.record(name, trials=[make_trial(0)])
            assert store.study(name).name == name
        assert {summary.study.name for summary in store.studies()} == set(ODD_NAMES)

    def test_a_name_no_study_may_have_is_refused(self, store: Store) -> None:
        for name in REFUSED_NAMES:
            with refusal(StudyError, "1 to 200 characters", "control", "choose another"):
                store.create_study(make_study(name))
            with refusal(StudyError, "no study is named", "holds no study yet"):
                store.study(name)
        assert not store.studies()

    def test_a_taken_name_is_refused_and_the_first_study_stays(self, store: Store) -> None:
        store.create_study(make_study(seed=1))
        with refusal(StudyError, "'mine'", "recorded already", "choose another"):
            store.create_study(make_study(seed=2))
        assert store.study("mine").seed == 1

    def test_an_updated_study_is_replaced_whole_and_keeps_its_trials(self, store: Store) -> None:
        store.create_study(make_study(facts={"old": 1}))
        store.record("mine", trials=[make_trial(0)])
        after = make_study(state=StudyState.FINISHED, finished=NOON, reason="done", facts={"new": 2})
        store.update_study(after)
        assert store.study("mine") == after
        assert store.trial("mine", 0) == make_trial(0)

    def test_an_unknown_study_is_an_error_that_names_those_there_are(self, store: Store) -> None:
        with refusal(StudyError, "no study is named 'other'", "no study yet"):
            store.study("other")
        store.create_study(make_study("first"))
        store.create_study(make_study("second"))
        calls = (
            lambda: store.study("other"),
            lambda: store.update_study(make_study("other")),
            lambda: store.record("other", trials=[make_trial(0)]),
            lambda: store.record("other"),
            lambda: store.trial("other", 0),
            lambda: store.trials("other"),
            lambda: store.count_trials("other"),
            lambda: store.curve("other", 0),
            lambda: store.events("other"),
        )
        for call in calls:
            with refusal(StudyError, "no study is named 'other'", "'first'", "'second'"):
                call()
        assert [summary.trials for summary in store.studies()] == [0, 0]

    def test_studies_come_newest_first(self, store: Store) -> None:
        for name, days in (("middle", 1), ("oldest", 0), ("newest", 2), ("newest too, recorded later", 2)):
            store.create_study(make_study(name, created=NOON + timedelta(days=days)))
        assert [summary.study.name for summary in store.studies()] == ["newest too, recorded later", "newest", "middle", "oldest"]

    def test_a_summary_counts_all_trials_and_shows_the_best(self, store: Store) -> None:
        store.create_study(make_study("busy"))
        store.create_study(make_study("empty"))
        best = make_trial(2, 0.25, TrialState.STOPPED, reason="at the second rung")
        others = [make_trial(0, 0.5), make_trial(1, None, TrialState.WAITING), make_trial(3, 0.25)]
        store.record("busy", trials=[*others, best])
        empty, busy = store.studies()
        assert (empty.trials, empty.best) == (0, None)
        assert (busy.trials, busy.best) == (4, best)

    def test_only_a_trial_that_ended_well_is_the_best(self, store: Store) -> None:
        store.create_study(make_study())
        well = (TrialState.FINISHED, TrialState.STOPPED)
        store.record("mine", trials=[make_trial(n, n / 10, state) for n, state in enumerate(TrialState) if state not in well])
        assert store.studies()[0].best is None
        for number, state in enumerate(well, start=100):
            store.record("mine", trials=[make_trial(number, 100.0 - number, state)])
            assert store.studies()[0].best == store.trial("mine", number)

    def test_a_trial_without_a_number_is_never_the_best(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0, None)], epochs={0: [make_epoch(1, dev_error=math.nan, dev_loss=math.nan)]})
        assert store.studies()[0].best is None
        store.record("mine", trials=[make_trial(1, math.inf)])
        assert store.studies()[0].best == make_trial(1, math.inf)
        store.record("mine", trials=[make_trial(2, 1e300)])
        assert store.studies()[0].best == make_trial(2, 1e300)

    # Trials

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

    # Curves and events

    def test_every_number_of_a_curve_comes_back_bit_for_bit(self, store: Store) -> None:
        store.create_study(make_study())
        floats = [math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1 / 3, 2.0, 2.0**53 + 2, 0.0]
        names = ("train_cost", "train_error", "dev_loss", "dev_error", "seconds")
        curve = [
            make_epoch(epoch + 1, **{name: floats[(epoch + k) % len(floats)] for k, name in enumerate(names)})
            for epoch in range(len(floats))
        ]
        store.record("mine", trials=[make_trial(0)], epochs={0: curve})
        kept = store.curve("mine", 0)
        assert [record.epoch for record in kept] == [record.epoch for record in curve]
        assert [[getattr(r, name).hex() for name in names] for r in kept] == [[getattr(r, name).hex() for name in names] for r in curve]

    def test_a_curve_grows_and_comes_in_order_of_epochs(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0), make_trial(1)], epochs={0: [make_epoch(3), make_epoch(1)], 1: []})
        store.record("mine", epochs={0: [make_epoch(2), make_epoch(11)]})
        assert [record.epoch for record in store.curve("mine", 0)] == [1, 2, 3, 11]
        assert not store.curve("mine", 1)

    def test_every_field_of_an_event_comes_back_in_the_order_recorded(self, store: Store) -> None:
        store.create_study(make_study())
        full = Event(trial=1, epoch=5, kind="changed", detail={"old": [1, 2.5], "new": None}, who="ümit", at=NOON + timedelta(hours=1))
        bare = Event(trial=None, epoch=None, kind="interrupted", at=NOON)
        again = Event(trial=1, epoch=0, kind="rolled back", at=NOON - timedelta(days=9))
        other = Event(trial=0, epoch=None, kind="started", at=NOON)
        store.record("mine", trials=[make_trial(0), make_trial(1)], events=[full, bare])
        store.record("mine", events=[again, other, bare])
        assert list(store.events("mine")) == [full, bare, again, other, bare]
        assert list(store.events("mine", trial=1)) == [full, again]
        assert list(store.events("mine", trial=0)) == [other]

    # All or nothing

    def test_a_call_with_one_bad_part_writes_nothing(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0, 0.5)], epochs={0: [make_epoch(1), make_epoch(2)]}, events=[make_event(0)])
        cyclic: dict[str, Any] = {}
        cyclic["self"] = cyclic
        unkept: Any = {"rate": {1, 2}}
        good: dict[str, Any] = {
            "trials": [make_trial(0, 0.1), make_trial(1, 0.1)],
            "epochs": {1: [make_epoch(1)]},
            "events": [make_event(1)],
        }
        bad: list[tuple[type[OsetraError], tuple[str, ...], dict[str, Any]]] = [
            (StoreError, ("epoch 2 of trial 0", "came again"), {"epochs": {1: [make_epoch(1)], 0: [make_epoch(3), make_epoch(2)]}}),
            (StoreError, ("epoch 1 of trial 1", "came again"), {"epochs": {1: [make_epoch(1), make_epoch(1)]}}),
            (StudyError, ("no trial 9", "numbered 0 to"), {"epochs": {9: [make_epoch(1)]}}),
            (StudyError, (f"no trial {10**30}",), {"epochs": {10**30: [make_epoch(1)]}}),
            (StudyError, ("no trial 9", "numbered 0 to"), {"events": [make_event(1), make_event(9)]}),
            (StoreError, ("configuration of trial 2", "JSON", "set"), {"trials": [*good["trials"], make_trial(2, configuration=unkept)]}),
            (StoreError, ("number of trial", "between 0 and"), {"trials": [*good["trials"], make_trial(2**31)]}),
            (StoreError, ("reason of trial 2", "Unicode"), {"trials": [*good["trials"], make_trial(2, reason="\ud800")]}),
            (StoreError, ("reason of trial 2", "NUL"), {"trials": [*good["trials"], make_trial(2, reason="\0")]}),
            (StoreError, ("detail of the event 'odd'", "JSON"), {"events": [make_event(1), make_event(1, "odd", detail=cyclic)]}),
            (StoreError, ("time of the event 'odd'", "time zone"), {"events": [make_event(1, "odd", at=NOON.replace(tzinfo=None))]}),
        ]
        before = everything(store, "mine")
        for error, words, part in bad:
            with refusal(error, *words):
                store.record("mine", **(good | part))
            assert everything(store, "mine") == before, words
        store.record("mine", **good)
        assert everything(store, "mine") != before

    def test_a_call_with_nothing_to_record_changes_nothing(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine")
        store.record("mine", trials=[], epochs={}, events=[])
        assert everything(store, "mine") == ({}, [])

    def test_many_trials_and_long_curves_fit_in_one_call(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(number, number / 7) for number in range(1500)])
        store.record("mine", epochs={number: [make_epoch(1), make_epoch(2)] for number in range(1500)})
        assert sum(store.count_trials("mine").values()) == 1500
        assert all(len(store.curve("mine", number)) == 2 for number in (0, 749, 1499))

    # Threads and the end

    def test_readers_in_other_threads_see_whole_calls_only(self, store: Store) -> None:
        store.create_study(make_study())
        calls, size = 25, 4
        troubles: list[BaseException] = []
        done = threading.Event()

        def read() -> None:
            try:
                while True:
                    last = done.is_set()
                    seen = numbers(store.trials("mine", order_by="number"))
                    assert len(seen) % size == 0, "half of a call is seen"
                    assert seen == list(range(len(seen)))
                    assert len(store.events("mine")) >= len(seen) // size
                    assert all(len(store.curve("mine", number)) == 2 for number in seen[-size:])
                    if last:
                        return
            except BaseException as trouble:  # noqa: BLE001 (shown by the thread that started this one)
                troubles.append(trouble)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for call in range(calls):
            batch = range(call * size, (call + 1) * size)
            curves = {number: [make_epoch(1), make_epoch(2)] for number in batch}
            store.record("mine", trials=[make_trial(number, 1 / (number + 1)) for number in batch], epochs=curves, events=[make_event()])
        done.set()
        for reader in readers:
            reader.join()
        assert not troubles, troubles
        assert len(store.trials("mine")) == calls * size

    def test_several_threads_may_write(self, store: Store) -> None:
        names = ["a", "b", "c"]
        troubles: list[BaseException] = []

        def write(name: str) -> None:
            try:
                store.create_study(make_study(name))
                for number in range(8):
                    store.record(name, trials=[make_trial(number)], epochs={number: [make_epoch(1)]})
            except BaseException as trouble:  # noqa: BLE001 (shown by the thread that started this one)
                troubles.append(trouble)

        writers = [threading.Thread(target=write, args=(name,)) for name in names]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert not troubles, troubles
        assert [sum(store.count_trials(name).values()) for name in names] == [8, 8, 8]

    def test_a_closed_store_says_so(self, store: Store) -> None:
        store.create_study(make_study())
        store.close()
        store.close()
        for call in (
            lambda: store.study("mine"),
            lambda: store.studies(),
            lambda: store.record("mine"),
            lambda: store.create_study(make_study("b")),
        ):
            with refusal(StoreError, "closed", "open it again"):
                call()


@contextmanager
def refusal(error: type[OsetraError], *words: str) -> Iterator[None]:
    """The block must raise `error` itself, with all of `words` in its message."""
    raised: OsetraError | None = None
    try:
        yield
    except OsetraError as caught:
        raised = caught
    assert type(raised) is error, f"{error.__name__} must be raised, got {raised!r}"
    missing = [word for word in words if word not in str(raised)]
    assert not missing, f"the message lacks {missing}: {raised}"


def numbers(trials: Sequence[Trial]) -> list[int]:
    return [trial.number for trial in trials]


def everything(store: Store, study: str) -> tuple[dict[int, tuple[Trial, list[EpochRecord]]], list[Event]]:
    """All that is recorded under a study, for comparing."""
    trials = {trial.number: (trial, list(store.curve(study, trial.number))) for trial in store.trials(study)}
    return trials, list(store.events(study))
