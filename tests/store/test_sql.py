"""Stores in files: opening, what is refused, and what a killed, crowded or full one keeps."""

import importlib.util
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from osetra.core.errors import MissingExtra, StoreError, StudyError
from osetra.core.records import TrialState
from osetra.store import schema
from osetra.store.sql import open_store
from osetra.store.versions import MIGRATIONS
from osetra.testing.stores import everything, make_epoch, make_event, make_study, make_trial, refusal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "osetra.db"


@pytest.fixture
def filled(path):
    """The path of a closed store with a study of three trials."""
    store = open_store(path)
    store.create_study(make_study(facts={"budget": 10}))
    trials = [make_trial(0, 0.5), make_trial(1, 0.25, TrialState.STOPPED), make_trial(2, None, TrialState.WAITING)]
    store.record("mine", trials=trials, epochs={0: [make_epoch(1), make_epoch(2)]}, events=[make_event(0), make_event()])
    store.close()
    return path


def run(code, *arguments, **options):
    """A Python process of its own that runs `code`, with its output piped."""
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True, **options)


# Opening


def test_a_reopened_store_holds_all_that_was_recorded(filled):
    store = open_store(filled)
    assert store.study("mine") == make_study(facts={"budget": 10})
    assert [summary.trials for summary in store.studies()] == [3]
    assert store.studies()[0].best == make_trial(1, 0.25, TrialState.STOPPED)
    trials, events = everything(store, "mine")
    assert trials[0] == (make_trial(0, 0.5), [make_epoch(1), make_epoch(2)])
    assert events == [make_event(0), make_event()]
    store.close()


def test_a_closed_store_is_one_file(filled):
    assert [file.name for file in filled.parent.iterdir()] == ["osetra.db"]


@pytest.mark.parametrize("name", ["a.sqlite", "b.SQLITE3", "odd ? name # 100% ü.db"])
def test_a_path_may_be_given_as_text_or_url(tmp_path, name):
    for given in (tmp_path / name, str(tmp_path / name), f"sqlite:///{tmp_path / name}"):
        open_store(given).close()
        assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_url_needs_no_ending(tmp_path):
    open_store(f"sqlite:///{tmp_path / 'studies'}").close()
    assert (tmp_path / "studies").exists()


def test_reading_makes_no_store(path):
    for options in ({"create": False}, {"read_only": True}, {"create": True, "read_only": True}):
        with refusal(StoreError, f"no store at {path}", "record a study"):
            open_store(path, **options)
    assert not list(path.parent.iterdir())


def test_an_empty_file_becomes_a_store_only_when_one_is_to_be_made(path):
    path.touch()
    with refusal(StoreError, f"no store at {path}", "holds no studies"):
        open_store(path, create=False)
    assert path.stat().st_size == 0
    open_store(path).close()
    open_store(path, create=False).close()


def test_a_store_for_reading_reads_and_refuses_to_record(filled):
    before = filled.read_bytes()
    store = open_store(filled, read_only=True)
    assert len(store.trials("mine")) == 3
    for call in (lambda: store.record("mine", trials=[make_trial(7)]), lambda: store.create_study(make_study("b"))):
        with refusal(StoreError, str(filled), "for reading only", "open it for writing"):
            call()
    store.close()
    assert filled.read_bytes() == before
    assert [file.name for file in filled.parent.iterdir()] == ["osetra.db"]


def test_a_reader_follows_the_writer(filled):
    writer, reader = open_store(filled), open_store(filled, read_only=True)
    writer.record("mine", trials=[make_trial(3, 0.125)])
    assert reader.studies()[0].best == make_trial(3, 0.125)
    writer.close()
    reader.close()


@pytest.mark.parametrize("live", [False, True], ids=["closed", "being written"])
def test_a_store_in_a_folder_that_may_only_be_read_can_be_read(filled, live, monkeypatch):
    # What the file system allows is pretended: as root everything may be written.
    writer = open_store(filled)
    writer.record("mine", trials=[make_trial(3, 0.125)])
    if not live:
        writer.close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK)
    reader = open_store(filled, read_only=True)
    assert len(reader.trials("mine")) == 4
    reader.close()
    with refusal(StoreError, str(filled), "cannot be written to", "make it writable", "reading only"):
        open_store(filled)
    writer.close()


# What is no store


def test_a_place_that_cannot_hold_a_store_is_refused(tmp_path):
    file = tmp_path / "file.txt"
    file.write_text("mine")
    folder = tmp_path / "folder.db"
    folder.mkdir()
    with refusal(StoreError, str(file), "is a file, not a folder", "another path"):
        open_store(file / "osetra.db")
    with refusal(StoreError, str(tmp_path / "missing"), "does not exist", "mkdir -p"):
        open_store(tmp_path / "missing" / "osetra.db")
    with refusal(StoreError, str(folder), "is a folder", str(folder / "osetra.db")):
        open_store(folder)
    with refusal(StoreError, "cannot be opened", "another path"):
        open_store(tmp_path / ("x" * 300 + ".db"))
    assert file.read_text() == "mine"
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("studies.csv", ["ending in .db", "studies.csv.db"]),
        ("mysql://me:secret@host/db", ["ending in .db", "begins with mysql://"]),
        ("sqlite://", ["sqlite:///path", "MemoryStore"]),
        ("sqlite:///:memory:", ["sqlite:///path", "MemoryStore"]),
        ("", ["ending in .db", "osetra.db"]),
        ("bad\0name.db", ["NUL character"]),
    ],
)
def test_an_address_of_no_store_is_refused(given, words):
    with refusal(StoreError, *words):
        open_store(given)


