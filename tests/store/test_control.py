"""Commands, checkpoints and writers of a store in a file: among processes, and with damage."""

import pickle
import platform
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import event

from osetra.core.errors import StoreError, StudyError
from osetra.core.records import CommandState
from osetra.store import relational_control, writers
from osetra.store.memory import MemoryStore
from osetra.store.sql import open_store
from osetra.testing.stores import NOON, make_epoch, make_study, make_trial, refusal
from osetra.testing.stores_control import kinds, make_checkpoint, make_command

has_proc = pytest.mark.skipif(not writers._machine(), reason="this system has no /proc, so only the beat tells whether a writer lives")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "osetra.db"


@pytest.fixture
def store(path):
    store = open_store(path)
    store.create_study(make_study())
    store.record("mine", trials=[make_trial(0), make_trial(1)])
    yield store
    store.close()


def change(path, statement, *values):
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def run(code, *arguments) -> Any:
    """A Python process of its own that runs `code`, with its input and output piped."""
    code = f"import sys\nfrom osetra.testing.stores import *\nfrom osetra.testing.stores_control import *\n{code}"
    command = [sys.executable, "-c", f"from osetra.store.sql import open_store\n{code}", *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# Writers

CLAIM = """
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    store.claim("mine", sys.argv[2])
except StudyError as error:
    print(error, flush=True)
else:
    print("claimed", flush=True)
sys.stdin.read()
"""


def test_of_many_processes_that_claim_a_study_one_gets_it(path, store):
    processes = [run(CLAIM, path, f"writer {number}") for number in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.stdout.readline() for process in processes]
    assert sum(answer == "claimed\n" for answer in told) == 1
    number = told.index("claimed\n")
    for answer in told[:number] + told[number + 1 :]:
        assert f"'writer {number}' (process {processes[number].pid} on {socket.gethostname()}, since 20" in answer
        assert "last sign of life 0 s ago; wait for it, stop it, or open the store for reading only" in answer
    for process in processes:
        process.communicate()


@has_proc
def test_a_killed_writer_gives_up_its_study_at_once(path, store):
    holder = run(CLAIM, path, "the killed one")
    holder.stdout.readline()
    holder.stdin.write("go\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "claimed\n"
    with refusal(StudyError, f"'the killed one' (process {holder.pid}"):
        store.claim("mine", "mine now")
    # Stopped is not gone, however long it is silent.
    holder.send_signal(signal.SIGSTOP)
    change(path, "UPDATE writers SET beat = 0")
    with refusal(StudyError, f"'the killed one' (process {holder.pid}"):
        store.claim("mine", "mine now")
    holder.kill()
    while (writers._process(holder.pid) or "?")[0] != "Z":
        time.sleep(0.01)
    # It was not waited for yet, so it is still listed.
    store.claim("mine", "mine now")
    store.beat("mine", "mine now")
    holder.communicate()
    store.release("mine", "mine now")


@has_proc
def test_another_process_that_got_the_number_of_the_writer_is_not_taken_for_it(path, store):
    store.claim("mine", "a")
    change(path, "UPDATE writers SET started = started || '1', owner = 'b'")
    store.claim("mine", "a")


@has_proc
def test_a_number_that_no_process_has_is_of_one_that_ended(path, store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    store.claim("mine", "b")
    change(path, "UPDATE writers SET pid = ?", ended.pid)
    store.claim("mine", "a")


@has_proc
def test_a_process_that_may_not_be_seen_is_judged_by_its_beat(path, store, monkeypatch):
    store.claim("mine", "b")
    monkeypatch.setattr(writers, "_process", lambda pid: None)
    with refusal(StudyError, "'b' (process"):
        store.claim("mine", "a")
    change(path, "UPDATE writers SET beat = beat - 61000000")
    store.claim("mine", "a")


@pytest.mark.parametrize(("silence_s", "gone"), [(5, False), (59, False), (62, True), (10**6, True), (-59, False), (-3600, True)])
def test_a_writer_elsewhere_is_gone_after_a_minute_without_a_beat(path, store, silence_s, gone):
    """Below 0, the clock was put back since the beat."""
    store.claim("mine", "far away")
    beat = time.time_ns() // 1000 - silence_s * 1_000_000
    change(path, "UPDATE writers SET machine = 'another', host = 'other', pid = 1, beat = ?", beat)
    if gone:
        store.claim("mine", "a")
        store.beat("mine", "a")
    else:
        with refusal(StudyError, "'far away' (process 1 on other", "counts as gone 60 s after its last"):
            store.claim("mine", "a")


def test_a_system_without_proc_goes_by_the_beat(path, store, monkeypatch, tmp_path):
    monkeypatch.setattr(writers, "_PROC", tmp_path)
    store.claim("mine", "b")
    store.claim("mine", "b")
    with refusal(StudyError, "'b' (process"):
        store.claim("mine", "a")
    change(path, "UPDATE writers SET beat = beat - 61000000")
    store.claim("mine", "a")
    store.release("mine", "a")
    store.claim("mine", "b")


def test_a_machine_that_is_renamed_keeps_its_claims(store, monkeypatch):
    store.claim("mine", "a")
    monkeypatch.setattr(platform, "node", lambda: "renamed")
    store.beat("mine", "a")
    store.claim("mine", "a")
    store.release("mine", "a")
    store.claim("mine", "b")


def test_a_beat_moves_the_sign_of_life_and_not_the_beginning(path, store):
    store.claim("mine", "a")
    change(path, "UPDATE writers SET since = 5000000, beat = 5000000")
    store.beat("mine", "a")
    store.claim("mine", "a")
    with refusal(StudyError, "since 1970-01-01 00:00:05 UTC), last sign of life 0 s ago"):
        store.claim("mine", "b")


# Commands

STEER = """
from osetra.core.records import CommandState
store = open_store(sys.argv[1])
for number in range(40):
    store.add_command("mine", make_command(number % 2, f"{number}"))
"""


def test_commands_come_through_while_the_study_is_written(path, store):
    steering = run(STEER, path)
    heard, epoch = [], 0
    deadline = time.monotonic() + 30
    while len(heard) < 40 and time.monotonic() < deadline:
        epoch += 1
        store.record("mine", epochs={0: [make_epoch(epoch)]})
        for command in store.commands("mine", state=CommandState.WAITING):
            store.answer_command("mine", command.id, state=CommandState.DONE, answer="", epoch=epoch, at=NOON)
            heard.append(command.kind)
    assert steering.wait() == 0
    assert heard == [str(number) for number in range(40)]
    assert not kinds(store, state=CommandState.WAITING)
    assert len(store.curve("mine", 0)) == epoch
    steering.communicate()


ANSWER = """
from osetra.core.records import CommandState
store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for command in store.commands("mine"):
    try:
        store.answer_command("mine", command.id, state=CommandState.DONE, answer=sys.argv[2], at=NOON)
    except StoreError:
        continue
    print(command.id, flush=True)
"""


def test_of_two_processes_that_answer_a_command_one_is_heard(path, store):
    for number in range(30):
        store.add_command("mine", make_command(kind=f"{number}"))
    processes = {who: run(ANSWER, path, who) for who in "ab"}
    for process in processes.values():
        assert process.stdout.readline() == "ready\n"
    told = {who: process.communicate("go\n")[0].split() for who, process in processes.items()}
    assert [process.returncode for process in processes.values()] == [0, 0]
    answers = {str(command.id): command.answer for command in store.commands("mine")}
    assert {command: who for who in told for command in told[who]} == answers
    assert len(told["a"]) + len(told["b"]) == 30


def test_waiting_commands_are_found_without_a_look_at_the_answered_ones(path, store):
    statements = []
    engine = store._transactions._engine
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, values, *rest: statements.append((statement, values)))
    store.commands("mine", state=CommandState.WAITING)
    store.commands("mine", after=5)
    connection = sqlite3.connect(path)
    asked = [(statement, values) for statement, values in statements if "FROM commands" in statement]
    plans = [connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall() for statement, values in asked]
    connection.close()
    used = [re.findall(r"SEARCH commands USING INDEX (\w+) \((.*)\)$", row[-1]) for plan in plans for row in plan]
    assert used == [[("commands_by_state", "study_id=? AND state=? AND id>?")], [("commands_by_study", "study_id=? AND id>?")]]


# Checkpoints


@pytest.mark.parametrize(
    "damage",
    ["UPDATE checkpoint_data SET data = zeroblob(7)", "UPDATE checkpoint_data SET data = x'00'", "DELETE FROM checkpoint_data"],
    ids=["other bytes", "cut short", "none left"],
)
def test_a_damaged_checkpoint_says_so_and_what_else_there_is(path, store, damage):
    store.record("mine", checkpoints=[make_checkpoint(0, epoch) for epoch in (1, 2, 3)])
    change(path, f"{damage} WHERE epoch = 2")
    with refusal(StoreError, "trial 0 after epoch 2 of study 'mine' is damaged", "digest", "put back a copy", "such as after epoch 1, 3"):
        store.checkpoint("mine", 0, 2)
    assert store.checkpoint("mine", 0, 3) == b"weights"
    store.drop_checkpoints("mine", [(0, 1), (0, 3)])
    with refusal(StoreError, "is damaged", "train the trial again from its start"):
        store.checkpoint("mine", 0, 2)


def test_a_checkpoint_with_the_digest_of_other_data_is_told_from_a_good_one():
    store = MemoryStore()
    store.create_study(make_study())
    record, _ = make_checkpoint(data=b"weights")
    store.record("mine", trials=[make_trial(0)], checkpoints=[(record, b"WEIGHTS")])
    with refusal(StoreError, "is damaged", record.digest[:12], sha256(b"WEIGHTS").hexdigest()[:12]):
        store.checkpoint("mine", 0, 1)


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 95, 100])
def test_data_larger_than_a_value_may_be_is_kept_in_parts(path, store, size, monkeypatch):
    monkeypatch.setattr(relational_control, "PART_BYTES", 10)
    data = bytes(range(1, size + 1))
    store.record("mine", checkpoints=[make_checkpoint(data=b"x" * 55), make_checkpoint(data=data, epoch=2)])
    store.record("mine", checkpoints=[make_checkpoint(data=data)])
    assert store.checkpoint("mine", 0, 1) == store.checkpoint("mine", 0, 2) == data
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*), max(length(data)) FROM checkpoint_data WHERE epoch = 1").fetchone() == (
        (size + 9) // 10,
        min(size, 10) or None,
    )
    connection.close()
    if size > 20:
        change(path, "DELETE FROM checkpoint_data WHERE part = 1")
        with refusal(StoreError, "is damaged"):
            store.checkpoint("mine", 0, 1)


