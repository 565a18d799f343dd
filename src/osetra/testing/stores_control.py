"""What any store must do with commands, checkpoints and writers: the second half of the contract behind `osetra.core.ports.Store`.

Used as `StoreContract` of `osetra.testing.stores`, and beside it:

    class TestMyStore(StoreContract, ControlContract):
        ...

Knows nothing of: how a store keeps things.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from osetra.core.errors import OsetraError, StoreError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Command, CommandState
from osetra.testing.stores_made import NOON, make_epoch, make_event, make_study, make_trial, refusal
from osetra.testing.stores_made import make_checkpoint as make_checkpoint
from osetra.testing.stores_made import make_command as make_command
from osetra.testing.stores_made import together as together
from osetra.testing.stores_writers import WritersContract

LATER = NOON + timedelta(seconds=3)


class ControlContract(WritersContract):
    """Every method takes an empty store."""

    # Commands

    def test_every_field_of_a_command_comes_back(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(3)])
        detail = {"learning_rate": 0.1 + 0.2, "layers": [1, 2], "none": None, "text": "ü\n\0"}
        full = Command(trial=3, kind="set", detail=detail, why="it's flat; 'halve' it", who="ümit", at=LATER)
        bare = Command(trial=None, kind="stop", who="", at=NOON)
        first, second = store.add_command("mine", full), store.add_command("mine", bare)
        assert 0 < first < second
        assert list(store.commands("mine")) == [replace(full, id=first), replace(bare, id=second)]
        store.answer_command("mine", first, state=CommandState.DONE, answer="from epoch 8 on", epoch=7, at=LATER)
        answered = replace(full, id=first, state=CommandState.DONE, answer="from epoch 8 on", epoch=7, answered=LATER)
        assert store.commands("mine")[0] == answered

    def test_commands_that_wait_come_in_the_order_given(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0), make_trial(1)])
        ids = [store.add_command("mine", make_command(number % 2, f"{number}", at=NOON - timedelta(days=number))) for number in range(6)]
        assert ids == sorted(set(ids))
        for place, state in ((1, CommandState.DONE), (4, CommandState.REFUSED)):
            store.answer_command("mine", ids[place], state=state, answer="", epoch=None, at=NOON)
        assert kinds(store, state=CommandState.WAITING) == ["0", "2", "3", "5"]
        assert kinds(store, state=CommandState.DONE) == ["1"]
        assert kinds(store, state=CommandState.REFUSED) == ["4"]
        assert kinds(store) == ["0", "1", "2", "3", "4", "5"]
        assert kinds(store, after=ids[3]) == ["4", "5"]
        assert kinds(store, after=ids[1], state=CommandState.WAITING) == ["2", "3", "5"]
        for nothing in (ids[5], 2**63, 10**30):
            assert not kinds(store, after=nothing)
        assert len(kinds(store, after=-(10**30))) == 6

    def test_a_command_is_answered_once(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0)])
        command = store.add_command("mine", make_command())
        store.answer_command("mine", command, state=CommandState.REFUSED, answer="it is over", at=NOON)
        before = list(store.commands("mine"))
        for state in (CommandState.DONE, CommandState.REFUSED):
            with refusal(StoreError, "answered once", f"command {command}", "refused already (it is over)", "new one"):
                store.answer_command("mine", command, state=state, answer="again", epoch=3, at=LATER)
        assert list(store.commands("mine")) == before

    def test_an_answer_that_is_none_is_refused_and_the_command_waits_on(self, store: Store) -> None:
        store.create_study(make_study())
        store.create_study(make_study("other"))
        store.record("mine", trials=[make_trial(0)])
        command = store.add_command("mine", make_command())
        before = list(store.commands("mine"))
        good: dict[str, Any] = {"state": CommandState.DONE, "answer": "", "at": NOON}
        bad: list[tuple[tuple[str, ...], dict[str, Any]]] = [
            (("done or refused", "waiting"), {"state": CommandState.WAITING}),
            (("Unicode",), {"answer": "\ud800"}),
            (("epoch", "between 0 and"), {"epoch": -1}),
            (("time zone",), {"at": NOON.replace(tzinfo=None)}),
        ]
        for words, part in bad:
            with refusal(StoreError, f"the answer to command {command}", *words):
                store.answer_command("mine", command, **(good | part))
        for absent in (command + 1, -1, 10**30):
            with refusal(StoreError, f"study 'mine' has no command {absent}"):
                store.answer_command("mine", absent, **good)
        with refusal(StoreError, f"study 'other' has no command {command}"):
            store.answer_command("other", command, **good)
        assert list(store.commands("mine")) == before

    def test_a_command_that_is_not_new_or_cannot_be_kept_is_refused(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0)])
        unkept: Any = {"rate": {1, 2}}
        bad: list[tuple[type[OsetraError], tuple[str, ...], Command]] = [
            (StoreError, ("added once", "with id 1"), make_command(id=1)),
            (StoreError, ("added once", "done"), make_command(state=CommandState.DONE)),
            (StoreError, ("added once",), make_command(answered=NOON)),
            (StoreError, ("detail of the command 'pause'", "JSON"), make_command(detail=unkept)),
            (StoreError, ("why of the command 'pause'", "Unicode"), make_command(why="\ud800")),
            (StoreError, ("time of the command 'pause'", "time zone"), make_command(at=NOON.replace(tzinfo=None))),
            (StudyError, ("has no trial 1", "numbered 0 to 0"), make_command(1)),
            (StudyError, ("has no trial 1" + "0" * 30,), make_command(10**30)),
        ]
        for error, words, command in bad:
            with refusal(error, *words):
                store.add_command("mine", command)
        assert not store.commands("mine")

    def test_of_many_threads_that_answer_a_command_one_is_heard(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0)])
        ids = [store.add_command("mine", make_command()) for _ in range(5)]
        heard: list[tuple[int, str]] = []

        def answer(who: str) -> None:
            for command in ids:
                try:
                    store.answer_command("mine", command, state=CommandState.DONE, answer=who, at=NOON)
                except StoreError:
                    continue
                heard.append((command, who))

        together([lambda who=who: answer(who) for who in "abc"])
        assert sorted(heard) == [(command.id, command.answer) for command in store.commands("mine")]

    # Checkpoints

    def test_a_checkpoint_comes_back_with_its_data(self, store: Store) -> None:
        store.create_study(make_study())
        everything_a_byte_can_be = bytes(range(256)) * 20
        given = [
            make_checkpoint(1, 5, everything_a_byte_can_be, why="before change", step=2**40, at=LATER),
            make_checkpoint(0, 2, b""),
            make_checkpoint(1, 0, b"\0", step=0),
        ]
        store.record("mine", trials=[make_trial(0), make_trial(1)], checkpoints=given)
        assert list(store.checkpoints("mine")) == [given[1][0], given[2][0], given[0][0]]
        assert list(store.checkpoints("mine", trial=1)) == [given[2][0], given[0][0]]
        assert not store.checkpoints("mine", trial=7)
        for record, data in given:
            assert store.checkpoint("mine", record.trial, record.epoch) == data
        assert store.checkpoint_bytes("mine") == len(everything_a_byte_can_be) + 1

    def test_a_checkpoint_of_the_same_epoch_is_replaced(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0)], checkpoints=[make_checkpoint(data=b"old" * 100), make_checkpoint(epoch=2)])
        record, data = make_checkpoint(data=b"new", why="asked")
        store.record("mine", checkpoints=[make_checkpoint(data=b"overtaken"), (record, data)])
        assert store.checkpoints("mine")[0] == record
        assert store.checkpoint("mine", 0, 1) == data
        assert store.checkpoint_bytes("mine") == len(data) + len(b"weights")

    def test_dropped_checkpoints_are_gone_and_others_stay(self, store: Store) -> None:
        store.create_study(make_study())
        given = [make_checkpoint(trial, epoch, bytes([trial, epoch])) for trial in (0, 1) for epoch in (1, 2, 3)]
        store.record("mine", trials=[make_trial(0), make_trial(1)], checkpoints=given)
        store.drop_checkpoints("mine", [(0, 1), (1, 3), (0, 9), (8, 1), (10**30, 1)])
        store.drop_checkpoints("mine", [])
        assert [(kept.trial, kept.epoch) for kept in store.checkpoints("mine")] == [(0, 2), (0, 3), (1, 1), (1, 2)]
        assert store.checkpoint_bytes("mine") == 8
        with refusal(StudyError, "trial 0 of study 'mine' has no checkpoint after epoch 1", "after epoch 2, 3"):
            store.checkpoint("mine", 0, 1)
        with refusal(StudyError, "trial 8 of study 'mine' has no checkpoint after epoch 1", "from its start"):
            store.checkpoint("mine", 8, 1)
        store.drop_checkpoints("mine", [(kept.trial, kept.epoch) for kept in store.checkpoints("mine")])
        assert store.checkpoint_bytes("mine") == 0

    def test_checkpoints_of_two_studies_do_not_mix(self, store: Store) -> None:
        for name in ("one", "two"):
            store.create_study(make_study(name))
            store.record(name, trials=[make_trial(0)], checkpoints=[make_checkpoint(data=name.encode() * 3)])
        store.add_command("one", make_command())
        store.record("one", rolled_back={0: 0})
        assert not store.checkpoints("one")
        assert store.checkpoint("two", 0, 1) == b"twotwotwo"
        assert not store.commands("two")

    # Rolling back

    def test_a_rollback_takes_what_came_after_and_nothing_else(self, store: Store) -> None:
        store.create_study(make_study())
        curve = [make_epoch(epoch) for epoch in range(1, 6)]
        kept = [make_checkpoint(trial, epoch) for trial in (0, 1) for epoch in (0, 2, 4)]
        store.record("mine", trials=[make_trial(0), make_trial(1)], epochs={0: curve, 1: curve}, checkpoints=kept)
        again = make_epoch(3, dev_error=0.0625)
        rolled = make_event(0, "rolled back", epoch=2)
        store.record("mine", trials=[make_trial(0, epochs=3)], rolled_back={0: 2}, epochs={0: [again]}, events=[rolled])
        assert list(store.curve("mine", 0)) == [*curve[:2], again]
        assert list(store.curve("mine", 1)) == curve
        assert [(kept.trial, kept.epoch) for kept in store.checkpoints("mine")] == [(0, 0), (0, 2), (1, 0), (1, 2), (1, 4)]
        assert list(store.events("mine")) == [rolled]
        store.record("mine", rolled_back={0: 0, 1: 5})
        assert not store.curve("mine", 0)
        assert list(store.curve("mine", 1)) == curve

    def test_a_checkpoint_taken_in_the_call_that_rolls_back_stays(self, store: Store) -> None:
        store.create_study(make_study())
        store.record("mine", trials=[make_trial(0)], checkpoints=[make_checkpoint(epoch=4, data=b"old")])
        store.record("mine", rolled_back={0: 2}, checkpoints=[make_checkpoint(epoch=4, data=b"new")])
        assert store.checkpoint("mine", 0, 4) == b"new"

    def test_a_control_call_with_one_bad_part_writes_nothing(self, store: Store) -> None:
        store.create_study(make_study())
        curve = [make_epoch(1), make_epoch(2)]
        store.record("mine", trials=[make_trial(0)], epochs={0: curve}, checkpoints=[make_checkpoint(), make_checkpoint(epoch=2)])
        before = list(store.checkpoints("mine"))
        good: dict[str, Any] = {"trials": [make_trial(0, 0.5)], "rolled_back": {0: 1}, "checkpoints": [make_checkpoint(data=b"other")]}
        bad: list[tuple[type[OsetraError], tuple[str, ...], dict[str, Any]]] = [
            (StoreError, ("epoch 1 of trial 0", "came again"), {"epochs": {0: [make_epoch(2), make_epoch(1)]}}),
            (StudyError, ("no trial 9",), {"rolled_back": {0: 1, 9: 1}}),
            (StudyError, ("no trial 9",), {"checkpoints": [make_checkpoint(), make_checkpoint(9)]}),
            (StoreError, ("rolled back to", "between 0 and", "-1"), {"rolled_back": {0: -1}}),
            (StoreError, ("epoch of the checkpoint of trial 0", "between 0"), {"checkpoints": [make_checkpoint(epoch=2**31)]}),
            (StoreError, ("step of the checkpoint", "between 0"), {"checkpoints": [make_checkpoint(step=2**63)]}),
            (StoreError, ("its own data, of 7 bytes, got 3", "Checkpoint.of"), {"checkpoints": [(make_checkpoint()[0], b"odd")]}),
            (StoreError, ("time of the checkpoint", "time zone"), {"checkpoints": [make_checkpoint(at=NOON.replace(tzinfo=None))]}),
        ]
        for error, words, part in bad:
            with refusal(error, *words):
                store.record("mine", **(good | part))
            assert list(store.checkpoints("mine")) == before, words
            assert store.checkpoint("mine", 0, 1) == b"weights"
            assert list(store.curve("mine", 0)) == curve
            assert store.trial("mine", 0) == make_trial(0)
        store.record("mine", **good)
        assert store.checkpoint("mine", 0, 1) == b"other"

    def test_numbers_of_numpy_come_back_as_python_s_own_in_checkpoints(self, store: Store) -> None:
        store.create_study(make_study())
        given: dict[str, Any] = {"epoch": np.int64(3), "step": np.int64(7)}
        store.record("mine", trials=[make_trial(0)], checkpoints=[make_checkpoint(**given)])
        kept = store.checkpoints("mine")[0]
        assert (type(kept.epoch), type(kept.step)) == (int, int)
        assert store.checkpoint("mine", 0, 3) == b"weights"

    # What is not there

    def test_control_of_an_unknown_study_is_an_error_that_names_those_there_are(self, store: Store) -> None:
        store.create_study(make_study("first"))
        calls: list[Callable[[], object]] = [
            lambda: store.checkpoints("other"),
            lambda: store.checkpoint("other", 0, 1),
            lambda: store.drop_checkpoints("other", [(0, 1)]),
            lambda: store.checkpoint_bytes("other"),
            lambda: store.add_command("other", make_command()),
            lambda: store.commands("other"),
            lambda: store.answer_command("other", 1, state=CommandState.DONE, answer="", at=NOON),
            lambda: store.claim("other", "a"),
            lambda: store.beat("other", "a"),
            lambda: store.release("other", "a"),
            lambda: store.record("other", owner="a"),
            lambda: store.update_study(make_study("other"), owner="a"),
        ]
        for call in calls:
            with refusal(StudyError, "no study is named 'other'", "'first'"):
                call()
        store.close()
        for call in calls:
            with refusal(StoreError, "closed", "open it again"):
                call()


def kinds(store: Store, **options: Any) -> list[str]:
    return [command.kind for command in store.commands("mine", **options)]