def test_a_refusal_does_not_repeat_a_password():
    with pytest.raises(StoreError) as raised:
        open_store("mysql://me:secret@host/db")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_without_its_driver_says_what_to_install(scheme, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "psycopg" else find(name, *more))
    with refusal(MissingExtra, 'pip install "psycopg[binary]"'):
        open_store(f"{scheme}://me@localhost/studies")


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"x", b"SQLite format 2\0" + b"\0" * 5000])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(path, content):
    path.write_bytes(content)
    for options in ({}, {"create": False}, {"read_only": True}):
        with refusal(StoreError, str(path), "of another kind", "another path"):
            open_store(path, **options)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["osetra.db"]


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (x)", "CREATE TABLE alembic_version (version_num TEXT)"])
def test_a_database_of_another_program_is_refused_and_left_as_it_is(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
        if "alembic" in statement:
            connection.execute("INSERT INTO alembic_version VALUES ('1f2e3d')")
    connection.close()
    before = path.read_bytes()
    for options in ({}, {"create": False}, {"read_only": True}):
        with refusal(StoreError, str(path), "another program", "another path"):
            open_store(path, **options)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_osetra_is_refused_and_left_as_it_is(filled):
    change(filled, "UPDATE alembic_version SET version_num = 'osetra_9999'")
    before = filled.read_bytes()
    for options in ({}, {"read_only": True}):
        with refusal(StoreError, str(filled), "newer osetra", "osetra_9999", "upgrade osetra"):
            open_store(filled, **options)
    assert filled.read_bytes() == before


@pytest.mark.parametrize("size", [50, 100, 2000, 4096, 10_000])
def test_a_store_cut_short_is_an_error_that_says_so(filled, size):
    with filled.open("r+b") as file:
        file.truncate(size)
    before = filled.read_bytes()
    for options in ({}, {"read_only": True}):
        with refusal(StoreError, str(filled), "damaged or cut short", "put back a copy"):
            open_store(filled, **options)
    assert filled.read_bytes() == before


def test_damage_within_a_store_is_an_error_and_not_a_crash(filled):
    for damage in ("state = 'odd'", "configuration = '{'", "reason = CAST(x'ff' AS TEXT)"):
        copy = filled.with_name("copy.db")
        shutil.copy(filled, copy)
        change(copy, f"UPDATE trials SET {damage}")
        store = open_store(copy)
        with refusal(StoreError, str(copy)):
            store.trials("mine")
        assert store.study("mine").name == "mine"
        store.close()


# Versions


def test_the_migrations_lead_to_the_schema(path):
    open_store(path).close()
    made = path.with_name("made.db")
    engine = create_engine(f"sqlite:///{made}")
    schema.metadata.create_all(engine)
    engine.dispose()
    assert tables(path) == tables(made)


def test_alembic_finds_nothing_to_change(path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    open_store(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), schema.metadata) == []
    engine.dispose()


def test_the_version_is_that_of_the_newest_migration():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == schema.VERSION


def test_postgresql_gets_the_same_tables():
    """Only the words: that a server takes them is beyond this test."""
    statements = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in schema.metadata.sorted_tables]
    indexes = [str(CreateIndex(i).compile(dialect=postgresql.dialect())) for t in schema.metadata.sorted_tables for i in t.indexes]
    assert "id BIGSERIAL NOT NULL" in statements[0]
    assert "train_cost DOUBLE PRECISION NOT NULL" in "".join(statements)
    assert len(indexes) == 5
    assert "data BYTEA NOT NULL" in "".join(statements)


def test_the_migrations_lead_to_the_schema_in_postgresql_too():
    """Only the words: that a server takes them is beyond this test."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    spoken = StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": spoken})
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())):
            script.module.upgrade()
    made = [CreateTable(table).compile(dialect=postgresql.dialect()) for table in schema.metadata.sorted_tables]
    made += [CreateIndex(i).compile(dialect=postgresql.dialect()) for t in schema.metadata.sorted_tables for i in t.indexes]
    assert statements_in(spoken.getvalue()) == statements_in(";".join(map(str, made)))


def test_opening_a_store_that_is_up_to_date_leaves_alembic_alone(filled):
    code = "import sys; from osetra.store.sql import open_store; open_store(sys.argv[1]).close(); print('alembic' in sys.modules)"
    assert run(code, filled).communicate()[0] == "False\n"


def test_importing_the_module_leaves_sqlalchemy_alone():
    code = "import sys, osetra.store.sql, osetra.store.memory; print('sqlalchemy' in sys.modules)"
    assert run(code).communicate()[0] == "False\n"


def test_several_processes_may_make_the_same_store(path):
    code = """
