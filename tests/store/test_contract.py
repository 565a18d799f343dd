"""The contract of stores over those of osetra, and one against the other."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import OsetraError
from osetra.core.records import EpochRecord, Event, Trial, TrialState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.testing.stores import NOON, StoreContract, make_study


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestSqlite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = open_store(tmp_path / "osetra.db")
        yield store
        store.close()


# SQLite alone drops the sign of zero.
FLOATS = st.floats().map(lambda number: 0.0 if number == 0 else number)
TEXT = st.text(max_size=20)
NUMBERS = st.integers(0, 6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
TRIALS = st.builds(
    Trial,
    number=NUMBERS,
    configuration=st.dictionaries(TEXT, st.floats(allow_nan=False) | st.integers() | TEXT | st.booleans(), max_size=3),
    state=st.sampled_from(TrialState),
    reason=TEXT,
    epochs=st.integers(0, 2**31 - 1),
    best_epoch=st.none() | NUMBERS,
    dev_error=st.none() | st.sampled_from([0.0, 0.5, math.inf]) | FLOATS.filter(lambda number: not math.isnan(number)),
    dev_loss=st.none() | FLOATS,
    train_error=st.none() | FLOATS,
    seconds=FLOATS,
    num_parameters=st.none() | st.integers(0, 2**63 - 1),
)
EPOCHS = st.builds(
    EpochRecord,
    epoch=st.integers(1, 6),
    train_cost=FLOATS,
    train_error=FLOATS,
    dev_loss=FLOATS,
    dev_error=FLOATS,
    seconds=FLOATS,
)
EVENTS = st.builds(
    Event,
    trial=st.none() | NUMBERS,
    epoch=st.none() | NUMBERS,
    kind=TEXT,
    detail=st.dictionaries(TEXT, JSON, max_size=3),
    who=TEXT,
    at=st.datetimes(timezones=st.just(NOON.tzinfo)),
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "trials": st.lists(TRIALS, max_size=5),
            "epochs": st.dictionaries(NUMBERS, st.lists(EPOCHS, max_size=3), max_size=2),
            "events": st.lists(EVENTS, max_size=2),
        }
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(calls=CALLS)
def test_sql_and_memory_answer_alike(calls):
    with TemporaryDirectory() as folder:
        stores = [MemoryStore(), open_store(Path(folder) / "osetra.db")]
        for store in stores:
            store.create_study(make_study())
        for call in calls:
            first, second = [outcome(store, call) for store in stores]
            assert first == second
        first, second = [answers(store) for store in stores]
        assert first == second
        for store in stores:
            store.close()


def outcome(store, call):
    try:
        store.record("mine", **call)
    except OsetraError as error:
        return type(error), str(error)
    return None


def answers(store):
    """All that a store can tell about its study; as text, where NaN equals NaN and every digit of a float counts."""
    told = [store.studies(), dict(sorted(store.count_trials("mine").items())), store.events("mine")]
    told += [store.curve("mine", number) for number in range(7)]
    told += [store.events("mine", trial=number) for number in range(7)]
    for order_by in ("dev_error", "number"):
        for states in ((), (TrialState.FINISHED,), (TrialState.WAITING, TrialState.STOPPED, TrialState.FINISHED)):
            told += [store.trials("mine", order_by=order_by, states=states, limit=2, offset=offset) for offset in (0, 1)]
            told += [store.trials("mine", order_by=order_by, states=states)]
    return repr(told)
