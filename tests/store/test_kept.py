"""Connections that a reader keeps for a moment: few are opened, nothing old is read from them, and none stays in the way."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from osetra.core.errors import StoreError, StudyError
from osetra.store import kept
from osetra.store.sql import open_store
from osetra.testing.stores import make_epoch, make_study, make_trial, refusal


@pytest.fixture
def path(tmp_path):
    """The path of a closed store with a study of three trials."""
    made = tmp_path / "osetra.db"
    fill(made)
    return made


@pytest.fixture
def opened(monkeypatch):
    """Connections that were opened meanwhile."""
    connect, made = sqlite3.connect, []

    def noting(*arguments, **options):
        made.append(connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", noting)
    return made


def fill(path, name="mine", count=3):
    with closing(open_store(path)) as store:
        store.create_study(make_study(name))
        store.record(name, trials=[make_trial(number, 0.5) for number in range(count)], epochs={0: [make_epoch(1)]})


def files(path):
    return sorted(file.name for file in path.parent.iterdir())


def comes(holds, seconds=10.0):
    """Whether it holds, now or soon."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


def are_closed(connections):
    def is_closed(connection):
        try:
            connection.execute("SELECT 1")
        except sqlite3.ProgrammingError:
            return True
        return False

    return all(map(is_closed, connections))


def test_one_connection_serves_one_question_after_another_and_follows_the_writer(path, opened):
    with closing(open_store(path)) as writer, closing(open_store(path, read_only=True)) as reader:
        reader.version("mine")
        before = len(opened)
        for number in range(3, 20):
            writer.record("mine", trials=[make_trial(number, 0.25)])
            assert len(reader.trials("mine")) == number + 1
            assert reader.studies()[0].trials == number + 1
        assert len(opened) == before


def test_a_question_that_is_refused_spoils_nothing(path, opened):
    with closing(open_store(path, read_only=True)) as reader:
        reader.trials("mine")
        before = len(opened)
        for _ in range(3):
            with refusal(StudyError, "other"):
                reader.trials("other")
            assert len(reader.trials("mine")) == 3
        assert len(opened) == before


def test_no_transaction_is_held_between_two_questions(path):
    with closing(open_store(path)) as writer, closing(open_store(path, read_only=True)) as reader:
        writer.record("mine", trials=[make_trial(3, 0.25)])
        assert len(reader.trials("mine")) == 4
        with refusal(StudyError, "other"):
            reader.curve("other", 0)
        with closing(sqlite3.connect(path, timeout=0)) as other:
            # Busy would be 1 where a reader still looks at an earlier state.
            busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0
        assert path.with_name("osetra.db-wal").stat().st_size == 0


def test_once_the_writer_has_closed_the_file_alone_holds_all_whoever_still_reads(path):
    with closing(open_store(path, read_only=True)) as reader:
        writer = open_store(path)
        writer.record("mine", trials=[make_trial(number, 0.25) for number in range(3, 50)])
        assert len(reader.trials("mine")) == 50
        writer.close()
        copy = path.with_name("copy.db")
        shutil.copy(path, copy)
        with closing(open_store(copy, read_only=True)) as copied:
            assert len(copied.trials("mine")) == 50
        copy.unlink()
        assert len(reader.trials("mine")) == 50
    assert files(path) == ["osetra.db"]


def test_a_writer_that_closes_waits_for_nobody(path):
    with closing(open_store(path)) as other, closing(sqlite3.connect(path, isolation_level=None)) as reading:
        writer = open_store(path)
        writer.record("mine", trials=[make_trial(3, 0.25)])
        reading.execute("BEGIN")
        assert reading.execute("SELECT count(*) FROM trials").fetchone() == (4,)
        other.record("mine", trials=[make_trial(4, 0.25)])
        ending = threading.Thread(target=writer.close)
        ending.start()
        ending.join(10)
        assert not ending.is_alive()
        reading.execute("COMMIT")
        assert len(other.trials("mine")) == 5


def test_what_nobody_asks_is_closed_and_leaves_one_file(path, opened, monkeypatch):
    monkeypatch.setattr(kept, "IDLE_S", 0.05)
    with closing(open_store(path, read_only=True)) as reader:
        reader.trials("mine")
        assert comes(lambda: are_closed(opened))
        assert comes(lambda: files(path) == ["osetra.db"])
        assert len(reader.trials("mine")) == 3
        assert comes(lambda: are_closed(opened))


def test_a_log_that_a_killed_writer_left_is_brought_in_by_who_reads_last(path, monkeypatch):
    code = """
import os, sys
from osetra.store.sql import open_store
from osetra.testing.stores import make_trial
store = open_store(sys.argv[1])
store.record("mine", trials=[make_trial(3, 0.25)])
print(flush=True)
sys.stdin.read()
"""
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline()
    with closing(open_store(path, read_only=True)) as reader:
        assert len(reader.trials("mine")) == 4
        writer.kill()
        writer.communicate()
        monkeypatch.setattr(kept, "LONGEST_S", 0.0)
        assert len(reader.trials("mine")) == 4
        assert files(path) == ["osetra.db"]
        assert len(reader.trials("mine")) == 4


