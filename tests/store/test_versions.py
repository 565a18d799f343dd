"""Stores of older versions: what they hold after they are brought up to date, and after that was cut short."""

import shutil
import sqlite3
import subprocess
import sys

import pytest

from osetra.core.errors import StoreError
from osetra.store import schema
from osetra.store.sql import open_store
from osetra.testing.stores import refusal

from . import golden

FILES = sorted(golden.FOLDER.glob("*.sqlite"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def older(request, tmp_path):
    """The path of a copy of a store as some version wrote it, which has the version's name."""
    return shutil.copy(request.param, tmp_path / request.param.name)


def holds_all(path, version):
    """Opens a store and compares all that it holds with what was recorded."""
    store = open_store(path)
    # NaN is not equal to itself; as text it is, and every digit of a float counts.
    assert {name: store.study(name) for name in golden.STUDIES} == golden.STUDIES
    for name in golden.STUDIES:
        assert repr(store.trials(name, order_by="number")) == repr(golden.TRIALS[name])
        assert store.events(name) == golden.EVENTS[name]
        for trial in golden.TRIALS[name]:
            assert repr(store.curve(name, trial.number)) == repr(golden.CURVES.get((name, trial.number), []))
    has_control = version >= "osetra_0002"
    assert store.commands("first") == (golden.commands() if has_control else [])
    kept = store.checkpoints("first")
    assert [(record, store.checkpoint("first", record.trial, record.epoch)) for record in kept] == (
        golden.checkpoints() if has_control else []
    )
    store.close()


def version_of(path):
    connection = sqlite3.connect(path)
    (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return version


def tables(path):
    connection = sqlite3.connect(path)
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return found


def test_there_is_a_store_of_every_version():
    versions = [f"osetra_{number:04}" for number in range(1, int(schema.VERSION.removeprefix("osetra_")) + 1)]
    assert [file.stem for file in FILES] == versions
    assert [version_of(file) for file in FILES] == versions


def test_a_store_of_any_version_opens_with_all_it_held(older):
    holds_all(older, older.stem)
    assert version_of(older) == schema.VERSION
    holds_all(older, older.stem)


def test_a_store_of_any_version_may_be_written_to(older, tmp_path):
    store = open_store(older)
    trial = golden.TRIALS["first"][0]
    command = golden.commands()[1]
    given = golden.checkpoints()
    store.record("first", trials=[trial], rolled_back={0: 1}, checkpoints=given)
    store.claim("first", "a")
    assert [record.epoch for record in store.curve("first", 0)] == [1]
    assert store.add_command("first", golden.replace(command, id=None)) in (1, 3)
    assert store.checkpoint_bytes("first") == sum(len(data) for _, data in given)
    # Of an older store, changes are counted from the first one on.
    assert store.version("first") == (2 if older.stem < "osetra_0003" else 7)
    store.close()
    made = tmp_path / "made.db"
    open_store(made).close()
    assert tables(older) == tables(made)


def test_an_older_store_opened_for_reading_says_what_to_do_and_stays_as_it_is(tmp_path):
    path = tmp_path / "osetra.db"
    shutil.copy(golden.FOLDER / "osetra_0001.sqlite", path)
    before = path.read_bytes()
    with refusal(StoreError, str(path), "is of version osetra_0001", f"reads {schema.VERSION}", f"with osetra upgrade --store {path}"):
        open_store(path, read_only=True)
    assert path.read_bytes() == before


KILLED = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
import alembic.command, alembic.config
from osetra.store import relational, versions
from osetra.store.sql import open_store

source, folder = map(Path, sys.argv[1:])

def child(path, kill_after):
    count = 0
    def after(connection, cursor, statement, *rest):
        nonlocal count
        if not statement.lstrip().startswith(("CREATE", "UPDATE", "INSERT")):
            return
        count += 1
        if count == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
    if kill_after:
        event.listen(Engine, "after_cursor_execute", after)
    open_store(path)
    if kill_after:
        print(count, flush=True)
    os._exit(0)

def run(path, kill_after=0, delay=None):
    shutil.copy(source, path)
    pid = os.fork()
    if not pid:
        try:
            child(path, kill_after)
        finally:
            os._exit(1)
    if delay is not None:
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]

# After each statement of the migration, until there is none left ...
kill_after = 1
while run(folder / f"statement{kill_after}.db", kill_after) == signal.SIGKILL:
    kill_after += 1
# ... and at moments that no one chose, within the time that it takes.
start = time.perf_counter()
assert run(folder / "whole.db") == 0
takes = time.perf_counter() - start
for number in range(12):
    run(folder / f"moment{number}.db", delay=random.uniform(0, takes))
"""


def test_a_migration_that_is_killed_leaves_the_old_version_or_the_new_one_whole(tmp_path):
    source = golden.FOLDER / "osetra_0001.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, source, tmp_path], stdout=subprocess.PIPE, text=True, check=True)
    # Five tables, two indexes, and twice the version itself.
    assert done.stdout.split() == ["9"]
    stopped = sorted(tmp_path.glob("*.db"))
    assert len(stopped) == 10 + 1 + 12
    new = tables(tmp_path / "whole.db") - tables(source)
    assert {"commands", "checkpoints", "checkpoint_data", "writers", "changes"} <= new
    for path in stopped:
        version = version_of(path)
        assert tables(path) & new == (new if version == schema.VERSION else set()), path.name
        if path.name.startswith("statement"):
            assert version == (schema.VERSION if path.name == "statement10.db" else "osetra_0001")
        holds_all(path, "osetra_0001")
        assert version_of(path) == schema.VERSION


def test_several_processes_may_bring_the_same_store_up_to_date(tmp_path):
    path = tmp_path / "osetra.db"
    shutil.copy(golden.FOLDER / "osetra_0001.sqlite", path)
    code = "import sys; from osetra.store.sql import open_store; open_store(sys.argv[1]).close()"
    processes = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert version_of(path) == schema.VERSION
    holds_all(path, "osetra_0001")
