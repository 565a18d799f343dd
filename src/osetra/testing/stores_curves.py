"""What any store must do with curves and events: a part of `StoreContract` in `osetra.testing.stores`.

Knows nothing of: how a store keeps things.
"""

import math
from datetime import timedelta

from osetra.core.ports import Store
from osetra.core.records import Event
from osetra.testing.stores_made import NOON, make_epoch, make_study, make_trial


class CurvesContract:
    """Every method takes an empty store."""

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