def test_the_room_of_dropped_checkpoints_is_used_again(path, store):
    sizes = []
    for epoch in range(1, 21):
        store.record("mine", checkpoints=[make_checkpoint(0, epoch, random.randbytes(300_000))])
        store.drop_checkpoints("mine", [(0, epoch - 2)])
        connection = sqlite3.connect(path)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.close()
        sizes.append(4096 * pages)
    assert sizes[-1] == sizes[3] < 1_200_000


def test_the_list_of_checkpoints_reads_none_of_their_data(path, store):
    store.record("mine", checkpoints=[make_checkpoint()])
    change(path, "DROP TABLE checkpoint_data")
    assert list(store.checkpoints("mine")) == [make_checkpoint()[0]]
    assert store.checkpoint_bytes("mine") == 7


TRAIN = """
import random
store = open_store(sys.argv[1])
epoch = 0
while True:
    epoch += 1
    back = {0: max(0, epoch - 3)} if epoch % 7 == 0 else {}
    epoch = back[0] + 1 if back else epoch
    given = [make_checkpoint(0, epoch, random.randbytes(50_000)), make_checkpoint(1, 0, random.randbytes(70_000))]
    store.record(
        "mine", trials=[make_trial(0, epochs=epoch)], rolled_back=back, epochs={0: [make_epoch(epoch)]}, checkpoints=given
    )
    store.drop_checkpoints("mine", [(0, epoch - 5)])
    print(epoch, flush=True)
"""