import sys
from osetra.store.sql import open_store
from osetra.testing.stores import make_study
store = open_store(sys.argv[1])
store.create_study(make_study(sys.argv[2]))
store.close()
"""
    processes = [run(code, path, name) for name in "abc"]
    assert [process.communicate() and process.returncode for process in processes] == [0, 0, 0]
    store = open_store(path)
    assert {summary.study.name for summary in store.studies()} == {"a", "b", "c"}
    store.close()


# Crowds, kills and full disks


def test_a_writer_in_the_middle_of_a_transaction_blocks_no_reader(filled):
    code = """
import sys
from osetra.store.sql import open_store
store = open_store(sys.argv[1], create=False, read_only=sys.argv[2] == "read_only")
print(len(store.trials("mine")), store.studies()[0].trials)
store.close()
"""
    connection = sqlite3.connect(filled, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM trials WHERE number = 2")
    for mode in ("read_only", "writable"):
        assert run(code, filled, mode).communicate(timeout=20)[0] == "3 3\n"
    connection.execute("COMMIT")
    connection.close()


def test_a_locked_store_says_so_and_takes_the_call_later(filled):
    store = open_store(filled, lock_timeout_s=0.05)
    before = everything(store, "mine")
    other = sqlite3.connect(filled, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with refusal(StoreError, str(filled), "another process is writing", "wait", "safe"):
        store.record("mine", trials=[make_trial(3)])
    assert everything(store, "mine") == before
    other.execute("ROLLBACK")
    other.close()
    store.record("mine", trials=[make_trial(3)])
    assert store.trial("mine", 3) == make_trial(3)
    store.close()


def test_a_full_disk_says_so_and_loses_nothing(filled):
    """A process that may write no large file stands in for the disk."""
    code = """
import sys
from osetra.core.errors import StoreError
from osetra.store.sql import open_store
from osetra.testing.stores import make_trial
store = open_store(sys.argv[1])
recorded = 0
try:
    while recorded < 10_000:
        store.record("mine", trials=[make_trial(10 + recorded, configuration={"text": "x" * 3000})])
        recorded += 1
except StoreError as error:
    print(error)
print(recorded, len(store.trials("mine")))
"""
    limit = (300_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    process = run(code, filled, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    message, counts = process.communicate(timeout=60)[0].splitlines()
    recorded, seen = map(int, counts.split())
    assert "the disk refused" in message
    assert str(filled) in message
    assert 0 < recorded == seen - 3
    check(filled)
    store = open_store(filled)
    assert len(store.trials("mine")) == seen
    store.record("mine", trials=[make_trial(3)])
    store.close()


def test_a_database_that_may_not_grow_says_the_disk_is_full(filled, monkeypatch):
    connect = sqlite3.connect

    def small(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    store = open_store(filled)
    before = everything(store, "mine")
    with refusal(StoreError, str(filled), "disk is full", "free some space", "safe"):
        store.record("mine", trials=[make_trial(3)], epochs={3: [make_epoch(epoch) for epoch in range(1, 5000)]})
    assert everything(store, "mine") == before
    store.close()


def test_a_killed_writer_loses_nothing_it_was_told_is_recorded(path):
    code = """
import sys
from osetra.store.sql import open_store
from osetra.testing.stores import make_epoch, make_event, make_study, make_trial
store = open_store(sys.argv[1])
store.create_study(make_study())
for number in range(100_000):
    curve = [make_epoch(epoch) for epoch in range(1, 21)]
    store.record("mine", trials=[make_trial(number, 0.5)], epochs={number: curve}, events=[make_event(number)])
    print(number, flush=True)
"""
    process = run(code, path)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    store = open_store(path)
    trials, events = everything(store, "mine")
    # One more may have been recorded just before its number could be told.
    assert list(trials) in (told, [*told, len(told)])
    assert all(len(curve) == 20 for _, curve in trials.values())
    assert [event.trial for event in events] == list(trials)
    store.record("mine", trials=[make_trial(len(trials))])
    store.close()
    check(path)


def test_one_bad_call_does_not_keep_the_store_locked(filled):
    store = open_store(filled)
    other = open_store(filled, lock_timeout_s=0.05)
    with refusal(StudyError, "no trial 9"):
        store.record("mine", trials=[make_trial(3)], epochs={9: [make_epoch(1)]})
    other.record("mine", trials=[make_trial(4)])
    store.close()
    other.close()


def statements_in(text: str) -> list[str]:
    return sorted(" ".join(statement.split()) for statement in text.split(";") if statement.strip())


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def check(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def tables(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'").fetchall()
    connection.close()
    return {name: " ".join(sql.split()) for name, sql in found}


def test_a_file_that_is_open_as_a_database_is_opened_by_sqlite_alone(tmp_path, monkeypatch):
    place = tmp_path / "s.db"
    with closing(open_store(place)) as store:
        assert store.studies() == []

        def opened(*_, **__):
            raise AssertionError("closing it again would drop the locks that this process holds on it")

        monkeypatch.setattr(Path, "open", opened)
        with closing(open_store(place, create=False, read_only=True)) as another:
            assert another.studies() == []
