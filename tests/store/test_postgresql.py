"""The contract of stores over a PostgreSQL server, and what is its own: several connections that write at once."""

import re
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from sqlalchemy import create_engine, text

from osetra.core.errors import OsetraError, StoreError, StudyError
from osetra.core.records import TrialState
from osetra.store import schema
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.testing.stores import StoreContract, everything, make_epoch, make_study, make_trial, refusal
from osetra.testing.stores_board import BoardContract
from osetra.testing.stores_control import ControlContract, together

from . import postgres
from .test_contract import CALLS, STEPS, answers, outcome, steered
from .test_contract import make_checkpoint as a_checkpoint

postgres.require()
TABLES = ", ".join(table.name for table in schema.metadata.sorted_tables)


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="module")
def database(server):
    """Its URL, with the tables made."""
    open_store(server).close()
    return server


def emptied(url):
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY"))
    engine.dispose()


@pytest.fixture
def url(database):
    emptied(database)
    return database


@pytest.fixture
def opened(url):
    store = open_store(url)
    yield store
    store.close()


class TestPostgresql(StoreContract, ControlContract, BoardContract):
    @pytest.fixture
    def store(self, opened):
        return opened


@settings(max_examples=8)
@given(calls=CALLS)
def test_it_answers_as_memory_does(database, calls):
    emptied(database)
    stores = [MemoryStore(), open_store(database)]
    for store in stores:
        store.create_study(make_study())
    for call in calls:
        first, second = [outcome(store, "record", call) for store in stores]
        assert first == second
    first, second = [answers(store) for store in stores]
    assert first == second
    for store in stores:
        store.close()


@settings(max_examples=15)
@given(steps=STEPS)
def test_it_is_steered_as_memory_is(database, steps):
    emptied(database)
    stores = [MemoryStore(), open_store(database)]
    for store in stores:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0), make_trial(1)], checkpoints=[a_checkpoint(of, at) for of in (0, 1) for at in (1, 2)])
    for method, *arguments in steps:
        first, second = [outcome(store, method, *arguments) for store in stores]
        assert first == second
    first, second = [steered(store) for store in stores]
    assert first == second
    for store in stores:
        store.close()


def test_a_study_changes_hands_while_it_is_written_and_no_write_of_the_one_before_comes_after(url, opened):
    """Claims, signs of life and writes of several connections at once: nobody waits for somebody who waits for him."""
    opened.create_study(make_study())
    others = [open_store(url) for _ in range(3)]
    opened.claim("mine", "a")
    lost, written = [], []
    is_over = threading.Event()

    def write():
        for number in range(10_000):
            try:
                opened.record("mine", trials=[make_trial(number)], epochs={number: [make_epoch(1)]}, owner="a")
                opened.update_study(make_study(reason=f"a {number}"), owner="a")
            except StudyError as error:
                lost.append(str(error))
                break
            written.append(number)
            if number == 30:
                others[0].release("mine", "a")
        is_over.set()

    def beat():
        while not is_over.is_set():
            try:
                others[0].beat("mine", "a")
            except StudyError:
                return

    def claim(store):
        while not is_over.is_set():
            try:
                store.claim("mine", "b")
            except StudyError:
                continue
            store.update_study(make_study(reason="b has it"), owner="b")
            return

    together([write, beat, lambda: claim(others[1]), lambda: claim(others[2])])
    assert len(lost) == 1
    assert "'a' must hold study 'mine'" in lost[0]
    assert len(written) >= 31
    opened.claim("mine", "b")
    opened.update_study(make_study(reason="b has it"), owner="b")
    before = everything(opened, "mine")
    with refusal(StudyError, "written by 'b'"):
        opened.record("mine", events=[], trials=[make_trial(1, 0.5)], owner="a")
    assert everything(opened, "mine") == before
    assert opened.study("mine").reason == "b has it"
    for store in others:
        store.close()


CLAIMED = """
import sys
from osetra.store.sql import open_store
store = open_store(sys.argv[1])
store.claim("mine", "of the child")
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_writer_that_was_killed_gives_its_study_up_at_once(url, opened):
    opened.create_study(make_study())
    child = subprocess.Popen([sys.executable, "-c", CLAIMED, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "claimed\n"
        with refusal(StudyError, "'of the child' (process"):
            opened.claim("mine", "ours")
        child.send_signal(signal.SIGKILL)
    opened.claim("mine", "ours")


def test_a_store_for_reading_writes_nothing(url, opened):
    opened.create_study(make_study())
    reader = open_store(url, read_only=True)
    with refusal(StoreError, "open for reading only"):
        reader.record("mine", trials=[make_trial(0)])
    assert reader.study("mine") == make_study()
    reader.close()


def test_many_connections_may_make_the_same_store(server):
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE fresh"))
    engine.dispose()
    url = server.replace("/postgres?", "/fresh?")
    with refusal(StoreError, "no store at", "holds no studies; record one first"):
        open_store(url, create=False)
    together([lambda: open_store(url).close() for _ in range(4)])
    store = open_store(url, create=False)
    store.create_study(make_study())
    store.record("mine", trials=[make_trial(0, state=TrialState.FINISHED)])
    store.close()


def test_a_server_that_is_not_there_is_an_error_that_keeps_the_password(tmp_path):
    with pytest.raises(OsetraError) as raised:
        open_store(f"postgresql://osetra:secret@/postgres?host={tmp_path}")
    assert type(raised.value) is StoreError
    assert "could not be used" in str(raised.value)
    assert not re.search("secret", str(raised.value))
