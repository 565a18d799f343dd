"""What any store must do with studies: a part of `StoreContract` in `osetra.testing.stores`.

Knows nothing of: how a store keeps things.
"""

import math
from datetime import UTC, timedelta, timezone

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Study, StudyState, Task, TrialState
from osetra.testing.stores_made import NOON, make_epoch, make_study, make_trial, refusal

ODD_NAMES = ("'; drop table studies; --", 'a "quoted" name', "%s ? :name {x}", "..", "grüße 模型 🐼", " ", "x" * 200)
REFUSED_NAMES = ("", "two\nlines", "nul\0", "bell\a", "\x7f", "x" * 201, "half \ud800")


class StudiesContract:
    """Every method takes an empty store."""

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