def test_a_writer_killed_at_its_checkpoints_leaves_each_whole(path, store):
    for _ in range(3):
        store.record("mine", rolled_back={0: 0})
        process = run(TRAIN, path)
        for _ in range(random.randrange(5, 30)):
            assert process.stdout.readline()
        time.sleep(random.uniform(0, 0.01))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        curve = [record.epoch for record in store.curve("mine", 0)]
        kept = store.checkpoints("mine", trial=0)
        assert curve == list(range(1, store.trial("mine", 0).epochs + 1))
        assert kept[-1].epoch == curve[-1]
        for record in store.checkpoints("mine"):
            assert len(store.checkpoint("mine", record.trial, record.epoch)) == record.bytes
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_a_store_for_reading_takes_no_command_no_checkpoint_and_no_writer(path, store):
    store.record("mine", checkpoints=[make_checkpoint()])
    command = store.add_command("mine", make_command())
    reader = open_store(path, read_only=True)
    for call in (
        lambda: reader.add_command("mine", make_command()),
        lambda: reader.answer_command("mine", command, state=CommandState.DONE, answer="", at=NOON),
        lambda: reader.record("mine", checkpoints=[make_checkpoint()]),
        lambda: reader.record("mine", rolled_back={0: 0}),
        lambda: reader.drop_checkpoints("mine", [(0, 1)]),
        lambda: reader.claim("mine", "a"),
        lambda: reader.beat("mine", "a"),
        lambda: reader.release("mine", "a"),
    ):
        with refusal(StoreError, str(path), "for reading only", "open it for writing"):
            call()
    assert reader.checkpoint("mine", 0, 1) == b"weights"
    assert kinds(reader) == ["pause"]
    reader.close()


def test_a_claim_does_not_go_with_a_copy_of_a_store_in_memory():
    store = MemoryStore()
    store.create_study(make_study())
    store.claim("mine", "a")
    copy = pickle.loads(pickle.dumps(store))
    copy.claim("mine", "b")
    store.beat("mine", "a")
