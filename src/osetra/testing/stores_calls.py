"""That a call to a store is carried out whole or not at all, from whatever thread: a part of `StoreContract` in `osetra.testing.stores`.

Knows nothing of: how a store keeps things.
"""

import threading
from typing import Any

from osetra.core.errors import OsetraError, StoreError, StudyError
from osetra.core.ports import Store
from osetra.testing.stores_made import NOON, everything, make_epoch, make_event, make_study, make_trial, numbers, refusal


class CallsContract:
    """Every method takes an empty store."""

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