def test_no_connection_is_kept_for_long_however_often_it_is_asked(path, opened, monkeypatch):
    with closing(open_store(path, read_only=True)) as reader:
        reader.trials("mine")
        monkeypatch.setattr(kept, "LONGEST_S", 0.0)
        before = len(opened)
        for _ in range(3):
            reader.trials("mine")
        assert len(opened) == before + 2
        assert are_closed(opened)


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_is_no_longer_there_is_not_read_from_what_was_kept(path, opened, how):
    other = path.with_name("other.db")
    with closing(open_store(path, read_only=True)) as reader:
        assert len(reader.trials("mine")) == 3
        path.rename(other)
        if how == "deleted":
            other.unlink()
        if how == "replaced":
            fill(path, "new", 5)
        for _ in range(2):
            with refusal(StoreError, str(path), "was moved or deleted", "put it back"):
                reader.trials("mine")
        assert are_closed(opened)
        if how == "moved":
            other.rename(path)
            assert len(reader.trials("mine")) == 3
    if how == "replaced":
        with closing(open_store(path)) as store:
            assert len(store.trials("new")) == 5
            store.record("new", trials=[make_trial(5, 0.25)])
    if how == "deleted":
        # SQLite leaves alone what may belong to a file that lies there next.
        assert path.with_name("osetra.db-wal").stat().st_size == 0
    else:
        assert not [name for name in files(path) if name.endswith(("-wal", "-shm"))]


def test_a_new_store_in_place_of_a_deleted_one_loses_nothing_to_who_still_holds_the_old(path):
    reader, writer = open_store(path, read_only=True), open_store(path)
    writer.record("mine", trials=[make_trial(number, 0.25) for number in range(3, 200)])
    assert len(reader.trials("mine")) == 200
    writer.close()
    # Its log and index stay, since the reader still has them open.
    path.unlink()
    with closing(open_store(path)) as new:
        new.create_study(make_study("new"))
        new.record("new", trials=[make_trial(number, 0.25) for number in range(100)])
        with pytest.raises(StoreError):
            reader.trials("mine")
        reader.close()
        new.record("new", trials=[make_trial(number, 0.25) for number in range(100, 300)])
        with closing(open_store(path, read_only=True)) as other:
            assert len(other.trials("new")) == 300
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(open_store(path)) as store:
        assert len(store.trials("new")) == 300


def test_a_file_that_was_written_over_in_its_place_is_read_anew(path, opened):
    other = path.with_name("other.db")
    fill(other, "mine", 40)
    with closing(open_store(path, read_only=True)) as reader:
        assert len(reader.trials("mine")) == 3
        number = path.stat().st_ino
        time.sleep(0.02)
        shutil.copyfile(other, path)
        assert path.stat().st_ino == number
        assert len(reader.trials("mine")) == 40
        assert are_closed(opened[:-1])


def test_of_a_file_that_may_only_be_read_none_is_kept(path, opened, monkeypatch):
    with closing(open_store(path, read_only=True)) as reader:
        reader.trials("mine")
        # What the file system allows is pretended: as root everything may be written.
        monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK)
        for _ in range(3):
            before = len(opened)
            assert len(reader.trials("mine")) == 3
            assert len(opened) == before + 1
            assert are_closed(opened)
    assert files(path) == ["osetra.db"]


def test_many_threads_may_ask_while_somebody_writes_and_few_connections_stay(path, opened):
    wrong, ended = [], threading.Event()
    with closing(open_store(path)) as writer, closing(open_store(path, read_only=True)) as reader:

        def ask():
            try:
                seen = 0
                while not ended.is_set():
                    # Both are recorded in one transaction.
                    found = reader.trials("mine", order_by="number")
                    assert [trial.number for trial in found] == list(range(len(found)))
                    assert len(found) >= seen
                    seen = len(found)
            except BaseException as error:  # noqa: BLE001 -- told below, in the test's own thread
                wrong.append(error)

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for number in range(3, 60):
            writer.record("mine", trials=[make_trial(number, 0.25)])
        ended.set()
        for thread in threads:
            thread.join(30)
        assert not wrong
        assert len(reader.trials("mine")) == 60
        readers = [connection for connection in opened if not are_closed([connection])]
        assert len(readers) <= kept.MOST + 2, "the writer's among them"
    assert are_closed(opened)
    assert files(path) == ["osetra.db"]


def test_a_process_that_ends_without_closing_leaves_one_file(path):
    code = "import sys; from osetra.store.sql import open_store; s = open_store(sys.argv[1], read_only=True); print(len(s.trials('mine')))"
    ended = subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert ended.stdout == "3\n"
    assert files(path) == ["osetra.db"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_leaves_alone_what_its_parent_kept(path):
    code = """
import gc, os, sys, warnings
warnings.simplefilter("ignore")
from osetra.store.sql import open_store
store = open_store(sys.argv[1], read_only=True)
print(len(store.trials("mine")), flush=True)
for reads in (True, False):
    child = os.fork()
    if not child:
        if reads:
            print(len(store.trials("mine")), flush=True)
        store.close()
        gc.collect()
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
writer = open_store(sys.argv[1])
writer.record("mine", trials=[__import__("osetra.testing.stores").testing.stores.make_trial(3, 0.25)])
print(len(store.trials("mine")), flush=True)
writer.close()
"""
    ended = subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["3", "3", "0", "0", "4"]
    assert files(path) == ["osetra.db"]


def test_what_was_kept_is_closed_with_its_store(path, opened):
    with closing(open_store(path, read_only=True)) as reader:
        reader.trials("mine")
    assert are_closed(opened)
    with refusal(StoreError, "is closed", "open it again"):
        reader.trials("mine")
    assert files(path) == ["osetra.db"]
