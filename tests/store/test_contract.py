"""The contract of stores over those of osetra, and one against the other."""

import math
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import OsetraError
from osetra.core.records import CommandState, EpochRecord, Event, Trial, TrialState
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.testing.stores import NOON, StoreContract, make_study, make_trial
from osetra.testing.stores_board import BoardContract
from osetra.testing.stores_control import ControlContract, make_checkpoint, make_command


class TestMemory(StoreContract, ControlContract, BoardContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestSqlite(StoreContract, ControlContract, BoardContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = open_store(tmp_path / "osetra.db")
        yield store
        store.close()


# SQLite alone drops the sign of zero.
FLOATS = st.floats().map(lambda number: 0.0 if number == 0 else number)
TEXT = st.text(max_size=20)
NUMBERS = st.integers(0, 6)
MOMENTS = st.datetimes(timezones=st.just(NOON.tzinfo))
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
    at=MOMENTS,
)
CHECKPOINTS = st.builds(
    make_checkpoint,
    trial=NUMBERS,
    epoch=NUMBERS,
    data=st.binary(max_size=20),
    why=TEXT,
    step=st.integers(0, 2**63 - 1),
    at=MOMENTS,
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "trials": st.lists(TRIALS, max_size=5),
            "epochs": st.dictionaries(NUMBERS, st.lists(EPOCHS, max_size=3), max_size=2),
            "events": st.lists(EVENTS, max_size=2),
            "rolled_back": st.dictionaries(NUMBERS, st.integers(0, 6), max_size=2),
            "checkpoints": st.lists(CHECKPOINTS, max_size=3),
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
            first, second = [outcome(store, "record", call) for store in stores]
            assert first == second
        first, second = [answers(store) for store in stores]
        assert first == second
        for store in stores:
            store.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add_command"),
            st.builds(
                make_command,
                trial=st.none() | st.integers(0, 2),
                kind=TEXT,
                detail=st.dictionaries(TEXT, JSON, max_size=3),
                why=TEXT,
                who=TEXT,
                at=MOMENTS,
            ),
        ),
        st.tuples(
            st.just("answer_command"),
            st.integers(0, 6),
            st.fixed_dictionaries(
                {"state": st.sampled_from(CommandState), "answer": TEXT, "epoch": st.none() | st.integers(-1, 5), "at": MOMENTS}
            ),
        ),
        st.tuples(st.just("drop_checkpoints"), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=3)),
        st.tuples(st.sampled_from(["claim", "beat", "release"]), st.sampled_from("ab")),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_sql_and_memory_are_steered_alike(steps):
    with TemporaryDirectory() as folder:
        stores = [MemoryStore(), open_store(Path(folder) / "osetra.db")]
        kept = [make_checkpoint(trial, epoch) for trial in (0, 1) for epoch in (1, 2)]
        for store in stores:
            store.create_study(make_study())
            store.record("mine", trials=[make_trial(0), make_trial(1)], checkpoints=kept)
        for method, *arguments in steps:
            first, second = [outcome(store, method, *arguments) for store in stores]
            assert first == second
        first, second = [steered(store) for store in stores]
        assert first == second
        for store in stores:
            store.close()


def steered(store):
    """All that a store can tell of how its study was steered, as text."""
    told = [store.commands("mine", state=state, after=after) for state in (None, *CommandState) for after in (0, 2)]
    return repr([store.checkpoints("mine"), *told])


def outcome(store, method, *arguments):
    options = arguments[-1] if arguments and isinstance(arguments[-1], dict) else {}
    try:
        return getattr(store, method)("mine", *arguments[: len(arguments) - bool(options)], **options)
    except OsetraError as error:
        # Two claims are of two moments.
        return type(error), re.sub(r"since [-0-9: ]* UTC", "since then", str(error))


def answers(store):
    """All that a store can tell about its study; as text, where NaN equals NaN and every digit of a float counts."""
    told = [store.studies(), dict(sorted(store.count_trials("mine").items())), store.events("mine")]
    told += [store.curve("mine", number) for number in range(7)]
    told += [store.checkpoints("mine"), store.checkpoint_bytes("mine"), store.checkpoints("mine", trial=3)]
    told += [store.checkpoint("mine", record.trial, record.epoch) for record in store.checkpoints("mine")]
    told += [store.events("mine", trial=number) for number in range(7)]
    for order_by in ("dev_error", "number"):
        for states in ((), (TrialState.FINISHED,), (TrialState.WAITING, TrialState.STOPPED, TrialState.FINISHED)):
            told += [store.trials("mine", order_by=order_by, states=states, limit=2, offset=offset) for offset in (0, 1)]
            told += [store.trials("mine", order_by=order_by, states=states)]
    return repr(told)
